"""Daily snapshots of boards. Days that were missed are computed from the votes up to their end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta

from voicearena.elo.v1.leaderboard_pb2 import LeaderboardRow, Snapshot

from services.elo.leaderboard.computing import EVIDENCE
from services.elo.leaderboard.vote_log import HUMAN, SWAPPED, Rows, flagged
from services.elo.ratings import LiveElo, LiveVote, VoteKind

DAY = timedelta(days=1)


def end_of(day: date) -> datetime:
    """Returns the end of a day in UTC."""
    return datetime.combine(day, time(), UTC) + DAY


def microseconds(moment: datetime) -> int:
    """Returns a time as `cast_at` of votes in memory has it."""
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def missing_days(last: date | None, first_vote: datetime, today: date) -> Iterator[date]:
    """Yields the days before today that have no final snapshot, oldest first. `last` is the newest that has one."""
    day = first_vote.astimezone(UTC).date() if last is None else last + DAY
    while day < today:
        yield day
        day += DAY


def live_ratings(votes: Rows, rules: LiveElo) -> Mapping[int, float]:
    """Returns live Elo after some votes, by number of the model. Votes that count for nothing are left out."""
    counted = votes[flagged(votes, EVIDENCE)]
    swapped, human = flagged(counted, SWAPPED), flagged(counted, HUMAN)
    columns = (counted["a"], counted["b"], counted["outcome"], human, swapped)
    rows = zip(*(column.tolist() for column in columns), strict=True)
    replay = rules.replay(
        LiveVote.of_slots(a, b, outcome, VoteKind.HUMAN if human else VoteKind.METRICS, swapped=swapped)
        for a, b, outcome, human, swapped in rows
    )
    return {int(model): rating for model, rating in replay.ratings.items()}


def snapshots(rows: Iterable[LeaderboardRow], day: date) -> Sequence[Snapshot]:
    """Returns the place of each model of a board on a day."""
    return [_snapshot(row, day) for row in rows]


def _snapshot(row: LeaderboardRow, day: date) -> Snapshot:
    message = Snapshot(snapshot_date=day.isoformat())
    present = {field.name: value for field, value in row.ListFields()}
    for field in Snapshot.DESCRIPTOR.fields:
        if field.name in present:
            setattr(message, field.name, present[field.name])
    return message
