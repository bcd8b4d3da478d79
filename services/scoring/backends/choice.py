"""Which backend an installation uses for what, loaded when first needed."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock
from typing import Any

from services.scoring.backends.backend import Backend, BackendMissing, BackendSettings
from services.scoring.backends.listening.dnsmos import Dnsmos
from services.scoring.backends.listening.moonshine import MoonshineRecogniser
from services.scoring.backends.listening.silero import SileroActivity
from services.scoring.backends.listening.swift_f0 import SwiftF0Tracker


@dataclass(frozen=True, slots=True)
class Role:
    """Something that a backend does."""

    name: str
    candidates: tuple[type[Backend], ...]
    """The first one that can run here does it."""
    nothing: str
    """What is missing if there is no candidate, in a sentence."""


SPEECH_ACTIVITY = Role("speech_activity", (SileroActivity,), "")
TRANSCRIPTION = Role("transcription", (MoonshineRecogniser,), "")
PITCH = Role("pitch", (SwiftF0Tracker,), "")
QUALITY = Role("quality", (Dnsmos,), "")
NATURALNESS = Role("naturalness", (), "This release has no model of naturalness.")
MEANING = Role("meaning", (), "This release has no encoder of sentences.")
DIARIZATION = Role(
    "diarization", (), "Recordings with one channel need a model of speakers, which this release does not have."
)
EMOTION = Role("emotion", (), "This release has no model of emotions.")


class Backends:
    """The backends of an installation."""

    def __init__(self, settings: BackendSettings | None = None) -> None:
        self._settings = settings or BackendSettings()
        self._loaded: dict[type[Backend], Any] = {}
        self._lock = Lock()

    def choose(self, role: Role) -> type[Backend]:
        """Returns the backend for a role. Raises BackendMissing with what the candidates miss."""
        reasons = []
        for candidate in role.candidates:
            if not (reason := candidate.missing(self._settings)):
                return candidate
            reasons.append(reason)
        raise BackendMissing(reasons[-1] if reasons else role.nothing)

    def get(self, role: Role) -> Any:
        """Returns the loaded backend for a role. Raises BackendMissing if there is none."""
        return self.load(self.choose(role))

    def get_all(self, role: Role) -> list[Any]:
        """Returns all loaded backends for a role. Raises BackendMissing if there is none."""
        self.choose(role)
        return [self.load(one) for one in role.candidates if not one.missing(self._settings)]

    def load(self, chosen: type[Backend]) -> Any:
        """Returns a backend, which is loaded when it is first needed."""
        with self._lock:
            if chosen not in self._loaded:
                self._loaded[chosen] = chosen(self._settings)
            return self._loaded[chosen]

    def named(self, name: str) -> type[Backend]:
        """Returns the backend with a name. Raises BackendMissing if there is none."""
        for role in [one for one in globals().values() if isinstance(one, Role)]:
            for candidate in role.candidates:
                if candidate.name == name:
                    return candidate
        raise BackendMissing(f"There is no model {name}.")
