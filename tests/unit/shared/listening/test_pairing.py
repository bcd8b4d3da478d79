"""Which pair a listener is given, and how many votes are still to come."""

import dataclasses
import random
from collections import Counter
from datetime import UTC, datetime

import pytest

from services.shared.listening.domain import Assignment, ListenerAnswer, Pair, PairKey, Preference, Speech
from services.shared.listening.pairing import count, draw, short_of_votes
from services.shared.listening.tables import cast_vote

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def pair(text: int, votes: int = 0, first: int = 0, second: int = 1) -> Pair:
    spoken = [Speech(f"trl_{text}{first}{repeat}.wav", 1.0) for repeat in range(2)]
    return Pair(
        key=PairKey(text, first, second),
        text="Hello.",
        first=spoken,
        second=[Speech("trl_x.wav", 1.0)],
        target_lufs=-23,
        votes=votes,
    )


def test_a_listener_hears_what_is_short_of_votes_and_what_they_have_not_heard() -> None:
    pairs = [pair(0), pair(1, votes=1), pair(2, votes=2), pair(3, votes=3)]
    assert short_of_votes(pairs, {PairKey(1, 0, 1)}, 2) == [pair(0)]


def test_the_pairs_with_the_fewest_votes_are_drawn_each_as_often() -> None:
    chance, times = random.Random(1), 6000
    candidates = [pair(0), pair(1), pair(2), pair(3, votes=1)]
    drawn = [draw(candidates, {}, chance) for _ in range(times)]
    counts = Counter(each.pair.key.text_index for each in drawn if each)
    assert counts.keys() == {0, 1, 2}
    # Five standard deviations of a third of them.
    assert all(abs(count - times / 3) < 5 * (times * 2 / 9) ** 0.5 for count in counts.values())
    assert {each.drawn_from for each in drawn if each} == {3}


def test_sides_and_repeats_are_drawn_each_as_often() -> None:
    chance, times = random.Random(2), 4000
    drawn = [draw([pair(0)], {}, chance) for _ in range(times)]
    counts = Counter((each.first.audio_name, each.swapped) for each in drawn if each)
    assert counts.keys() == {(f"trl_00{repeat}.wav", swapped) for repeat in range(2) for swapped in (True, False)}
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
    silent = dataclasses.replace(pair(0, votes=1), first=[], second=[])
    assert count([silent, pair(1)], 2) == (1, 3)
    assert short_of_votes([silent, pair(1)], (), 2) == [pair(1)]


@pytest.mark.parametrize(
    ("answer", "swapped", "whom"),
    [
        ("a", False, Preference.FIRST),
        ("b", False, Preference.SECOND),
        ("a", True, Preference.SECOND),
        ("b", True, Preference.FIRST),
        ("tie", True, Preference.TIE),
        ("both_bad", False, Preference.BOTH_BAD),
    ],
)
def test_an_answer_about_sides_is_one_about_candidates(answer: str, swapped: bool, whom: Preference) -> None:
    vote = cast_vote(
        Assignment(
            id="pai_a",
            test_id="exp_a",
            listener_id="lsn_a",
            key=PairKey(0, 0, 1),
            first_audio="trl_a.wav",
            second_audio="trl_b.wav",
            swapped=swapped,
            drawn_from=1,
            target_lufs=-23,
            clip_a="clp_a.wav",
            clip_b="clp_b.wav",
            a_seconds=1,
            b_seconds=1,
            shown_at=NOON,
            answer=ListenerAnswer(answer),
        ),
        invitation_id="lnk_a",
        supervised=False,
        cast_at=NOON,
        address=None,
        joined_from=None,
    )
    assert vote.preferred is whom
