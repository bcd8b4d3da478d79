"""What a voice model is, and which one a question means."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

FIRST_RATING = 1500.0
# Registered by nobody: it came with the installation.
INSTALLATION = ""

MAX_NAME_CHARACTERS = 200
MAX_VERSION_CHARACTERS = 100
MAX_PROVIDER_CHARACTERS = 100
MAX_VOICE_CHARACTERS = 200
MAX_MODEL_CHARACTERS = 200
MAX_QUERIES = 10
MIN_SPEED, MAX_SPEED = 0.5, 2.0
MAX_SEED = 2**32 - 1
# Of BCP 47: a language, then subtags. Whether a provider speaks it is for the provider to say.
LANGUAGE = re.compile(r"(?=.{2,35}$)[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")
PARAMETERS = ("speed", "language", "seed")

# What update_mask may name, and the attributes that each of them means.
UPDATABLE: dict[str, tuple[str, ...]] = {
    "name": ("name",),
    "version": ("version",),
    "active": ("active",),
    "config": ("voice_id", "model_id", *PARAMETERS),
    "config.voice_id": ("voice_id",),
    "config.model_id": ("model_id",),
    "config.parameters": PARAMETERS,
    **{f"config.parameters.{name}": (name,) for name in PARAMETERS},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceModel:
    """One voice of one provider in one version. What is None is left to the provider."""

    id: str
    developer_id: str
    name: str
    provider: str
    version: str
    voice_id: str
    model_id: str
    speed: float | None
    """Relative to the voice's own."""
    rating: float
    active: bool
    created_at: datetime
    updated_at: datetime
    language: str | None = None
    """A BCP 47 tag."""
    seed: int | None = None
    seq: int = 0

    def parameters(self) -> dict[str, float | str | int]:
        """Returns the parameters that are given, by name."""
        return {name: value for name in PARAMETERS if (value := getattr(self, name)) is not None}


@dataclass(frozen=True, slots=True)
class Provider:
    """What tts has told of a provider, and when."""

    id: str
    told_at: datetime
    unavailable_reason: str = ""
    """Why it can't be used, empty if it can."""
    parameters: tuple[str, ...] = PARAMETERS
    """Those that it takes."""
    max_text_characters: int = 0
    """The longest text of its default model, 0 if it has not told."""
    text_limits: tuple[tuple[str, int], ...] = ()
    """Those of its models by the beginning of their ids, the first that fits."""

    def fault(self) -> str:
        """Returns why none of its models can be chosen, empty if they can."""
        return f"{self.id} can't be used: {self.unavailable_reason}" if self.unavailable_reason else ""

    def longest_text(self, model_id: str) -> int:
        """Returns how many characters one of its models takes at a time, 0 if that is not known."""
        limits = (longest for begin, longest in self.text_limits if model_id and model_id.startswith(begin))
        return next(limits, self.max_text_characters)

    def refusals(self, model: VoiceModel) -> dict[str, str]:
        """Returns the parameters of a model that the provider does not take, and what it takes."""
        taken = f"it takes {', '.join(self.parameters)}" if self.parameters else "it takes none"
        return {
            name: f"is not a parameter of {self.id}; {taken}"
            for name in model.parameters()
            if name not in self.parameters
        }


@dataclass(frozen=True, slots=True)
class Query:
    """One provider and perhaps a voice of it, empty for its first."""

    provider: str
    voice_id: str


def resolve(query: Query, candidates: Sequence[VoiceModel], developer_id: str) -> VoiceModel | None:
    """Returns the model that a developer means, None if there is none.

    Their own newest comes before the installation's; other developers' models are never meant. Without a voice it is
    the provider's first in the catalogue's order.
    """
    usable = [
        m
        for m in candidates
        if m.active and m.provider == query.provider and m.developer_id in (INSTALLATION, developer_id)
    ]
    if not query.voice_id:
        installed = [m for m in usable if m.developer_id == INSTALLATION]
        return min(installed or usable, key=lambda m: m.seq, default=None)
    named = [m for m in usable if m.voice_id == query.voice_id]
    return max(named, key=lambda m: (m.developer_id != INSTALLATION, m.seq), default=None)
