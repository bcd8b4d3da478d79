"""Validates utterances against what a provider supports."""

import re
from collections.abc import Sequence
from dataclasses import replace

from services.runtime.errors import FieldViolation, InvalidInput
from services.runtime.outside_text import first_control
from services.tts.domain import MAX_SPEED, MIN_SPEED, Capabilities, SpeechParameters, Utterance, Voice

MAX_TEXT_CHARACTERS = 5000
MAX_SEED = 2**32 - 1
# The shape of a BCP 47 tag, 2 to 35 characters. The provider checks whether it supports the language.
_LANGUAGE = re.compile(r"(?=.{2,35}$)[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")


def validated(utterance: Utterance, provider: Capabilities, voices: Sequence[Voice]) -> Utterance:
    """Returns the utterance with voice and model filled in. Raises InvalidInput that names every bad field."""
    found = violations_of(utterance, provider)
    try:
        voice = find_voice(voices, utterance.voice_id, provider.id)
    except InvalidInput as error:
        raise InvalidInput.of(*found, *error.violations) from None
    if found:
        raise InvalidInput.of(*found)
    return replace(utterance, voice_id=voice.voice_id, model_id=utterance.model_id or voice.model_id)


def violations_of(utterance: Utterance, provider: Capabilities) -> list[FieldViolation]:
    """Returns the violations of a text and its parameters. The voice is not checked."""
    text, limit = utterance.text, min(MAX_TEXT_CHARACTERS, provider.max_characters_of(utterance.model_id))
    found: list[FieldViolation] = []
    if not 1 <= len(text) <= MAX_TEXT_CHARACTERS:
        found.append(FieldViolation("text", f"must be 1 to {MAX_TEXT_CHARACTERS} characters, got {len(text)}"))
    elif len(text) > limit:
        found.append(FieldViolation("text", f"must be at most {limit} characters for {provider.id}, got {len(text)}"))
    elif text.isspace():
        found.append(FieldViolation("text", "must not be only white space"))
    elif control := first_control(text):
        found.append(FieldViolation("text", f"must not contain the character {control}"))
    return found + _parameter_violations(utterance.parameters, provider)


def _parameter_violations(parameters: SpeechParameters, provider: Capabilities) -> list[FieldViolation]:
    found: list[FieldViolation] = []
    for name in ("speed", "language", "seed"):
        if getattr(parameters, name) is not None and name not in provider.parameters:
            supported = ", ".join(sorted(provider.parameters)) or "no parameters"
            found.append(
                FieldViolation(f"parameters.{name}", f"is not supported by {provider.id}, which supports {supported}")
            )
    speed, language, seed = parameters.speed, parameters.language, parameters.seed
    slowest, fastest = provider.min_speed, provider.max_speed
    # NaN is refused too, because every comparison with it is false.
    if speed is not None and "speed" in provider.parameters and not slowest <= speed <= fastest:
        suffix = f" for {provider.id}" if (slowest, fastest) != (MIN_SPEED, MAX_SPEED) else ""
        found.append(FieldViolation("parameters.speed", f"must be {slowest:g} to {fastest:g}{suffix}"))
    if language is not None and "language" in provider.parameters and not _LANGUAGE.fullmatch(language):
        found.append(FieldViolation("parameters.language", "must be a BCP 47 tag such as en or pt-BR"))
    if seed is not None and "seed" in provider.parameters and not 0 <= seed <= MAX_SEED:
        found.append(FieldViolation("parameters.seed", f"must be 0 to {MAX_SEED}"))
    return found


def find_voice(voices: Sequence[Voice], voice_id: str, provider: str) -> Voice:
    """Returns the voice with this id, the first voice if the id is empty. Raises InvalidInput if there is none."""
    for voice in voices:
        if voice.voice_id == voice_id or not voice_id:
            return voice
    some = ", ".join(voice.voice_id for voice in voices[:5])
    raise InvalidInput.of(
        FieldViolation(
            "voice_id",
            f"must be a voice of {provider}, such as {some}; /api/v1/voices?provider={provider} lists all"
            if voices
            else f"{provider} has no voices now",
        )
    )
