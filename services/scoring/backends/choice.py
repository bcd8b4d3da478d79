"""Which backend an installation uses for what, loaded when first needed."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

import structlog

from services.scoring.backends.backend import (
    Backend,
    BackendMissing,
    BackendSettings,
    ModelCapabilities,
    is_out_of_memory,
)
from services.scoring.backends.listening.dnsmos import Dnsmos
from services.scoring.backends.listening.moonshine import MoonshineRecogniser
from services.scoring.backends.listening.silero import SileroActivity
from services.scoring.backends.listening.swift_f0 import SwiftF0Tracker
from services.scoring.backends.models.distillmos import DistillMos
from services.scoring.backends.models.encoder import TransformerEncoder
from services.scoring.backends.models.pyannote import PyannoteDiarizer
from services.scoring.backends.models.sensevoice import SenseVoice
from services.scoring.backends.models.utmos import Utmos
from services.scoring.backends.models.whisper import WhisperRecogniser

log = structlog.get_logger()

RETRY_LOADING_SECONDS = 60.0
"""A backend that can't be loaded is tried again after this time. Its steps are skipped with the reason until then."""


@dataclass(frozen=True, slots=True)
class Role:
    """Something that a backend does."""

    name: str
    candidates: tuple[type[Backend], ...]
    """The first one that can run here does it."""


SPEECH_ACTIVITY = Role("speech_activity", (SileroActivity,))
TRANSCRIPTION = Role("transcription", (WhisperRecogniser, MoonshineRecogniser))
PITCH = Role("pitch", (SwiftF0Tracker,))
QUALITY = Role("quality", (Dnsmos,))
NATURALNESS = Role("naturalness", (Utmos, DistillMos))
"""No single model decides how natural speech is, so all that can run here are asked."""
MEANING = Role("meaning", (TransformerEncoder,))
DIARIZATION = Role("diarization", (PyannoteDiarizer,))
EMOTION = Role("emotion", (SenseVoice,))


@dataclass(slots=True)
class _Slot:
    """A place for a loaded backend."""

    lock: Lock = field(default_factory=Lock)
    backend: Any = None
    failed: str = ""
    """Why it could not be loaded. Empty if that was not tried."""
    failed_at: float = 0.0


class Backends:
    """The backends of an installation."""

    def __init__(self, settings: BackendSettings | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings or BackendSettings()
        self._clock = clock
        self._slots: dict[type[Backend], _Slot] = {}
        self._lock = Lock()

    @property
    def settings(self) -> BackendSettings:
        """What the installation says."""
        return self._settings

    def choose(self, role: Role) -> type[Backend]:
        """Returns the backend for a role. Raises BackendMissing with what the candidates miss."""
        reasons = []
        for candidate in role.candidates:
            if not (reason := candidate.missing(self._settings)):
                return candidate
            reasons.append(reason)
        raise BackendMissing(reasons[-1])

    def get(self, role: Role) -> Any:
        """Returns the loaded backend for a role. Raises BackendMissing if there is none."""
        return self.load(self.choose(role))

    def get_all(self, role: Role) -> list[Any]:
        """Returns all backends for a role that load. Raises BackendMissing if there is none."""
        self.choose(role)
        found, reasons = [], []
        for candidate in role.candidates:
            if candidate.missing(self._settings):
                continue
            try:
                found.append(self.load(candidate))
            except BackendMissing as reason:
                reasons.append(reason)
        if not found:
            raise reasons[-1]
        return found

    def load(self, chosen: type[Backend]) -> Any:
        """Returns a backend, which is loaded when it is first needed. Others can be loaded at the same time."""
        with self._lock:
            slot = self._slots.setdefault(chosen, _Slot())
        with slot.lock:
            if slot.failed and self._clock() - slot.failed_at < RETRY_LOADING_SECONDS:
                raise BackendMissing(slot.failed)
            if slot.backend is None:
                try:
                    slot.backend = chosen(self._settings)
                except BackendMissing as reason:
                    slot.failed, slot.failed_at = str(reason), self._clock()
                    raise
                except Exception as error:
                    if is_out_of_memory(error):
                        raise
                    log.exception("a model can't be loaded", model=chosen.name)
                    slot.failed, slot.failed_at = _damaged(chosen.name, error), self._clock()
                    raise BackendMissing(slot.failed) from error
            return slot.backend

    def expected(self, role: Role) -> ModelCapabilities:
        """Returns what the backend for a role can do with these settings. Raises BackendMissing if there is none."""
        chosen = self.choose(role)
        # The languages of some depend on the model that the settings name.
        expected = getattr(chosen, "expected", None)
        found: ModelCapabilities = expected(self._settings) if expected else chosen.capabilities
        return found

    def capabilities(self, name: str) -> ModelCapabilities:
        """Returns what the backend with a name can do: those of the loaded one, or else what its class declares."""
        chosen = self.named(name)
        with self._lock:
            slot = self._slots.get(chosen)
        loaded: Backend | None = slot.backend if slot else None
        return chosen.capabilities if loaded is None else loaded.capabilities

    def named(self, name: str) -> type[Backend]:
        """Returns the backend with a name. Raises BackendMissing if there is none."""
        for role in [one for one in globals().values() if isinstance(one, Role)]:
            for candidate in role.candidates:
                if candidate.name == name:
                    return candidate
        raise BackendMissing(f"There is no model {name}.")


def _damaged(name: str, error: Exception) -> str:
    return (
        f"The model {name} can't be loaded ({type(error).__name__}). Its files are damaged, incomplete or of another "
        "version. Install its package again."
    )
