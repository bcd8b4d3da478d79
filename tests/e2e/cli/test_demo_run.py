"""The whole demo, with a small server in place of the mesh."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

# The command line as a user runs it, except that it starts the stand-in. The background jobs of a
# shell ignore Ctrl-C, so its default handler is restored.
SCRIPT = """
import signal
import sys
signal.signal(signal.SIGINT, signal.default_int_handler)
import gateway.cli.demo
from gateway.cli.main import run
gateway.cli.demo.runner_command = lambda *_, **__: [sys.executable, "-m", "tests.e2e.cli.demo_mesh", sys.argv[1]]
sys.exit(run(["demo", *sys.argv[2:]]))
"""


def demo(folder: Path, fifo: str, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    """Starts the demo with its data in `folder`."""
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, fifo, "--data-dir", str(folder), *arguments],
        env={**os.environ, "API_PORT": "0", "COLUMNS": "80", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def without_times(lines: str) -> list[str]:
    """Returns the lines without the time at their end, and without ports and ids that change from run to run."""
    lines = re.sub(r"localhost:\d+", "localhost:PORT", re.sub(r"demo-[0-9a-f]{12}", "demo-ID", lines))
    return [re.sub(r" +\d+\.\d s$", "", line) for line in lines.splitlines()]


def test_every_step_is_announced_and_the_results_are_printed(tmp_path: Path) -> None:
    (tmp_path / "audio").mkdir()
    (tmp_path / "audio" / "trl_1.wav").write_bytes(b"RIFF")
    out, err = demo(tmp_path, "-").communicate(timeout=30)
    assert without_times(err) == [
        "  Starting the mesh: five services, NATS, PostgreSQL and Envoy ...",
        "✓ The mesh is ready at http://localhost:PORT",
        "  Registering a developer ...",
        "✓ Registered demo-ID@example.com",
        "  Listing the voices ...",
        "✓ 3 local voices; comparing en-us+croak, en-us+f3, en-us+robosoft8",
        "  Registering voice models with other speeds ...",
        "✓ Registered en-us+f3 at speed 1.6 and en-us+robosoft8 at speed 0.65",
        "  Creating the experiment ...",
        "✓ Created and started exp_00000000000000000000000000000000",
        "  Speaking and measuring ...",
        "1 of 1 trials ended: espeak:en-us+croak 1/1",
        "✓ 1 of 1 trials completed",
        "  Holding a tournament: local voices in battles, metrics vote ...",
        "✓ 1 voices met in 8 battles with 8 votes of the metrics",
        "  Stopping the mesh ...",
        "✓ Stopped; no process is left",
        "",
        "Next: `arena up` keeps a mesh running. Then `arena battle` lets you vote.",
        "`arena register` and `arena experiment create` compare voices of your choice.",
    ]
    printed = [line.rstrip() for line in out.splitlines()]
    board = printed.index("Leaderboard  hybrid, all scenarios")
    assert [line for line in printed[board:] if "Croak" in line and "1600" in line and "1400 to 1800" in line]
    assert printed[:board] == [
        "",
        "Voices",
        "  espeak:en-us+croak      natural pace",
        "  espeak:en-us+f3         hurried, speed 1.6",
        "  espeak:en-us+robosoft8  slow, speed 0.65",
        "",
        "Verdict",
        "espeak:en-us+croak wins, with high confidence.",
        "  Gap between the two best scores: high.",
        "  Evidence against chance: high.",
        "",
        "Audio",
        f"  1 WAV file in {tmp_path}/audio; those of the first prompt are",
        "    espeak:en-us+croak: trl_1.wav",
        "  a signed link, valid while the mesh runs: http://localhost/api/v1/audio/trl_1.wav?signature=x",
        "",
    ]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_demo_leaves_no_process(tmp_path: Path, number: signal.Signals) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    process = demo(tmp_path, str(fifo), DEMO_MESH_DOWN="1")
    child = int(fifo.read_text())
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert not psutil.pid_exists(child)
    assert "✓ Stopped; no process is left" in without_times(err)
    assert "Traceback" not in err


def test_the_mesh_ends_when_the_demo_is_killed(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    process = demo(tmp_path, str(fifo), DEMO_MESH_DOWN="1")
    child = psutil.Process(int(fifo.read_text()))
    process.kill()
    process.communicate(timeout=30)
    # A zombie does not run any more. Its new parent may be slow to collect it.
    _, alive = psutil.wait_procs([child], timeout=5)
    assert [one.status() for one in alive] in ([], [psutil.STATUS_ZOMBIE])
