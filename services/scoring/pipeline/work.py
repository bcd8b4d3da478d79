"""What the steps of one evaluation share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from threading import Lock
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from services.scoring.pipeline.decoding import DecodedAudio

B = TypeVar("B")


class Backends:
    """Backends by class, each loaded when a step first needs it and kept for later evaluations."""

    def __init__(self) -> None:
        self._loaded: dict[type, Any] = {}
        self._lock = Lock()

    def get(self, backend: type[B]) -> B:
        """Returns the backend. Raises BackendMissing if it cannot run here."""
        with self._lock:
            if backend not in self._loaded:
                self._loaded[backend] = backend()
            loaded: B = self._loaded[backend]
            return loaded


@dataclass(frozen=True, slots=True)
class Options:
    """What the caller says about a recording."""

    reference_text: str = ""
    """What should be spoken. Empty if unknown."""
    language: str = "en"
    """BCP 47."""
    num_speakers: int | None = None
    names: tuple[str, ...] = ()
    """Words that must come through exactly, besides those that are found by rule."""


@dataclass(eq=False)
class Work:
    """One recording, what is said of it, and the results so far."""

    audio: DecodedAudio
    options: Options
    backends: Backends
    results: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def samples(self) -> NDArray[np.float32]:
        """The mean of the channels at 16 kHz, -1 to 1."""
        return self.audio.mono()


Run = Callable[[Work], Any]
