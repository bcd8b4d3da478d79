"""Which values a voice model may have."""

import re

from services.elo.catalogue import domain
from services.elo.catalogue.domain import VoiceModel
from services.elo.domain import LANGUAGE, LANGUAGE_RULE, ModelKind
from services.runtime.validation import Validation

PROVIDER = re.compile(r"[a-z0-9_-]+")


def check_model(model: VoiceModel, valid: Validation) -> None:
    """Adds a violation for each field with a value that no voice model of its kind may have."""
    recorded = model.kind is ModelKind.RECORDED
    valid.text(model.name, "name", max_characters=domain.MAX_NAME_CHARACTERS)
    if recorded:
        valid.require(
            not model.provider, "provider", "must be empty for a recorded model: its owner uploads recordings"
        )
    elif valid.text(model.provider, "provider", max_characters=domain.MAX_PROVIDER_CHARACTERS):
        valid.require(bool(PROVIDER.fullmatch(model.provider)), "provider", "must contain only a-z, 0-9, _ and -")
    valid.text(model.version, "version", max_characters=domain.MAX_VERSION_CHARACTERS, min_characters=0)
    cost = model.cost_per_1000_characters
    valid.require(
        cost is None or 0 <= cost <= domain.MAX_COST_PER_1000_CHARACTERS,
        "cost_per_1000_characters",
        f"must be 0 to {domain.MAX_COST_PER_1000_CHARACTERS:g} US dollars",
    )
    if recorded:
        valid.require(bool(model.language) and _is_tag(model.language), "language", LANGUAGE_RULE)
    else:
        _check_voice(model, valid)


def _check_voice(model: VoiceModel, valid: Validation) -> None:
    valid.text(model.voice_id, "config.voice_id", max_characters=domain.MAX_VOICE_CHARACTERS)
    valid.text(model.model_id, "config.model_id", max_characters=domain.MAX_MODEL_CHARACTERS, min_characters=0)
    valid.require(
        model.speed is None or domain.MIN_SPEED <= model.speed <= domain.MAX_SPEED,
        "config.parameters.speed",
        f"must be {domain.MIN_SPEED} to {domain.MAX_SPEED}",
    )
    valid.require(_is_tag(model.language), "config.parameters.language", LANGUAGE_RULE)
    valid.require(
        model.seed is None or 0 <= model.seed <= domain.MAX_SEED,
        "config.parameters.seed",
        f"must be 0 to {domain.MAX_SEED}",
    )


def _is_tag(language: str | None) -> bool:
    return language is None or bool(LANGUAGE.fullmatch(language))
