"""What a voice model is, and which one a question means."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

FIRST_RATING = 1500.0
# Registered by nobody: it came with the installation.
INSTALLATION = ""

LONGEST_NAME = 200
LONGEST_VERSION = 100
LONGEST_PROVIDER = 100
LONGEST_VOICE = 200
LONGEST_MODEL = 200
LONGEST_REQUEST_ID = 100
MOST_QUERIES = 10
SLOWEST, FASTEST = 0.5, 2.0

# What update_mask may name, and the attributes that each of them means.
UPDATABLE: dict[str, tuple[str, ...]] = {
    "name": ("name",),
    "version": ("version",),
    "active": ("active",),
    "config": ("voice_id", "model_id", "speed"),
    "config.voice_id": ("voice_id",),
    "config.model_id": ("model_id",),
    "config.parameters": ("speed",),
    "config.parameters.speed": ("speed",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceModel:
    """One voice of one provider in one version. `speed` is relative, None for the voice's own."""

    id: str
    developer_id: str
    name: str
    provider: str
    version: str
    voice_id: str
    model_id: str
    speed: float | None
    rating: float
    active: bool
    created_at: datetime
    updated_at: datetime
    seq: int = 0


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
