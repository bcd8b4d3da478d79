"""A process with models that do as they are told:
`python -m tests.fakes.scripted_model_owner LISTENING CONTROL`.

If the folder MODEL_DIR of the settings has the file `die`, each call kills the process. If it has `die_once`, the next
call does, and removes the file. Otherwise the model returns the id of its process. If there is a file `seconds`, it
takes as long as the file says.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from typing import Any

from services.scoring.backends.backend import BackendSettings, ModelCapabilities, QualityScores, Samples
from services.scoring.backends.choice import Backends
from services.scoring.workers.model_owner import main


class ScriptedModel:
    """A model of quality."""

    name = "dnsmos"
    backend = "scripted/1"
    capabilities = ModelCapabilities(licence="none")

    def __init__(self, settings: BackendSettings) -> None:
        assert settings.model_dir is not None
        self._folder = settings.model_dir

    def score(self, samples: Samples) -> QualityScores:
        """Returns the number of the process, or ends it."""
        once = self._folder / "die_once"
        if once.exists():
            once.unlink()
            os.kill(os.getpid(), signal.SIGKILL)
        if (self._folder / "die").exists():
            os.kill(os.getpid(), signal.SIGKILL)
        if (seconds := self._folder / "seconds").exists():
            time.sleep(float(seconds.read_text()))
        return QualityScores(os.getpid(), 0.0, 0.0, 0.0)


class ScriptedBackends(Backends):
    """Has the scripted model in the place of each model."""

    def named(self, name: str) -> Any:
        return ScriptedModel


if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])), socket.socket(fileno=int(sys.argv[2])), ScriptedBackends)
