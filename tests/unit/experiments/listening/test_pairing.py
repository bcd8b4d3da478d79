"""Which pairs can be heard, and which of them a listener is given."""

import dataclasses
import random
from collections import Counter
from datetime import UTC, datetime

import pytest

from services.experiments.domain import Trial, TrialStatus
from services.experiments.listening.domain import ListenerAnswer, Pair, PairKey, preferred
from services.experiments.listening.pairing import count, draw, hearable, short_of_votes
from services.experiments.verdict import Answer

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
DONE, FAILED = TrialStatus.COMPLETED, TrialStatus.FAILED


def trial(prompt: int, model: int, repeat: int = 0, status: TrialStatus = DONE, **values: object) -> Trial:
    name = f"trl_{prompt}{model}{repeat}"
    return Trial(
        id=name,
        experiment_id="exp_a",
        prompt_index=prompt,
        model_index=model,
        repeat_index=repeat,
        prompt_text="Hello.",
        provider="espeak",
        voice_id="en",
        model_id="",
        speed=None,
        status=status,
        attempts=1,
        audio_name=f"{name}.wav" if status is DONE else None,
        created_at=NOON,
        **values,  # type: ignore[arg-type]
    )


def pair(prompt: int, votes: int = 0, first: int = 0, second: int = 1) -> Pair:
    trials = [f"trl_{prompt}{first}{repeat}" for repeat in range(2)]
    return Pair(
        key=PairKey(prompt, first, second), first_trials=trials, second_trials=["trl_x"], target_lufs=-23, votes=votes
    )


def test_a_pair_is_two_models_that_completed_the_same_prompt() -> None:
    trials = [trial(0, 0), trial(0, 1), trial(0, 2), trial(1, 0), trial(1, 1, status=FAILED), trial(1, 2), trial(2, 2)]
    keys = [each.key for each in hearable(trials, -23)]
    assert keys == [PairKey(0, 0, 1), PairKey(0, 0, 2), PairKey(0, 1, 2), PairKey(1, 0, 2)]


def test_a_pair_has_every_completed_repeat() -> None:
    trials = [trial(0, 1), trial(0, 0, 2), trial(0, 0, 0), trial(0, 0, 1, status=FAILED)]
    (found,) = hearable(trials, -24.5)
    assert found == Pair(
        key=PairKey(0, 0, 1), first_trials=["trl_000", "trl_002"], second_trials=["trl_010"], target_lufs=-24.5
    )


def test_there_is_no_pair_without_two_models_or_with_audio_that_was_deleted() -> None:
    assert hearable([], -23) == []
    assert hearable([trial(0, 0), trial(1, 1)], -23) == []
    assert hearable([trial(0, 0), trial(0, 1, audio_deleted_at=NOON)], -23) == []


def test_a_listener_hears_what_is_short_of_votes_and_what_they_have_not_heard() -> None:
    pairs = [pair(0), pair(1, votes=1), pair(2, votes=2), pair(3, votes=3)]
    assert short_of_votes(pairs, {PairKey(1, 0, 1)}, 2) == [pair(0)]


def test_the_pairs_with_the_fewest_votes_are_drawn_each_as_often() -> None:
    chance, times = random.Random(1), 6000
    candidates = [pair(0), pair(1), pair(2), pair(3, votes=1)]
    drawn = [draw(candidates, {}, chance) for _ in range(times)]
    counts = Counter(each.pair.key.prompt_index for each in drawn if each)
    assert counts.keys() == {0, 1, 2}
    # Five standard deviations of a third of them.
    assert all(abs(count - times / 3) < 5 * (times * 2 / 9) ** 0.5 for count in counts.values())
    assert {each.drawn_from for each in drawn if each} == {3}


def test_sides_and_repeats_are_drawn_each_as_often() -> None:
    chance, times = random.Random(2), 4000
    drawn = [draw([pair(0)], {}, chance) for _ in range(times)]
    counts = Counter((each.first_trial, each.swapped) for each in drawn if each)
    assert counts.keys() == {(f"trl_00{repeat}", swapped) for repeat in range(2) for swapped in (True, False)}
    assert all(abs(count - times / 4) < 5 * (times * 3 / 16) ** 0.5 for count in counts.values())


def test_a_pair_that_others_are_at_comes_behind_the_others() -> None:
    drawn = draw([pair(0), pair(1), pair(2, votes=1)], {PairKey(0, 0, 1): 1}, random.Random(3))
    assert drawn is not None
    assert (drawn.pair.key, drawn.drawn_from) == (PairKey(1, 0, 1), 1)


def test_who_left_without_a_word_keeps_no_vote_from_being_cast() -> None:
    drawn = draw([pair(0)], {PairKey(0, 0, 1): 50}, random.Random(4))
    assert drawn is not None
    assert drawn.pair.key == PairKey(0, 0, 1)


def test_nothing_is_drawn_from_nothing() -> None:
    assert draw([], {}, random.Random(5)) is None


def test_votes_above_what_a_pair_needs_do_not_count_towards_the_end() -> None:
    assert count([pair(0, votes=5), pair(1, votes=1), pair(2)], 2) == (3, 6)
    assert count([], 2) == (0, 0)


def test_nobody_waits_for_votes_on_what_can_not_be_heard_any_more() -> None:
    silent = dataclasses.replace(pair(0, votes=1), first_trials=[], second_trials=[])
    assert count([silent, pair(1)], 2) == (1, 3)
    assert short_of_votes([silent, pair(1)], (), 2) == [pair(1)]


@pytest.mark.parametrize(
    ("answer", "swapped", "model"),
    [
        ("a", False, Answer.FIRST),
        ("b", False, Answer.SECOND),
        ("a", True, Answer.SECOND),
        ("b", True, Answer.FIRST),
        ("tie", True, Answer.TIE),
        ("both_bad", False, Answer.BOTH_BAD),
    ],
)
def test_an_answer_about_sides_is_one_about_models(answer: str, swapped: bool, model: Answer) -> None:
    assert preferred(ListenerAnswer(answer), swapped) is model
