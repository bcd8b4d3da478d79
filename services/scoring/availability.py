"""Says which steps of an evaluation can run in this installation, and what is missing for the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from services.scoring.backends.backend import BackendMissing, missing_package
from services.scoring.backends.choice import (
    DIARIZATION,
    EMOTION,
    MEANING,
    NATURALNESS,
    PITCH,
    QUALITY,
    SPEECH_ACTIVITY,
    TRANSCRIPTION,
    Backends,
    Role,
)
from services.scoring.metrics.signal import BACKEND as SIGNAL_BACKEND
from services.scoring.pipeline.steps import STEPS
from services.scoring.pipeline.steps.sound import DSP_BACKEND
from services.scoring.pipeline.steps.speakers import DIARIZATION_OFF
from services.scoring.pipeline.steps.voice import PROSODY_BACKEND, RHYTHM_BACKEND
from services.scoring.pipeline.steps.words import ESTIMATED_TIMES, WORDS_BACKEND

ROLES: Mapping[str, Role] = {
    "speech_activity": SPEECH_ACTIVITY,
    "transcription": TRANSCRIPTION,
    "meaning": MEANING,
    "bert_score": MEANING,
    "pitch": PITCH,
    "naturalness": NATURALNESS,
    "quality": QUALITY,
    "emotion": EMOTION,
}
"""The role of the backend that does a step. Other steps are done by code."""
CODE: Mapping[str, str] = {
    "decode": "ffmpeg",
    "signal": SIGNAL_BACKEND,
    "loudness": DSP_BACKEND,
    "noise": DSP_BACKEND,
    "alignment": ESTIMATED_TIMES,
    "word_errors": WORDS_BACKEND,
    "rhythm": RHYTHM_BACKEND,
    "prosody": PROSODY_BACKEND,
}
PACKAGES: Mapping[str, tuple[str, ...]] = {
    "decode": ("av",),
    "word_errors": ("rapidfuzz", "whisper-normalizer"),
}
"""The packages that the code of a step needs, besides those of every installation."""
FURTHER_NEEDS: Mapping[str, tuple[str, ...]] = {"rhythm": ("alignment",)}
"""Steps that a step needs in practice, besides those of the table of steps."""


@dataclass(frozen=True, slots=True)
class Availability:
    """Whether a step can run in this installation."""

    available: bool
    backend: str
    """The name of the model or code that does it. Empty if there is none."""
    requirement: str = ""
    """What is missing and what adds it, in a sentence. Empty if nothing is missing."""
    languages: frozenset[str] | None = None
    """Codes of the languages in which it can run, such as `en`. None if the language does not matter."""


def step_availability(backends: Backends) -> dict[str, Availability]:
    """Returns the availability of each step. Loads no model."""
    found: dict[str, Availability] = {}
    for step in STEPS:
        needs = [found[need] for need in (*step.needs, *FURTHER_NEEDS.get(step.name, ()))]
        missing = [need.requirement for need in needs if not need.available]
        own = Availability(False, "", missing[0]) if missing else _own(step.name, backends)
        found[step.name] = replace(own, languages=_common([own, *needs])) if own.available else own
    return found


def metric_availability(backends: Backends) -> dict[tuple[str, str], Availability]:
    """Returns the availability of metrics that one of several models gives, by step and name. Others have their step's.

    Each of these metrics has the name of its model.
    """
    found = {}
    for candidate in NATURALNESS.candidates:
        missing = candidate.missing(backends.settings)
        found["naturalness", candidate.name] = Availability(not missing, "" if missing else candidate.name, missing)
    return found


def _common(steps: Sequence[Availability]) -> frozenset[str] | None:
    """Returns the languages in which all of these steps can run, None if the language does not matter."""
    known = [step.languages for step in steps if step.languages is not None]
    return frozenset.intersection(*known) if known else None


def _own(step: str, backends: Backends) -> Availability:
    if step == "diarization":
        return _diarization(backends)
    for package in PACKAGES.get(step, ()):
        if reason := missing_package(package):
            return Availability(False, "", reason)
    if step == "alignment" and (recogniser := backends.choose(TRANSCRIPTION)).capabilities.word_times:
        return Availability(True, recogniser.name)
    if step in CODE:
        return Availability(True, CODE[step])
    try:
        chosen = backends.choose(ROLES[step])
        return Availability(True, chosen.name, languages=backends.expected(ROLES[step]).languages)
    except BackendMissing as missing:
        return Availability(False, "", str(missing))


def _diarization(backends: Backends) -> Availability:
    """Each channel of a call is one speaker. Only recordings with one channel need a model."""
    if not backends.settings.enable_diarization:
        return Availability(False, "", DIARIZATION_OFF)
    try:
        return Availability(True, backends.choose(DIARIZATION).name)
    except BackendMissing as missing:
        reason = f"Recordings with one channel need a model of speakers. {missing}"
        return Availability(True, f"channels/{backends.choose(SPEECH_ACTIVITY).name}", reason)
