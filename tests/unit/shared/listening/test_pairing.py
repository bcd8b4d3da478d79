"""Which pair a listener is given, and how many votes are still needed."""

import dataclasses
import random
from collections import Counter
from datetime import UTC, datetime

import pytest

from services.shared.listening.domain import Assignment, CandidateAudio, ListenerAnswer, Pair, PairKey, Preference
from services.shared.listening.pairing import count_votes, draw, pairs_lacking_votes
from services.shared.listening.tables import cast_vote

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def pair(text: int, votes: int = 0, first: int = 0, second: int = 1) -> Pair:
    spoken = [CandidateAudio(f"trl_{text}{first}{repeat}.wav", 1.0) for repeat in range(2)]
    return Pair(
        key=PairKey(text, first, second),
        text="Hello.",
        first=spoken,
        second=[CandidateAudio("trl_x.wav", 1.0)],
        target_lufs=-23,
        votes=votes,
    )


def test_a_listener_gets_only_pairs_that_lack_votes_and_that_they_have_not_heard() -> None:
    pairs = [pair(0), pair(1, votes=1), pair(2, votes=2), pair(3, votes=3)]
    assert pairs_lacking_votes(pairs, {PairKey(1, 0, 1)}, 2) == [pair(0)]


def test_pairs_with_the_fewest_votes_are_drawn_equally_often() -> None:
    rng, times = random.Random(1), 6000
    candidates = [pair(0), pair(1), pair(2), pair(3, votes=1)]
    drawn = [draw(candidates, {}, rng) for _ in range(times)]
    counts = Counter(each.pair.key.text_index for each in drawn if each)
    assert counts.keys() == {0, 1, 2}
    # Within five standard deviations of a third.
    assert all(abs(number - times / 3) < 5 * (times * 2 / 9) ** 0.5 for number in counts.values())
    assert {each.drawn_from for each in drawn if each} == {3}


def test_sides_and_repeats_are_drawn_equally_often() -> None:
    rng, times = random.Random(2), 4000
    drawn = [draw([pair(0)], {}, rng) for _ in range(times)]
    counts = Counter((each.first.audio_name, each.swapped) for each in drawn if each)
    assert counts.keys() == {(f"trl_00{repeat}.wav", swapped) for repeat in range(2) for swapped in (True, False)}
    assert all(abs(number - times / 4) < 5 * (times * 3 / 16) ** 0.5 for number in counts.values())


def test_a_pair_that_another_listener_is_answering_comes_later() -> None:
    drawn = draw([pair(0), pair(1), pair(2, votes=1)], {PairKey(0, 0, 1): 1}, random.Random(3))
    assert drawn is not None
    assert (drawn.pair.key, drawn.drawn_from) == (PairKey(1, 0, 1), 1)


def test_listeners_who_left_without_voting_block_no_pair() -> None:
    drawn = draw([pair(0)], {PairKey(0, 0, 1): 50}, random.Random(4))
    assert drawn is not None
    assert drawn.pair.key == PairKey(0, 0, 1)


def test_without_candidates_nothing_is_drawn() -> None:
    assert draw([], {}, random.Random(5)) is None


def test_votes_beyond_the_needed_ones_do_not_count_towards_the_end() -> None:
    assert count_votes([pair(0, votes=5), pair(1, votes=1), pair(2)], 2) == (3, 6)
    assert count_votes([], 2) == (0, 0)


def test_a_pair_whose_audio_was_deleted_needs_no_more_votes() -> None:
    silent = dataclasses.replace(pair(0, votes=1), first=[], second=[])
    assert count_votes([silent, pair(1)], 2) == (1, 3)
    assert pairs_lacking_votes([silent, pair(1)], (), 2) == [pair(1)]


@pytest.mark.parametrize(
    ("answer", "swapped", "preference"),
    [
        ("a", False, Preference.FIRST),
        ("b", False, Preference.SECOND),
        ("a", True, Preference.SECOND),
        ("b", True, Preference.FIRST),
        ("tie", True, Preference.TIE),
        ("both_bad", False, Preference.BOTH_BAD),
    ],
)
def test_an_answer_about_sides_becomes_a_preference_between_candidates(
    answer: str, swapped: bool, preference: Preference
) -> None:
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
    assert vote.preferred is preference
