"""Which votes are left out, and that no rule speaks for a model or costs people who listen their votes."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from services.experiments.results.domain import counted, panel
from services.experiments.verdict import Panel
from services.shared.listening.domain import SUPERVISED, ListenerAnswer, PairKey, Preference
from services.shared.listening.judging import (
    MIN_SAME_SIDE,
    MIN_TIMED_VOTES,
    CastVote,
    Doubt,
    VoteState,
    judge,
    unclaimed,
)

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
A, B, TIE = ListenerAnswer.A, ListenerAnswer.B, ListenerAnswer.TIE
HERE, THERE, ELSEWHERE = b"here", b"there", b"elsewhere"
MOST = 3
"""Listeners at an address whose votes count."""


def vote(
    number: int = 0,
    answer: ListenerAnswer = A,
    *,
    spare: float | None = 1.0,
    at: bytes | None = HERE,
    joined_from: bytes | None = HERE,
    doubt: Doubt | None = None,
    judged: bool = True,
    listener: str = "lsn_a",
    swapped: bool = False,
    supervised: bool = False,
) -> CastVote:
    """A vote that was judged before, unless it is the last of those that are judged."""
    state = VoteState.UNKNOWN if not judged else VoteState.EXCLUDED if doubt else VoteState.COUNTED
    return CastVote(
        id=f"pai_{listener}_{number}",
        test_id="exp_a",
        listener_id=listener,
        invitation_id="lnk_a",
        supervised=supervised,
        key=PairKey(number, 0, 1),
        swapped=swapped,
        answer=answer,
        cast_at=NOON + timedelta(minutes=number),
        ready_at=None if spare is None else NOON + timedelta(minutes=number, seconds=-spare),
        address=at,
        joined_from=joined_from,
        state=state,
        doubt=doubt,
    )


def judged(votes: Sequence[CastVote], most: int = MOST, places: Sequence[int] = (), again: int = 0) -> dict[str, str]:
    """Returns the doubts of the votes whose state changes, empty for none, where so many others hold places."""
    found = judge(
        votes,
        most,
        places=[[f"lsn_{other}" for other in range(count)] for count in places],
        same_session=[f"lsn_{other}" for other in range(again)],
    )
    return {each.vote.id: each.doubt or "" for each in found}


def test_a_vote_of_somebody_who_is_new_is_counted() -> None:
    assert judged([vote(judged=False)], places=[0]) == {"pai_lsn_a_0": ""}
    assert judged([vote(judged=False)], places=[2]) == {"pai_lsn_a_0": ""}


@pytest.mark.parametrize(("most", "others", "doubt"), [(3, 2, ""), (3, 3, "address_limit"), (1, 1, "address_limit")])
def test_a_link_has_room_for_so_many_listeners_at_an_address(most: int, others: int, doubt: str) -> None:
    assert judged([vote(judged=False)], most, places=[0, others]) == {"pai_lsn_a_0": doubt}


def test_a_supervised_panel_has_room_for_all() -> None:
    assert judged([vote(judged=False)], SUPERVISED, places=[500]) == {"pai_lsn_a_0": ""}


def test_a_place_is_claimed_where_a_listener_joined_and_at_each_new_address_of_a_vote() -> None:
    assert unclaimed([vote(at=HERE, joined_from=THERE)]) == {HERE, THERE}
    assert unclaimed([vote(at=HERE), vote(1, at=HERE)]) == set()
    assert unclaimed([vote(at=HERE), vote(1, at=ELSEWHERE)]) == {ELSEWHERE}
    assert unclaimed([vote(at=None, joined_from=None)]) == set()
    # Who was one too many has claimed nothing.
    assert unclaimed([vote(doubt=Doubt.ADDRESS_LIMIT), vote(1)]) == {HERE}
    # Who answered without listening has: nobody else may take the place.
    assert unclaimed([vote(doubt=Doubt.ONE_SIDE), vote(1)]) == set()


def test_who_holds_a_place_keeps_their_votes_when_they_come_from_a_crowded_address() -> None:
    assert judged([vote(0), vote(1, B, at=THERE, judged=False)], places=[3]) == {"pai_lsn_a_1": "address_limit"}


def test_a_session_that_votes_by_a_second_link_is_the_same_person() -> None:
    assert judged([vote(judged=False)], again=1) == {"pai_lsn_a_0": "same_session"}
    # The one who voted first goes on.
    assert judged([vote(0), vote(1, B, judged=False)], again=1) == {"pai_lsn_a_1": ""}


@pytest.mark.parametrize("side", [A, B])
def test_one_side_every_time_is_left_out_from_the_tenth_vote_on(side: ListenerAnswer) -> None:
    before = [vote(number, side) for number in range(MIN_SAME_SIDE - 1)]
    assert judged([*before[:-1], vote(MIN_SAME_SIDE - 2, side, judged=False)]) == {f"pai_lsn_a_{MIN_SAME_SIDE - 2}": ""}
    now = judged([*before, vote(MIN_SAME_SIDE - 1, side, judged=False)])
    assert now == {f"pai_lsn_a_{number}": "one_side" for number in range(MIN_SAME_SIDE)}


def test_another_side_gives_all_votes_back() -> None:
    before = [vote(number, doubt=Doubt.ONE_SIDE) for number in range(MIN_SAME_SIDE)]
    now = judged([*before, vote(MIN_SAME_SIDE, B, judged=False)])
    assert now == {f"pai_lsn_a_{number}": "" for number in range(MIN_SAME_SIDE + 1)}


def test_ties_are_what_somebody_says_who_hears_no_difference() -> None:
    votes = [vote(number, TIE) for number in range(30)]
    assert judged([*votes, vote(30, TIE, judged=False)]) == {"pai_lsn_a_30": ""}


@pytest.mark.parametrize(("spare", "doubt"), [(0.05, "too_fast"), (0.3, ""), (None, "")])
def test_votes_that_come_faster_than_people_react_are_left_out(spare: float | None, doubt: str) -> None:
    before = [vote(number, (A, B)[number % 2], spare=spare) for number in range(MIN_TIMED_VOTES - 1)]
    now = judged([*before, vote(MIN_TIMED_VOTES - 1, B, spare=spare, judged=False)])
    assert set(now.values()) == {doubt}
    assert len(now) == (MIN_TIMED_VOTES if doubt else 1)
    # A few may be luck.
    assert set(judged([*before[:-1], vote(MIN_TIMED_VOTES - 2, B, spare=spare, judged=False)]).values()) == {""}


def test_what_was_cast_before_votes_were_judged_stays_unknown() -> None:
    before = [vote(number, judged=False) for number in range(MIN_SAME_SIDE)]
    now = judged([*before, vote(MIN_SAME_SIDE, judged=False)])
    assert now == {f"pai_lsn_a_{MIN_SAME_SIDE}": "one_side"}


def test_what_was_left_out_for_who_cast_it_stays_left_out() -> None:
    before = [vote(number, (A, B)[number % 2], doubt=Doubt.ADDRESS_LIMIT) for number in range(4)]
    assert judged([*before, vote(4, judged=False)], places=[3]) == {"pai_lsn_a_4": "address_limit"}


def test_people_who_listen_keep_their_votes_whatever_they_like() -> None:
    """A listener who always prefers the second model answers a side at random, since sides are drawn."""
    chance = random.Random(5)
    panels, votes_each, lost = 4000, 20, 0
    for _ in range(panels):
        votes = [vote(number, chance.choice((A, B)), spare=chance.uniform(0.3, 4)) for number in range(votes_each)]
        lost += any(each.doubt for each in judge(votes, MOST, places=[[]], same_session=[]))
    assert lost / panels < 0.01


def test_leaving_one_side_out_speaks_for_no_model() -> None:
    """Of many who always say `a`, what counts before they are left out favours the first model as often as not."""
    chance = random.Random(6)
    first = second = 0
    for _ in range(3000):
        votes = [vote(number, A, swapped=chance.random() < 0.5) for number in range(MIN_SAME_SIDE - 1)]
        answers = [each.answer for each in counted(votes)]
        first += answers.count(Preference.FIRST)
        second += answers.count(Preference.SECOND)
    assert abs(first - second) / (first + second) < 0.02


def test_a_panel_is_told_by_its_votes_that_count() -> None:
    votes = [
        vote(0, listener="lsn_a", supervised=True),
        vote(1, listener="lsn_a", at=THERE, supervised=True),
        vote(0, listener="lsn_b", at=THERE, joined_from=THERE),
        vote(0, listener="lsn_c", at=None, joined_from=None, judged=False),
        vote(1, listener="lsn_d", doubt=Doubt.ONE_SIDE),
        vote(2, listener="lsn_d", doubt=Doubt.ONE_SIDE),
        vote(3, listener="lsn_e", doubt=Doubt.ADDRESS_LIMIT),
    ]
    # Both votes of lsn_a are of both addresses at which they were, so three are of THERE.
    assert panel(votes) == Panel({"one_side": 2, "address_limit": 1}, supervised=2, unknown=1, from_one_address=3)
    assert [each.listener for each in counted(votes)] == ["lsn_a", "lsn_a", "lsn_b", "lsn_c"]
    assert panel([]) == Panel()
