"""Voice models, providers, and how a query is resolved to a voice model."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from services.elo.domain import INSTALLATION, ModelKind, Visibility
from services.runtime.errors import WrongState

MAX_NAME_CHARACTERS = 200
MAX_VERSION_CHARACTERS = 100
MAX_PROVIDER_CHARACTERS = 100
MAX_VOICE_CHARACTERS = 200
MAX_MODEL_CHARACTERS = 200
MAX_QUERIES = 10
MIN_SPEED, MAX_SPEED = 0.5, 2.0
MAX_SEED = 2**32 - 1
MAX_COST_PER_1000_CHARACTERS = 1000.0
"""In US dollars."""
PARAMETERS = ("speed", "language", "seed")

# The paths allowed in update_mask, each with the attributes that it changes.
UPDATABLE: dict[str, tuple[str, ...]] = {
    "name": ("name",),
    "version": ("version",),
    "active": ("active",),
    "config": ("voice_id", "model_id", *PARAMETERS),
    "config.voice_id": ("voice_id",),
    "config.model_id": ("model_id",),
    "config.parameters": PARAMETERS,
    **{f"config.parameters.{name}": (name,) for name in PARAMETERS},
    "visibility": ("visibility",),
    "arena": ("arena",),
    "cost_per_1000_characters": ("cost_per_1000_characters",),
}
# What an operator approves. A change of any of them needs another approval.
APPROVED = ("name", "version", "voice_id", "model_id", *PARAMETERS)
# What battles compare. Another voice or version is another model.
COMPARED = ("version", "voice_id", "model_id", *PARAMETERS)


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceModel:
    """One voice of one provider in one version, or a speaker whose recordings are uploaded.

    The provider chooses parameters that are None.
    """

    id: str
    developer_id: str
    name: str
    kind: ModelKind = ModelKind.TTS
    provider: str
    """Empty for a recorded model."""
    version: str
    voice_id: str
    """Empty for a recorded model."""
    model_id: str
    speed: float | None
    """The speaking rate relative to the normal one of the voice."""
    active: bool
    created_at: datetime
    updated_at: datetime
    language: str | None = None
    """A BCP 47 tag: the parameter, or the language that a recorded model speaks."""
    seed: int | None = None
    visibility: Visibility = Visibility.PUBLIC
    arena: bool = False
    """Whether the matchmaker makes battles with it."""
    cost_per_1000_characters: float | None = None
    """The price in US dollars, None if its owner gave none."""
    approved_at: datetime | None = None
    """When an operator approved it, None if none did."""
    first_battle_at: datetime | None = None
    """When its first battle was made, None before. `COMPARED` does not change after that."""
    seq: int = 0
    """The position in the catalogue."""
    voice_language: str = ""
    """The BCP 47 tag of the voice's own language, as its provider reports it. Empty if unknown."""

    @property
    def spoken_language(self) -> str:
        """The BCP 47 tag of the language that the model speaks: its parameter, otherwise the voice's own language."""
        return self.language or self.voice_language

    def parameters(self) -> dict[str, float | str | int]:
        """Returns the parameters that are not None, by name."""
        return {name: value for name in PARAMETERS if (value := getattr(self, name)) is not None}


def changed(before: VoiceModel, attributes: Mapping[str, Any], at: datetime) -> VoiceModel:
    """Returns a model with other attributes. A change of what was approved needs another approval.

    Raises WrongState if its first battle forbids the change: the battles of another voice would count for it.
    """
    model = replace(before, **attributes, updated_at=at)
    if before.first_battle_at is not None:
        if any(getattr(model, name) != getattr(before, name) for name in COMPARED):
            raise WrongState(
                "The version and the config of a voice model stay after its first battle. Register another voice model."
            )
        if model.visibility is Visibility.PRIVATE and before.visibility is Visibility.PUBLIC:
            raise WrongState("A public voice model stays public after its first battle. Register a private one.")
    if any(getattr(model, name) != getattr(before, name) for name in APPROVED):
        model = replace(model, approved_at=None)
    return model


def longest_text(model_id: str, default: int, limits: Iterable[tuple[str, int]]) -> int:
    """Returns the length in characters of the longest text that a provider's model accepts. 0 if unknown.

    `default` is that of its default model, and `limits` are prefixes of other model ids with theirs, the first of which
    applies.
    """
    return next((longest for begin, longest in limits if model_id and model_id.startswith(begin)), default)


@dataclass(frozen=True, slots=True)
class Provider:
    """What tts last reported about a provider, and when."""

    id: str
    reported_at: datetime
    unavailable_reason: str = ""
    """Why it can't be used, empty if it can."""
    parameters: tuple[str, ...] = PARAMETERS
    """The names of the parameters that it accepts."""
    max_text_characters: int = 0
    """The length of the longest text that its default model accepts. 0 if unknown."""
    text_limits: tuple[tuple[str, int], ...] = ()
    """The limits of its other models: a prefix of model ids and the longest text. The first matching prefix applies."""
    local: bool = False
    """Whether it speaks on this machine, so that it costs nothing."""

    def error(self) -> str:
        """Returns why its models can't be used. Empty if they can."""
        return f"{self.id} can't be used: {self.unavailable_reason}" if self.unavailable_reason else ""

    def max_characters(self, model_id: str) -> int:
        """Returns the length in characters of the longest text that one of its models accepts. 0 if unknown."""
        return longest_text(model_id, self.max_text_characters, self.text_limits)

    def parameter_errors(self, model: VoiceModel) -> dict[str, str]:
        """Returns an error for each parameter of a model that the provider does not accept, by name."""
        taken = f"it takes {', '.join(self.parameters)}" if self.parameters else "it takes none"
        return {
            name: f"is not a parameter of {self.id}; {taken}"
            for name in model.parameters()
            if name not in self.parameters
        }


@dataclass(frozen=True, slots=True)
class Query:
    """Asks for a model by provider and voice. An empty `voice_id` means the first voice of the provider."""

    provider: str
    voice_id: str


def resolve(query: Query, candidates: Sequence[VoiceModel], developer_id: str) -> VoiceModel | None:
    """Returns the active model that matches a query of a developer, None if there is none.

    With a voice, the newest model of the developer comes before that of the installation. Without a voice, the result
    is the first model of the installation for this provider, or the first of the developer if there is none. Models of
    other developers never match.
    """
    usable = [
        m
        for m in candidates
        if m.active
        and m.kind is ModelKind.TTS
        and m.provider == query.provider
        and m.developer_id in (INSTALLATION, developer_id)
    ]
    if not query.voice_id:
        installed = [m for m in usable if m.developer_id == INSTALLATION]
        return min(installed or usable, key=lambda m: m.seq, default=None)
    named = [m for m in usable if m.voice_id == query.voice_id]
    return max(named, key=lambda m: (m.developer_id != INSTALLATION, m.seq), default=None)
