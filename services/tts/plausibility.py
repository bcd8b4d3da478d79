"""Refuses speech that is too long or too short for its text. `services.shared.audio.spoken_length` has the limits."""

from services.shared.audio import spoken_length
from services.tts.domain import FailureKind, SynthesisError, Utterance


def min_seconds(utterance: Utterance) -> float:
    """Returns the minimum length of the speech of a text, in seconds."""
    return spoken_length.min_seconds(utterance.text, utterance.parameters.speed or 1.0)


def max_seconds(utterance: Utterance) -> float:
    """Returns the maximum length of the speech of a text, in seconds."""
    return spoken_length.max_seconds(utterance.text, utterance.parameters.speed or 1.0)


def check_not_too_long(utterance: Utterance, seconds: float) -> None:
    """Raises SynthesisError bad_audio if audio of this length is too long for its text."""
    if seconds > (limit := max_seconds(utterance)):
        raise SynthesisError(
            FailureKind.BAD_AUDIO,
            f"The audio is longer than {limit:.2f} s, the maximum for {len(utterance.text)} characters",
        )


def check_not_too_short(utterance: Utterance, seconds: float) -> None:
    """Raises SynthesisError bad_audio if audio of this length is too short for its text."""
    if seconds < (limit := min_seconds(utterance)):
        raise SynthesisError(
            FailureKind.BAD_AUDIO,
            f"The audio lasts {seconds:.2f} s, but {len(utterance.text)} characters need at least {limit:.2f} s",
        )
