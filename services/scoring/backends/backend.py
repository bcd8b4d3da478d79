"""What all backends have in common, and the interface of each kind."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

RATE_HZ = 16_000
"""The sample rate of all recordings that backends get."""

Samples = NDArray[np.float32]
"""Mono samples at 16 kHz, -1 to 1."""


class BackendMissing(Exception):
    """A backend cannot run here. The message says what is missing and how to get it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendSettings:
    """What an installation says about its models and the work that they do."""

    device: str = "cpu"
    """`cpu`, or a device of torch such as `cuda:0`. Backends of the size `listening` always use the CPU."""
    model_dir: Path | None = None
    """A folder with weights of the large models, which are downloaded to it. None for folders in the home directory."""
    whisper_model: str = "turbo"
    bert_model: str = "microsoft/deberta-large-mnli"
    hf_token: str = field(default="", repr=False)
    """A token of the model hub, for models that ask for an account."""
    offline: bool = False
    """Whether weights may not be downloaded."""
    enable_diarization: bool = True
    """Whether evaluations say who speaks when."""
    default_num_speakers: int | None = None
    """How many people speak in recordings of which nobody says it. None if it is to be recognised."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCapabilities:
    """What a backend can do."""

    licence: str
    """The licence of the weights."""
    languages: frozenset[str] | None = None
    """Codes such as `en`. None if the language does not matter."""
    max_batch: int = 1
    """How many items or windows one batch has. It is halved when the model runs out of memory."""
    window_seconds: float | None = None
    """A recording takes a place of a batch for each window of this length. None if it always takes one."""
    hop_seconds: float | None = None
    """How far the next window begins after the last one. None if windows do not overlap."""
    word_times: bool = False
    """Whether a recogniser gives times of words, not only of phrases."""

    def places(self, item: Any) -> int:
        """Returns how many places of a batch an item takes."""
        if self.window_seconds is None:
            return 1
        over = len(item) / RATE_HZ - self.window_seconds
        return 1 + max(0, math.ceil(over / (self.hop_seconds or self.window_seconds)))


class Backend(Protocol):
    """A model. Creating it loads the weights."""

    name: str
    """Its short name in results and settings, such as `whisper`."""
    package: str
    """The package whose version changes when its values may change."""
    capabilities: ModelCapabilities
    backend: str
    """Its name, model and version, as results carry them."""

    def __init__(self, settings: BackendSettings) -> None: ...

    @classmethod
    def missing(cls, settings: BackendSettings) -> str:
        """Returns what is missing to run here and how to get it, in a sentence; empty if nothing is. Loads nothing."""
        ...


@dataclass(frozen=True, slots=True)
class SpokenWord:
    """A word as a recogniser writes it. Times are in seconds."""

    text: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Phrase:
    """A piece of a transcript. Times are in seconds."""

    text: str
    start: float
    end: float
    words: tuple[SpokenWord, ...] = ()
    """Empty if the recogniser does not give times of words."""


@dataclass(frozen=True, slots=True)
class Transcript:
    """What is said in one recording."""

    text: str
    language: str
    phrases: tuple[Phrase, ...]


class SpeechActivityDetector(Backend, Protocol):
    """Finds speech."""

    def speech(self, samples: Samples) -> list[tuple[float, float]]:
        """Returns the starts and ends of speech in seconds, in order."""
        ...


class Recogniser(Backend, Protocol):
    """Writes down what is said."""

    def transcribe(self, recordings: Sequence[Samples], language: str | None) -> list[Transcript]:
        """Transcribes a batch. `language` is a code such as `en`; None if it must be recognised."""
        ...


class PitchTracker(Backend, Protocol):
    """Follows the fundamental frequency."""

    frame_seconds: float

    def track(self, samples: Samples) -> NDArray[np.float64]:
        """Returns F0 in Hz for each frame, NaN where there is no voice."""
        ...


class QualityModel(Backend, Protocol):
    """Predicts opinion scores of the signal, the background and the whole."""

    def score(self, samples: Samples) -> QualityScores:
        """Scores one recording."""
        ...


@dataclass(frozen=True, slots=True)
class QualityScores:
    """Means over the windows of a recording, 1 to 5."""

    signal_mos: float
    background_mos: float
    overall_mos: float
    p808_mos: float


class NaturalnessModel(Backend, Protocol):
    """Predicts how natural speech sounds."""

    def naturalness(self, recordings: Sequence[Samples]) -> list[float]:
        """Returns a predicted mean opinion score, 1 to 5, for each recording of a batch."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Encoding:
    """A text as token embeddings of an encoder, special tokens included."""

    embeddings: NDArray[np.float32]
    """Of the chosen layer, shape (tokens, dimensions)."""
    offsets: NDArray[np.int64]
    """Start and end of each token in the text, in characters, shape (tokens, 2). Empty spans for special tokens."""
    special: NDArray[np.bool_]
    """Which tokens the encoder adds, such as [CLS]."""


class TextEncoder(Backend, Protocol):
    """Turns texts into token embeddings."""

    def encode(self, texts: Sequence[str]) -> list[Encoding]:
        """Encodes a batch."""
        ...


@dataclass(frozen=True, slots=True)
class SpeakerTurn:
    """One speaker's speech. Times are in seconds."""

    start: float
    end: float
    speaker: str


class Diarizer(Backend, Protocol):
    """Says who speaks when."""

    def diarize(self, recordings: Sequence[Samples], num_speakers: int | None) -> list[list[SpeakerTurn]]:
        """Returns the turns of all speakers of each recording of a batch. Turns may overlap.

        `num_speakers` is None if unknown.
        """
        ...


@dataclass(frozen=True, slots=True)
class Emotion:
    """How somebody feels, and what else can be heard."""

    emotion: str
    """One of `happy`, `sad`, `angry`, `neutral`, `fearful`, `disgusted`, `surprised`, `unknown`."""
    events: tuple[str, ...]
    """Such as `BGM`, `Applause` or `Laughter`."""
    text: str
    """A second transcript."""


class EmotionRecogniser(Backend, Protocol):
    """Recognises emotions and audio events."""

    def recognise(self, recordings: Sequence[Samples], language: str) -> list[Emotion]:
        """Returns the emotion of each recording of a batch."""
        ...


def installed_version(package: str) -> str:
    """Returns the version of an installed package. Raises BackendMissing if it is not installed."""
    if reason := missing_package(package):
        raise BackendMissing(reason)
    return version(package)


def missing_package(package: str, size: str = "listening") -> str:
    """Returns a sentence if a package is not installed, empty if it is. `size` is the size that it belongs to."""
    try:
        version(package)
    except PackageNotFoundError:
        return f"The package {package} is not installed. `make {size}` installs it."
    return ""


def is_out_of_memory(error: BaseException) -> bool:
    """Returns whether a model needs more memory than there is. torch has an error of its own for GPUs."""
    return isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"
