"""Audio that is too long or too short for its text is refused, and real speech is not."""

import pytest

from services.shared.audio.spoken_length import spoken_characters
from services.tts.domain import FailureKind, SpeechParameters, SynthesisError, Timing, Utterance
from services.tts.plausibility import (
    check_not_too_long,
    check_not_too_short,
    max_seconds,
    min_seconds,
)
from services.tts.providers.espeak import EspeakEngine
from services.tts.sample_formats import check_samples

TEXTS = [
    "I",
    "5",
    "Hello.",
    "...",
    "?!",
    "— — —",
    "🙂🙂🙂",
    "1234567890123456789",
    "$1,234,567.89 on 2026-11-26 at 09:15:30 UTC+02:00",
    "https://example.com/a/very/long/path?with=query&and=more#fragment",
    "x = (a + b) ** 2 / [c - d] # {e}; f <= g && h != i",
    "WWW WWW WWW WWW WWW",
    "a" * 200,
    "." * 1000,
    "word\n\n\n\n\n          word",
    "| --- | --- | --- |\n| a | b | c |",
    "The quick brown fox jumps over the lazy dog. " * 20,
    "Strč prst skrz krk. Grüße, naïve façade, Œuvre.",
    "नमस्ते, आप कैसे हैं? मैं ठीक हूँ, धन्यवाद।",
    "你好，今天我能帮您什么忙？",
    "Привет, чем я могу помочь вам сегодня?",
    "e\u0301\u0302\u0303" * 30,
]


def utterance_of(text: str, speed: float | None = None) -> Utterance:
    return Utterance(text, "v", parameters=SpeechParameters(speed=speed))


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        ("Hello", 5),
        ("Hello, world.", 11),
        ("  Hello  ", 5),
        ("...", 0),
        ("a" + " " * 4000 + "b", 3),
        ("a.b", 3),
        ("你好", 2),
        ("हिन्दी", 6),
        ("e\u0301", 2),
        ("1,5", 3),
        ("🙂", 0),
    ],
)
def test_characters_that_take_no_time_to_say_do_not_count(text: str, count: int) -> None:
    assert spoken_characters(text) == count


def test_the_limits_follow_text_and_speed() -> None:
    text = "a" * 200
    assert (min_seconds(utterance_of(text)), max_seconds(utterance_of(text))) == (2.0, 410.0)
    assert (min_seconds(utterance_of(text, 2.0)), max_seconds(utterance_of(text, 2.0))) == (1.0, 210.0)
    assert (min_seconds(utterance_of(text, 0.5)), max_seconds(utterance_of(text, 0.5))) == (4.0, 810.0)


def test_audio_outside_the_limits_is_refused_with_both_numbers() -> None:
    utterance = utterance_of("a" * 200)
    check_not_too_short(utterance, 2.0)
    check_not_too_long(utterance, 410.0)
    with pytest.raises(SynthesisError) as caught:
        check_not_too_short(utterance, 1.99)
    assert caught.value.kind is FailureKind.BAD_AUDIO
    assert caught.value.message == "The audio lasts 1.99 s, but 200 characters need at least 2.00 s"
    with pytest.raises(SynthesisError) as caught:
        check_not_too_long(utterance, 410.01)
    assert caught.value.kind is FailureKind.BAD_AUDIO
    assert caught.value.message == "The audio is longer than 410.00 s, the maximum for 200 characters"


@pytest.mark.parametrize("speed", [0.5, None, 2.0])
@pytest.mark.parametrize("text", TEXTS)
async def test_all_speech_of_espeak_is_plausible(espeak: EspeakEngine, text: str, speed: float | None) -> None:
    """Also for texts in scripts that the voice's language does not use."""
    utterance, timing = Utterance(text, "en-us", parameters=SpeechParameters(speed=speed)), Timing()
    pcm = b"".join([piece async for piece in espeak.synthesize(utterance, timing)])
    seconds = len(pcm) / 2 / timing.sample_rate_hz
    check_not_too_long(utterance, seconds)
    check_not_too_short(utterance, seconds)
    check_samples(pcm)
