"""Boards are computed at an interval, and earlier when their votes grow."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from services.elo.leaderboard.schedule import OwnerSchedule
from services.elo.ratings import VoteKind

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
INTERVAL = timedelta(minutes=5)


def metrics(votes: int) -> Counter[VoteKind]:
    return Counter({VoteKind.METRICS: votes})


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def test_the_first_vote_is_due_at_once() -> None:
    assert not OwnerSchedule().due(NOON, INTERVAL)
    assert OwnerSchedule(changed=metrics(1)).due(NOON, INTERVAL)


@pytest.mark.parametrize(("seconds", "due"), [(299, False), (300, True)])
def test_unchanged_boards_are_due_after_the_interval(seconds: int, due: bool) -> None:
    assert OwnerSchedule(votes=metrics(100), computed_at=NOON).due(after(seconds), INTERVAL) is due


@pytest.mark.parametrize(("changed", "due"), [(9, False), (10, True)])
def test_boards_are_due_early_when_a_tenth_of_their_votes_is_new(changed: int, due: bool) -> None:
    schedule = OwnerSchedule(votes=metrics(100), changed=metrics(changed), computed_at=NOON)
    assert schedule.due(after(2), INTERVAL) is due


def test_the_first_votes_of_people_are_due_however_many_votes_the_metrics_have() -> None:
    schedule = OwnerSchedule(votes=metrics(1000), changed=Counter({VoteKind.HUMAN: 1}), computed_at=NOON)
    assert schedule.due(after(2), INTERVAL)
    schedule.votes[VoteKind.HUMAN] = 11
    assert not schedule.due(after(2), INTERVAL)


def test_each_of_the_first_votes_is_due_but_not_more_often_than_every_2_seconds() -> None:
    schedule = OwnerSchedule(votes=metrics(5), changed=metrics(1), computed_at=NOON)
    assert not schedule.due(after(1.9), INTERVAL)
    assert schedule.due(after(2), INTERVAL)


def test_the_first_vote_of_a_category_is_due_however_many_votes_others_have() -> None:
    schedule = OwnerSchedule(votes=metrics(1_000_000), changed=metrics(1), groups=3, groups_now=4, computed_at=NOON)
    assert schedule.due(after(2), INTERVAL)
    schedule.groups = 4
    assert not schedule.due(after(2), INTERVAL)


def test_boards_that_take_long_are_computed_early_less_often() -> None:
    schedule = OwnerSchedule(votes=metrics(100), changed=metrics(100), computed_at=NOON, seconds=6)
    assert not schedule.due(after(119), INTERVAL)
    assert schedule.due(after(120), INTERVAL)


def test_a_clock_that_was_set_back_does_not_stop_publishing() -> None:
    assert OwnerSchedule(votes=metrics(100), computed_at=NOON).due(after(-60), INTERVAL)
