"""A process that evaluates one recording after the other:
`python -m services.scoring.workers.evaluation_worker CONNECTION FOLDER`.

CONNECTION is a socket that it inherits. Requests come in and outcomes of steps go out, as frames. FOLDER is for
temporary files. The process ends when the connection ends.
"""

from __future__ import annotations

import errno
import os
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Any

import structlog

from services.runtime import telemetry
from services.scoring.backends.backend import BackendSettings
from services.scoring.backends.choice import Backends
from services.scoring.pipeline import evaluating
from services.scoring.pipeline.decoding import DISK_FULL
from services.scoring.pipeline.evaluating import Ended, Request, chosen_steps
from services.scoring.pipeline.outcome_json import from_json, outcome_from_json
from services.scoring.pipeline.step import Progress, RecordingEvaluation, StepOutcome, StepStatus
from services.scoring.pipeline.work import Options
from services.scoring.workers import frames
from services.scoring.workers.frames import ConnectionLost
from services.scoring.workers.model_client import ModelCaller, RemoteBackends

log = structlog.get_logger()

Evaluate = Callable[[Request, Backends, Progress, Ended], RecordingEvaluation]


def main(connection: socket.socket, folder: Path, evaluate: Evaluate = evaluating.evaluate) -> None:
    """Evaluates until the connection ends."""
    tempfile.tempdir = str(folder)
    messages: SimpleQueue[Any] = SimpleQueue()
    Thread(target=_receive, args=(connection, folder, messages), daemon=True).start()
    first = messages.get()
    backends = RemoteBackends(from_json(BackendSettings, first["settings"]), Path(first["models"]))
    while True:
        _answer(connection, messages.get(), backends, evaluate)


def _receive(connection: socket.socket, folder: Path, messages: SimpleQueue[Any]) -> None:
    try:
        while True:
            messages.put(frames.receive(connection))
    except ConnectionLost:
        # Scoring wants no more of it, or ended. The decoder is in this process group as well.
        shutil.rmtree(folder, ignore_errors=True)
        os.killpg(0, signal.SIGKILL)


def _answer(connection: socket.socket, job: Any, backends: RemoteBackends, evaluate: Evaluate) -> None:
    frames.send(connection, {"kind": "began"})
    backends.caller = ModelCaller(job["developer_id"], job["interactive"], job["alone"])
    request = Request(
        Path(job["audio_path"]),
        from_json(Options, job["options"]),
        chosen_steps(job["steps"]),
        tuple(job["conditions"]),
        Path(job["copy_path"]) if job["copy_path"] else None,
    )
    ended = {(one.condition, one.step): one for one in map(outcome_from_json, job["ended"])}

    def report(outcome: StepOutcome) -> None:
        try:
            frames.send(connection, {"kind": "step", "outcome": outcome})
        except ValueError:
            failed = StepOutcome(
                outcome.step,
                StepStatus.failed,
                outcome.seconds,
                "It gave a value that is not a number.",
                condition=outcome.condition,
            )
            frames.send(connection, {"kind": "step", "outcome": failed})

    try:
        found = evaluate(request, backends, report, ended)
    except ConnectionLost:
        return
    except OSError as error:
        log.exception("an evaluation failed", evaluation_id=job["id"])
        full = error.errno == errno.ENOSPC
        frames.send(connection, {"kind": "failed", "reason": DISK_FULL if full else _own_error(error)})
    except Exception as error:
        log.exception("an evaluation failed", evaluation_id=job["id"])
        frames.send(connection, {"kind": "failed", "reason": _own_error(error)})
    else:
        frames.send(connection, {"kind": "ended", "duration_seconds": found.duration_seconds})


def _own_error(error: Exception) -> str:
    return f"The evaluation ended with an error of its own ({type(error).__name__})."


if __name__ == "__main__":
    telemetry.start_logging("scoring", os.environ.get("LOG_LEVEL", "INFO"))
    main(socket.socket(fileno=int(sys.argv[1])), Path(sys.argv[2]))
