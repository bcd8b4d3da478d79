"""A worker process whose steps do as they are told: `python -m tests.fakes.scripted_worker CONNECTION FOLDER`.

The recording is a JSON object that says for each step what it does:

    complete        it completes
    fail            it fails
    die             the process is killed
    die_once        the process is killed unless it was killed there before
    wait PATH       it waits until somebody writes to the pipe PATH
    niceness        it fails with the niceness of the process as its reason
    children        it starts another process, fails with its id as the reason, and goes on
    call ROLE       it calls the model of a role, and its backend is what the model returns
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np

from services.scoring.backends import choice
from services.scoring.backends.choice import Backends
from services.scoring.pipeline.evaluating import Ended, Request
from services.scoring.pipeline.step import Progress, RecordingEvaluation, StepFailed, StepOutcome, StepStatus
from services.scoring.workers.evaluation_worker import main


def evaluate(request: Request, backends: Backends, report: Progress, ended: Ended) -> RecordingEvaluation:
    """Does what the script says, step by step."""
    script: dict[str, str] = json.loads(request.audio_path.read_text())
    for step, told in script.items():
        if ("", step) not in ended:
            report(StepOutcome(step, StepStatus.started))
            report(do(step, told, request.audio_path, backends))
    return RecordingEvaluation(1.5, {})


def do(step: str, told: str, script: Path, backends: Backends) -> StepOutcome:
    """Does what one step is told to."""
    match told.split():
        case ["fail"]:
            return failed(step, "It was told to fail.")
        case ["die"]:
            os.kill(os.getpid(), signal.SIGKILL)
        case ["die_once"]:
            mark = script.with_suffix(f".{step}")
            if not mark.exists():
                mark.touch()
                os.kill(os.getpid(), signal.SIGKILL)
        case ["wait", path]:
            Path(path).read_bytes()
        case ["niceness"]:
            return failed(step, str(os.getpriority(os.PRIO_PROCESS, 0)))
        case ["children"]:
            return failed(step, str(subprocess.Popen(["sleep", "600"]).pid))
        case ["call", role]:
            try:
                found = backends.get(getattr(choice, role.upper())).score(np.zeros(16_000, np.float32))
            except StepFailed as error:
                return failed(step, str(error))
            return StepOutcome(step, StepStatus.completed, backend=str(found.signal_mos))
    return StepOutcome(step, StepStatus.completed, backend="scripted")


def failed(step: str, reason: str) -> StepOutcome:
    """Returns a failed outcome."""
    return StepOutcome(step, StepStatus.failed, reason=reason)


if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])), Path(sys.argv[2]), evaluate)
