from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest

from services.scoring.backends.backend import BackendMissing, BackendSettings, Encoding, QualityScores
from services.scoring.backends.listening.dnsmos import Dnsmos
from services.scoring.pipeline.step import StepFailed
from services.scoring.workers import frames
from services.scoring.workers.model_client import ModelCaller, RemoteBackends

DESCRIBED = {
    "backend": "fake/1",
    "name": "fake",
    "licence": "none",
    "languages": ["de", "en"],
    "max_batch": 4,
    "frame_seconds": None,
}
BEGAN = {"kind": "began"}
Script = list[list[dict[str, Any]]]


class Owner:
    """Answers each call with the next replies of the script, then closes the connection."""

    def __init__(self, path: Path) -> None:
        self.script: Script = [[BEGAN, {"kind": "result", "value": DESCRIBED}]]
        self.calls: list[dict[str, Any]] = []
        self.listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listening.bind(str(path))
        self.listening.listen()
        Thread(target=self._answer, daemon=True).start()

    def _answer(self) -> None:
        while True:
            try:
                connection, _ = self.listening.accept()
            except OSError:
                return
            with connection:
                self.calls.append(frames.receive(connection))
                for reply in self.script.pop(0):
                    frames.send(connection, reply)


@pytest.fixture
def owner(tmp_path: Path) -> Iterator[Owner]:
    owner = Owner(tmp_path / "models")
    yield owner
    owner.listening.shutdown(socket.SHUT_RDWR)
    owner.listening.close()


@pytest.fixture
def model(owner: Owner, tmp_path: Path) -> Any:
    backends = RemoteBackends(BackendSettings(), tmp_path / "models")
    backends.caller = ModelCaller("dev_a", interactive=False, alone=False)
    return backends.load(Dnsmos)


def test_a_remote_model_is_described_as_the_model_is(model: Any) -> None:
    assert (model.backend, model.name, model.capabilities.languages) == ("fake/1", "fake", frozenset({"de", "en"}))


def test_a_call_says_for_whom_it_is(model: Any, owner: Owner) -> None:
    owner.script = [[BEGAN, {"kind": "result", "value": QualityScores(1.0, 2.0, 3.0, 4.0)}]]
    assert model.score(np.ones(3, np.float32)) == QualityScores(1.0, 2.0, 3.0, 4.0)
    call = owner.calls[-1]
    assert np.array_equal(call["arguments"].pop(), np.ones(3, np.float32))
    assert call == {
        "model": "fake",
        "method": "score",
        "arguments": [],
        "developer_id": "dev_a",
        "interactive": False,
        "alone": False,
    }


def test_results_can_have_arrays(model: Any, owner: Owner) -> None:
    encoding = Encoding(np.ones((2, 3), np.float32), np.array([[0, 0], [0, 2]]), np.array([True, False]))
    owner.script = [[BEGAN, {"kind": "result", "value": [encoding]}]]
    (found,) = model.encode(["hi"])
    assert isinstance(found, Encoding)
    assert np.array_equal(found.embeddings, encoding.embeddings)
    assert found.offsets.tolist() == [[0, 0], [0, 2]]
    assert found.special.tolist() == [True, False]


@pytest.mark.parametrize(
    ("reply", "error", "message"),
    [
        ({"kind": "missing", "reason": "No weights."}, BackendMissing, "No weights."),
        ({"kind": "out_of_memory"}, StepFailed, "The model fake needs more memory than there is."),
        ({"kind": "error", "error": "ValueError"}, StepFailed, r"The model fake ended with an error \(ValueError\)."),
    ],
)
def test_errors_say_what_happened(
    reply: dict[str, Any], error: type[Exception], message: str, model: Any, owner: Owner
) -> None:
    owner.script = [[BEGAN, reply]]
    with pytest.raises(error, match=f"^{message}$"):
        model.score(np.ones(3, np.float32))


def test_a_call_that_was_running_when_the_owner_ended_is_repeated_alone(model: Any, owner: Owner) -> None:
    owner.script = [[], [BEGAN], [], [BEGAN]]
    with pytest.raises(StepFailed, match="The process with the models ended while the model fake worked"):
        model.score(np.ones(3, np.float32))
    assert [call["alone"] for call in owner.calls[1:]] == [False, False, True, True]


def test_a_model_has_no_other_methods(model: Any) -> None:
    with pytest.raises(AttributeError, match="load_weights"):
        model.load_weights()


def test_an_owner_that_does_not_start_fails_the_step(tmp_path: Path) -> None:
    with pytest.raises(StepFailed, match="The process with the models does not start"):
        RemoteBackends(BackendSettings(), tmp_path / "nobody").load(Dnsmos)
