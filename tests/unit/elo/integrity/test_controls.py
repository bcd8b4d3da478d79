"""Control battles: who fails them, and that everybody hears which side is spoiled."""

import random

import numpy as np
import pytest

from services.elo.battles.domain import Control
from services.elo.integrity.controls import ControlAnswer, chance_of_misses, failed
from services.elo.integrity.spoiling import spoiled
from services.shared.audio.wav import read_wav, write_wav
from services.shared.listening.domain import Preference
from tests.fakes.recordings import tone

FIRST, SECOND, TIE, BOTH_BAD = Preference
EVERYTHING = list(Preference)


def gold(given: Preference) -> ControlAnswer:
    return ControlAnswer(Control.GOLD, FIRST, given)


def trap(given: Preference) -> ControlAnswer:
    return ControlAnswer(Control.TRAP, None, given)


def test_the_chance_of_misses_is_that_of_the_binomial_distribution() -> None:
    assert chance_of_misses([0.1] * 3, 3) == pytest.approx(0.001)
    assert chance_of_misses([0.5] * 4, 3) == pytest.approx(5 / 16)
    assert chance_of_misses([0.1, 0.5], 1) == pytest.approx(0.55)
    assert chance_of_misses([], 0) == 1
    assert chance_of_misses([0.3] * 50, 0) == pytest.approx(1)


@pytest.mark.parametrize("answer", [SECOND, TIE])
def test_a_voter_who_does_not_prefer_the_clean_side_fails_with_the_fourth_such_answer(answer: Preference) -> None:
    assert not failed([gold(answer)] * 3)
    assert failed([gold(answer)] * 4)
    # A person errs now and then.
    assert not failed([gold(FIRST)] * 20 + [gold(answer)] * 3)


def test_a_voter_who_finds_both_sides_of_a_gold_battle_bad_proves_nothing() -> None:
    assert not failed([gold(BOTH_BAD)] * 100)


@pytest.mark.parametrize("answer", [TIE, BOTH_BAD])
def test_no_preference_between_the_same_recording_is_right(answer: Preference) -> None:
    assert not failed([trap(answer)] * 100)


def test_a_voter_who_always_hears_a_difference_between_the_same_recording_fails_after_ten() -> None:
    assert not failed([trap(FIRST), trap(SECOND)] * 4)
    assert failed([trap(FIRST), trap(SECOND)] * 5)


def test_people_who_listen_fail_rarely_and_random_answers_are_found() -> None:
    rng = random.Random(4)
    honest = guessing = 0
    for _ in range(2000):
        people = [gold(SECOND if rng.random() < 0.05 else FIRST) for _ in range(10)]
        people += [trap(rng.choice((FIRST, TIE, TIE, SECOND))) for _ in range(10)]
        honest += failed(people)
        guessing += failed([kind(rng.choice((FIRST, SECOND))) for kind in (gold, trap) for _ in range(10)])
    assert honest <= 2
    assert guessing > 1900


def test_spoiled_speech_has_the_same_length_gaps_and_noise_as_loud_as_the_speech() -> None:
    clean = write_wav(tone(1.5, dbfs=-20).tobytes(), 24_000)
    before, after = read_wav(clean), read_wav(spoiled(clean, 7))
    assert (len(after.samples), after.sample_rate_hz) == (len(before.samples), before.sample_rate_hz)
    assert spoiled(clean, 7) == spoiled(clean, 7) != spoiled(clean, 8)
    speech, heard = before.samples.astype(float), after.samples.astype(float)
    power = np.square(speech).mean()
    kept = (speech * heard).mean() / power
    assert kept == pytest.approx(0.2 / 0.32, abs=0.05)
    assert (np.square(heard).mean() - kept * power) / power == pytest.approx(1.0, abs=0.05)


def test_silence_can_be_spoiled() -> None:
    silence = write_wav(bytes(2 * 24_000), 24_000)
    assert spoiled(silence, 1) == silence
