"""The models as a worker process sees them: each call goes to the process that owns them."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any

from services.scoring.backends.backend import Backend, BackendMissing, BackendSettings, ModelCapabilities
from services.scoring.backends.choice import Backends
from services.scoring.pipeline.outcome_json import from_json
from services.scoring.pipeline.step import StepFailed
from services.scoring.workers import frames
from services.scoring.workers.frames import ConnectionLost
from services.scoring.workers.model_calls import DESCRIBE, METHODS

MAX_DEATHS = 2
"""How often the owner may end while it runs a call."""
MAX_TRIES = 10


@dataclass(frozen=True, slots=True)
class ModelCaller:
    """For whom models are called."""

    developer_id: str
    interactive: bool
    alone: bool
    """Whether calls must not share the owner with others."""


class RemoteBackends(Backends):
    """The backends of an installation, which run in another process."""

    def __init__(self, settings: BackendSettings, address: Path) -> None:
        super().__init__(settings)
        self._address = address
        self._known: dict[type[Backend], RemoteBackend] = {}
        self._knowing = Lock()
        self.caller = ModelCaller("", interactive=True, alone=False)

    def load(self, chosen: type[Backend]) -> Any:
        """Returns a backend, which the owner loads when it is first needed."""
        with self._knowing:
            known = self._known.get(chosen)
        if known is None:
            known = RemoteBackend(self.call, self.call(chosen.name, DESCRIBE))
            with self._knowing:
                self._known[chosen] = known
        return known

    def call(self, model: str, method: str, *arguments: Any) -> Any:
        """Calls a method of a model and waits for what it returns.

        If the owner ends while it runs the call, the call is repeated alone. Raises StepFailed if it ends again.
        """
        alone, deaths = self.caller.alone, 0
        for _ in range(MAX_TRIES):
            request = {
                "model": model,
                "method": method,
                "arguments": arguments,
                "developer_id": self.caller.developer_id,
                "interactive": self.caller.interactive,
                "alone": alone,
            }
            began = False
            try:
                with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                    self._connect(connection)
                    frames.send(connection, request, share=True)
                    while (reply := frames.receive(connection))["kind"] == "began":
                        began = True
                    return _result(model, reply)
            except ConnectionLost:
                deaths += began
                alone = alone or began
                if deaths == MAX_DEATHS:
                    break
        raise StepFailed(f"The process with the models ended while the model {model} worked on this recording.")

    def _connect(self, connection: socket.socket) -> None:
        try:
            connection.connect(str(self._address))
        except OSError:
            raise StepFailed("The process with the models does not start. The log of scoring says why.") from None


class RemoteBackend:
    """A model in another process."""

    def __init__(self, call: Callable[..., Any], described: dict[str, Any]) -> None:
        self._call = call
        self.backend: str = described["backend"]
        self.name: str = described["name"]
        self.frame_seconds: float | None = described["frame_seconds"]
        languages = described["languages"]
        self.capabilities = ModelCapabilities(
            licence=described["licence"],
            languages=None if languages is None else frozenset(languages),
            max_batch=described["max_batch"],
        )

    def __getattr__(self, method: str) -> Any:
        if method not in METHODS:
            raise AttributeError(method)
        return partial(self._method, method)

    def _method(self, method: str, *arguments: Any) -> Any:
        return from_json(METHODS[method]["return"], self._call(self.name, method, *arguments))


def _result(model: str, reply: dict[str, Any]) -> Any:
    match reply["kind"]:
        case "result":
            return reply["value"]
        case "missing":
            raise BackendMissing(reply["reason"])
        case "out_of_memory":
            raise StepFailed(f"The model {model} needs more memory than there is.")
        case _:
            raise StepFailed(f"The model {model} ended with an error ({reply['error']}).")
