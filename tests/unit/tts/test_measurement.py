"""The measurements of an utterance, with signals whose values are known."""

import numpy as np
import pytest

from services.tts.domain import FailureKind, SynthesisError, Timing
from services.tts.measurement import measure

RATE = 16000


def sine(seconds: float, amplitude: float = 8000.0, rate: int = RATE) -> bytes:
    at = np.arange(round(seconds * rate)) / rate
    return (amplitude * np.sin(2 * np.pi * 1000 * at)).astype("<i2").tobytes()


def silence(seconds: float, rate: int = RATE) -> bytes:
    return np.zeros(round(seconds * rate), dtype="<i2").tobytes()


def test_times_start_at_the_request_and_ttfa_adds_the_leading_silence() -> None:
    timing = Timing(sample_rate_hz=RATE, transport="http/2", connect_ms=12.5, region="eu", sent_at=100.0)
    timing.received(100.25)
    timing.received(100.375)
    timing.received(100.5)
    measured = measure(silence(0.2) + sine(0.8), timing)
    assert measured.ttfb_ms == 250.0
    assert measured.leading_silence_ms == 191.0
    assert measured.ttfa_ms == 441.0
    assert measured.generation_time_ms == 500.0
    assert measured.duration_seconds == 1.0
    assert measured.real_time_factor == 0.5
    assert (measured.connect_ms, measured.connection_reused) == (12.5, False)
    assert (measured.transport, measured.sample_rate_hz, measured.region) == ("http/2", RATE, "eu")


@pytest.mark.parametrize(
    ("pcm", "message"),
    [
        (b"", "The provider returned no audio"),
        (silence(1.0), "The audio is silent from beginning to end"),
    ],
)
def test_audio_without_sound_is_an_error(pcm: bytes, message: str) -> None:
    timing = Timing(sample_rate_hz=RATE, sent_at=1.0)
    if pcm:
        timing.received(2.0)
    with pytest.raises(SynthesisError, match=message) as caught:
        measure(pcm, timing)
    assert caught.value.kind is FailureKind.BAD_AUDIO
    assert not caught.value.worth_a_retry
