"""Which votes are excluded, and that no rule favours a candidate or excludes the votes of people who listen."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from services.experiments.results.domain import counted, panel
from services.experiments.verdict import Panel
from services.shared.listening.domain import NO_ADDRESS_LIMIT, ListenerAnswer, PairKey, Preference
from services.shared.listening.judging import (
    MIN_SAME_SIDE,
    MIN_TIMED_VOTES,
    CastVote,
    ExclusionReason,
    VoteState,
    addresses_without_place,
    judge,
)

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
A, B, TIE = ListenerAnswer.A, ListenerAnswer.B, ListenerAnswer.TIE
HERE, THERE, ELSEWHERE = b"here", b"there", b"elsewhere"
MAX_PER_ADDRESS = 3
"""Listeners at one address whose votes count."""


def vote(
    number: int = 0,
    answer: ListenerAnswer = A,
    *,
    spare: float | None = 1.0,
    at: bytes | None = HERE,
    joined_from: bytes | None = HERE,
    exclusion_reason: ExclusionReason | None = None,
    judged: bool = True,
    listener: str = "lsn_a",
    swapped: bool = False,
    supervised: bool = False,
) -> CastVote:
    """Returns a vote that came `spare` seconds after it could have been cast. `judged` is False for UNKNOWN votes."""
    state = VoteState.UNKNOWN if not judged else VoteState.EXCLUDED if exclusion_reason else VoteState.COUNTED
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
        exclusion_reason=exclusion_reason,
    )


def judged(
    votes: Sequence[CastVote],
    max_per_address: int = MAX_PER_ADDRESS,
    places: Sequence[int] = (),
    again: int = 0,
    per_day: int | None = None,
) -> dict[str, str]:
    """Returns the new reasons of the votes whose state changes, empty if they count, by vote id.

    `places` is the number of other listeners at each new address, `again` the number of other listeners of the session.
    """
    found = judge(
        votes,
        max_per_address,
        places=[[f"lsn_{other}" for other in range(count)] for count in places],
        same_session=[f"lsn_{other}" for other in range(again)],
        max_votes_per_day=per_day,
    )
    return {each.vote.id: each.exclusion_reason or "" for each in found}


def test_the_first_vote_of_a_listener_counts() -> None:
    assert judged([vote(judged=False)], places=[0]) == {"pai_lsn_a_0": ""}
    assert judged([vote(judged=False)], places=[2]) == {"pai_lsn_a_0": ""}


@pytest.mark.parametrize(
    ("max_per_address", "others", "exclusion_reason"), [(3, 2, ""), (3, 3, "address_limit"), (1, 1, "address_limit")]
)
def test_votes_of_more_listeners_at_an_address_than_the_link_allows_are_excluded(
    max_per_address: int, others: int, exclusion_reason: str
) -> None:
    assert judged([vote(judged=False)], max_per_address, places=[0, others]) == {"pai_lsn_a_0": exclusion_reason}


def test_a_supervised_panel_has_no_limit_per_address() -> None:
    assert judged([vote(judged=False)], NO_ADDRESS_LIMIT, places=[500]) == {"pai_lsn_a_0": ""}


def test_a_listener_takes_a_place_where_they_joined_and_at_each_new_address_of_a_vote() -> None:
    assert addresses_without_place([vote(at=HERE, joined_from=THERE)]) == {HERE, THERE}
    assert addresses_without_place([vote(at=HERE), vote(1, at=HERE)]) == set()
    assert addresses_without_place([vote(at=HERE), vote(1, at=ELSEWHERE)]) == {ELSEWHERE}
    assert addresses_without_place([vote(at=None, joined_from=None)]) == set()
    # A listener beyond the limit has no place.
    assert addresses_without_place([vote(exclusion_reason=ExclusionReason.ADDRESS_LIMIT), vote(1)]) == {HERE}
    # A listener who answered without listening has one, so nobody else can take it.
    assert addresses_without_place([vote(exclusion_reason=ExclusionReason.ONE_SIDE), vote(1)]) == set()


def test_a_vote_from_a_full_address_leaves_the_earlier_votes_of_the_listener_counted() -> None:
    assert judged([vote(0), vote(1, B, at=THERE, judged=False)], places=[3]) == {"pai_lsn_a_1": "address_limit"}


def test_a_session_that_votes_by_a_second_link_is_the_same_person() -> None:
    assert judged([vote(judged=False)], again=1) == {"pai_lsn_a_0": "same_session"}
    # The listener who voted first keeps voting.
    assert judged([vote(0), vote(1, B, judged=False)], again=1) == {"pai_lsn_a_1": ""}


@pytest.mark.parametrize("side", [A, B])
def test_votes_for_one_side_only_are_excluded_from_the_tenth_on(side: ListenerAnswer) -> None:
    before = [vote(number, side) for number in range(MIN_SAME_SIDE - 1)]
    assert judged([*before[:-1], vote(MIN_SAME_SIDE - 2, side, judged=False)]) == {f"pai_lsn_a_{MIN_SAME_SIDE - 2}": ""}
    now = judged([*before, vote(MIN_SAME_SIDE - 1, side, judged=False)])
    assert now == {f"pai_lsn_a_{number}": "one_side" for number in range(MIN_SAME_SIDE)}


def test_a_vote_for_the_other_side_makes_all_votes_count_again() -> None:
    before = [vote(number, exclusion_reason=ExclusionReason.ONE_SIDE) for number in range(MIN_SAME_SIDE)]
    now = judged([*before, vote(MIN_SAME_SIDE, B, judged=False)])
    assert now == {f"pai_lsn_a_{number}": "" for number in range(MIN_SAME_SIDE + 1)}


def test_many_ties_are_not_excluded() -> None:
    votes = [vote(number, TIE) for number in range(30)]
    assert judged([*votes, vote(30, TIE, judged=False)]) == {"pai_lsn_a_30": ""}


@pytest.mark.parametrize(("spare", "exclusion_reason"), [(0.05, "too_fast"), (0.3, ""), (None, "")])
def test_votes_faster_than_people_react_are_excluded(spare: float | None, exclusion_reason: str) -> None:
    before = [vote(number, (A, B)[number % 2], spare=spare) for number in range(MIN_TIMED_VOTES - 1)]
    now = judged([*before, vote(MIN_TIMED_VOTES - 1, B, spare=spare, judged=False)])
    assert set(now.values()) == {exclusion_reason}
    assert len(now) == (MIN_TIMED_VOTES if exclusion_reason else 1)
    # Below MIN_TIMED_VOTES it may be luck.
    assert set(judged([*before[:-1], vote(MIN_TIMED_VOTES - 2, B, spare=spare, judged=False)]).values()) == {""}


def test_votes_cast_before_votes_were_judged_stay_unknown() -> None:
    before = [vote(number, judged=False) for number in range(MIN_SAME_SIDE)]
    now = judged([*before, vote(MIN_SAME_SIDE, judged=False)])
    assert now == {f"pai_lsn_a_{MIN_SAME_SIDE}": "one_side"}


def test_votes_excluded_by_the_address_limit_stay_excluded() -> None:
    before = [vote(number, (A, B)[number % 2], exclusion_reason=ExclusionReason.ADDRESS_LIMIT) for number in range(4)]
    assert judged([*before, vote(4, judged=False)], places=[3]) == {"pai_lsn_a_4": "address_limit"}


def test_a_place_at_an_address_expires() -> None:
    votes = [vote(0), vote(60)]
    assert addresses_without_place(votes, since=NOON - timedelta(minutes=1)) == set()
    assert addresses_without_place(votes, since=NOON) == {HERE}


def test_votes_beyond_the_daily_limit_are_excluded_and_stay_so() -> None:
    day = 24 * 60
    before = [vote(0), vote(1, B), vote(2)]
    assert judged([*before, vote(3, judged=False)], per_day=3) == {"pai_lsn_a_3": "daily_limit"}
    assert judged([*before, vote(3, judged=False)], per_day=4) == {"pai_lsn_a_3": ""}
    # The first vote is more than a day ago.
    assert judged([*before, vote(day, judged=False)], per_day=3) == {f"pai_lsn_a_{day}": ""}
    over = vote(3, exclusion_reason=ExclusionReason.DAILY_LIMIT)
    assert judged([*before, over, vote(2 * day, judged=False)], per_day=3) == {f"pai_lsn_a_{2 * day}": ""}


@pytest.mark.parametrize("found", [ExclusionReason.UNLIKE_OTHERS, ExclusionReason.FAILED_CONTROLS])
def test_what_a_service_found_about_a_listener_holds_for_their_next_vote(found: ExclusionReason) -> None:
    before = [vote(0, exclusion_reason=found), vote(1, B, exclusion_reason=ExclusionReason.DAILY_LIMIT)]
    assert judged([*before, vote(2, judged=False)]) == {"pai_lsn_a_2": found}
    forgiven = vote(3)
    assert judged([*before, forgiven, vote(4, judged=False)])["pai_lsn_a_4"] == ""


def test_votes_of_people_who_listen_count_whatever_they_prefer() -> None:
    """A listener who always prefers the second model answers a side at random, since sides are drawn."""
    rng = random.Random(5)
    panels, votes_each, lost = 4000, 20, 0
    for _ in range(panels):
        votes = [vote(number, rng.choice((A, B)), spare=rng.uniform(0.3, 4)) for number in range(votes_each)]
        lost += any(each.exclusion_reason for each in judge(votes, MAX_PER_ADDRESS, places=[[]], same_session=[]))
    assert lost / panels < 0.01


def test_excluding_one_sided_votes_favours_no_candidate() -> None:
    """Listeners who always say `a`: their votes before the exclusion favour the first model half of the time."""
    rng = random.Random(6)
    first = second = 0
    for _ in range(3000):
        votes = [vote(number, A, swapped=rng.random() < 0.5) for number in range(MIN_SAME_SIDE - 1)]
        answers = [each.answer for each in counted(votes)]
        first += answers.count(Preference.FIRST)
        second += answers.count(Preference.SECOND)
    assert abs(first - second) / (first + second) < 0.02


def test_a_panel_is_described_by_its_counted_votes() -> None:
    votes = [
        vote(0, listener="lsn_a", supervised=True),
        vote(1, listener="lsn_a", at=THERE, supervised=True),
        vote(0, listener="lsn_b", at=THERE, joined_from=THERE),
        vote(0, listener="lsn_c", at=None, joined_from=None, judged=False),
        vote(1, listener="lsn_d", exclusion_reason=ExclusionReason.ONE_SIDE),
        vote(2, listener="lsn_d", exclusion_reason=ExclusionReason.ONE_SIDE),
        vote(3, listener="lsn_e", exclusion_reason=ExclusionReason.ADDRESS_LIMIT),
    ]
    # Both votes of lsn_a belong to both of their addresses, so three votes belong to THERE.
    assert panel(votes) == Panel({"one_side": 2, "address_limit": 1}, supervised=2, unknown=1, from_one_address=3)
    assert [each.listener for each in counted(votes)] == ["lsn_a", "lsn_a", "lsn_b", "lsn_c"]
    assert panel([]) == Panel()
