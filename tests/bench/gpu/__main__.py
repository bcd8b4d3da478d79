"""Measures the large models on a GPU in under 6 minutes: `make bench-gpu`, or `python -m tests.bench.gpu`.

Weights are random and of the real sizes, and each window is decoded to 40 tokens. Nothing is downloaded. All calls go
to the process that owns the models, through its queues. Without a GPU it runs the same code with small weights on the
CPU, and no figure counts. `--ceiling FILE` runs a script that measures the networks alone and prints a JSON object with
the stage `together` a line, for comparison on the same machine. The exit status is 1 if a target is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from rich.console import Console

from services.scoring.workers.processes import ModelOwner
from tests.bench.gpu import weights
from tests.bench.gpu.clips import RATE_HZ, call_of, clips_of, seconds_of
from tests.bench.gpu.owner import TOKENS
from tests.bench.gpu.queue_calls import QueueCalls
from tests.bench.result import BenchResult, show

MAX_SECONDS = 350.0
OWNER = (sys.executable, "-m", "tests.bench.gpu.owner")
CEILING_STAGES = "together,utmos_like,diarization,bert"
MIN_SHARE_OF_CEILING = 0.85
MIN_AUDIO_HOURS_PER_HOUR = 700.0
MIN_DIARIZATION_SPEED = 300.0
MAX_WAIT_BATCHES = 2.0


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured."""

    clips: int
    call_seconds: float
    bulk: int
    urgent: int
    threads: int


FULL = Sizes(clips=192, call_seconds=300.0, bulk=1000, urgent=20, threads=1100)
SMALL = Sizes(clips=2, call_seconds=11.0, bulk=6, urgent=1, threads=10)


class Bench:
    """Measures one figure after the other while there is time."""

    def __init__(self, sizes: Sizes, ceiling: Path | None, small: bool) -> None:
        self._sizes = sizes
        self._ceiling = ceiling
        self._small = small
        self._ends = time.monotonic() + MAX_SECONDS
        self.results: list[BenchResult] = []
        self.skipped: list[str] = []

    async def run(self) -> None:
        """Measures everything."""
        with TemporaryDirectory(prefix="bench-gpu-") as folder:
            device = "cpu" if self._small else "cuda"
            settings = weights.write(Path(folder) / "models", device, small=self._small)
            owner = ModelOwner(Path(folder) / "owner", settings, OWNER)
            owner.start()
            try:
                await asyncio.to_thread(self._through_the_queue, owner.address)
            finally:
                await owner.stop()

    def _through_the_queue(self, address: Path) -> None:
        queue = QueueCalls(address, self._sizes.threads)
        clips = clips_of(self._sizes.clips)
        note("loading and warming up")
        queue.all_models(clips[: max(2, len(clips) // 8)])
        queue.all_models(clips)
        note("clips through all models")
        took = min(queue.all_models(clips) for _ in range(2))
        speed = seconds_of(clips) / took
        self._add(
            "clips_through_all_models", speed, "audio-h/h", MIN_AUDIO_HOURS_PER_HOUR, f"{len(clips)} of 5 to 15 s"
        )
        if self._time_for("a call with diarization", 30):
            call = call_of(self._sizes.call_seconds)
            queue.diarize(call)
            took = min(queue.diarize(call) for _ in range(2))
            length = len(call) / RATE_HZ
            self._add("call_with_diarization", length / took, "x real time", MIN_DIARIZATION_SPEED, f"{length:.0f} s")
        if self._time_for("urgent recordings behind bulk", 60):
            waits, batch_seconds = queue.urgent_behind_bulk(clips, self._sizes.bulk, self._sizes.urgent)
            batches = float(np.percentile(waits, 95)) / batch_seconds
            detail = f"{len(waits)} behind {self._sizes.bulk}; a batch takes {batch_seconds:.2f} s"
            self._add("urgent_wait_p95", batches, "batches", MAX_WAIT_BATCHES, detail, higher_is_better=False)
        if self._ceiling is not None and self._time_for("the ceiling", 90):
            highest = self._measure_ceiling(self._ceiling)
            detail = f"the networks alone do {highest:,.0f}"
            self._add("share_of_ceiling", speed / highest, "", MIN_SHARE_OF_CEILING, detail)

    def _measure_ceiling(self, script: Path) -> float:
        command = [sys.executable, str(script), "--only", CEILING_STAGES, "--budget", f"{self._left() - 20:.0f}"]
        if self._small:
            command.append("--tiny")
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=max(self._left(), 60))
        rows = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        found = [row["audio_s_per_s"] for row in rows if row.get("way") == "batched, one model after another"]
        if not found:
            raise RuntimeError(f"{script} measured nothing: {done.stderr[-500:]}")
        return float(found[-1])

    def _add(
        self, name: str, value: float, unit: str, target: float, detail: str, *, higher_is_better: bool = True
    ) -> None:
        self.results.append(BenchResult(name, value, unit, target, higher_is_better, detail))

    def _left(self) -> float:
        return self._ends - time.monotonic()

    def _time_for(self, what: str, needed_seconds: float) -> bool:
        note(what)
        if self._left() < needed_seconds and not self._small:
            self.skipped.append(what)
            return False
        return True


def note(text: str) -> None:
    """Says what happens now."""
    Console(stderr=True).print(f"{time.strftime('%H:%M:%S')} {text}", highlight=False)


def main() -> int:
    """Measures, prints a table and returns the exit status."""
    parser = argparse.ArgumentParser(description="Measures the large models on a GPU.")
    parser.add_argument("--ceiling", type=Path, help="a script that measures the networks alone")
    parser.add_argument("--out", type=Path, help="a file for the results as JSON")
    arguments = parser.parse_args()
    small = not torch.cuda.is_available()
    device = "no GPU: small weights on the CPU, so no figure counts" if small else torch.cuda.get_device_name()
    note(f"{device}; {os.cpu_count()} processors, torch {torch.__version__}, {TOKENS} tokens in each window")
    bench = Bench(SMALL if small else FULL, arguments.ceiling, small)
    asyncio.run(bench.run())
    show(bench.results)
    if bench.skipped:
        Console().print(f"Not measured, because the time was over: {', '.join(bench.skipped)}.")
    if arguments.out:
        rows = [asdict(one) for one in bench.results]
        arguments.out.write_text(json.dumps({"device": device, "results": rows, "skipped": bench.skipped}, indent=2))
    return 0 if small else int(bool(bench.skipped) or not all(one.reached for one in bench.results))


if __name__ == "__main__":
    sys.exit(main())
