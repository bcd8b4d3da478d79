"""Which utterances a provider takes."""

import re
from collections.abc import Sequence
from dataclasses import replace

from services.runtime.errors import FieldViolation, InvalidInput
from services.runtime.outside_text import first_control
from services.tts.domain import MAX_SPEED, MIN_SPEED, Capabilities, SpeechParameters, Utterance, Voice

MAX_TEXT_CHARACTERS = 5000
MAX_SEED = 2**32 - 1
# The shape of a BCP 47 tag, 2 to 35 characters; which languages there are is the provider's to say.
_LANGUAGE = re.compile(r"(?=.{2,35}$)[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")


def completed(utterance: Utterance, provider: Capabilities, voices: Sequence[Voice]) -> Utterance:
    """Returns the utterance with voice and model filled in; InvalidInput that names every bad field."""
    found = violations_of(utterance, provider)
    try:
        voice = find_voice(voices, utterance.voice_id, provider.id)
    except InvalidInput as error:
        raise InvalidInput.of(*found, *error.violations) from None
    if found:
        raise InvalidInput.of(*found)
    return replace(utterance, voice_id=voice.voice_id, model_id=utterance.model_id or voice.model_id)


def violations_of(utterance: Utterance, provider: Capabilities) -> list[FieldViolation]:
    """Returns what is wrong with a text and its parameters, whichever voice speaks it."""
    text, longest = utterance.text, min(MAX_TEXT_CHARACTERS, provider.longest_text(utterance.model_id))
    found: list[FieldViolation] = []
    if not 1 <= len(text) <= MAX_TEXT_CHARACTERS:
        found.append(FieldViolation("text", f"must be 1 to {MAX_TEXT_CHARACTERS} characters, got {len(text)}"))
    elif len(text) > longest:
        found.append(FieldViolation("text", f"must be at most {longest} characters for {provider.id}, got {len(text)}"))
    elif text.isspace():
        found.append(FieldViolation("text", "must not be only white space"))
    elif control := first_control(text):
        found.append(FieldViolation("text", f"must not contain the character {control}"))
    return found + _parameter_violations(utterance.parameters, provider)


def _parameter_violations(parameters: SpeechParameters, provider: Capabilities) -> list[FieldViolation]:
    found: list[FieldViolation] = []
    for name in ("speed", "language", "seed"):
        if getattr(parameters, name) is not None and name not in provider.parameters:
            takes = f"it takes {', '.join(sorted(provider.parameters))}" if provider.parameters else "it takes none"
            found.append(FieldViolation(f"parameters.{name}", f"is no parameter of {provider.id}; {takes}"))
    speed, language, seed = parameters.speed, parameters.language, parameters.seed
    slowest, fastest = provider.slowest_speed, provider.fastest_speed
    # Written so that NaN is refused too.
    if speed is not None and "speed" in provider.parameters and not slowest <= speed <= fastest:
        narrower = (slowest, fastest) != (MIN_SPEED, MAX_SPEED)
        whose = f" for {provider.id}" if narrower else ""
        found.append(FieldViolation("parameters.speed", f"must be {slowest:g} to {fastest:g}{whose}"))
    if language is not None and "language" in provider.parameters and not _LANGUAGE.fullmatch(language):
        found.append(FieldViolation("parameters.language", "must be a BCP 47 tag such as en or pt-BR"))
    if seed is not None and "seed" in provider.parameters and not 0 <= seed <= MAX_SEED:
        found.append(FieldViolation("parameters.seed", f"must be 0 to {MAX_SEED}"))
    return found


def find_voice(voices: Sequence[Voice], voice_id: str, provider: str) -> Voice:
    """Returns the voice of this id, the first one if the id is empty; InvalidInput that says where to look if none."""
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
