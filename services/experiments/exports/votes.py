"""The export table of votes: each vote's answer, and whether it counts."""

from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter

from services.experiments.domain import Experiment
from services.experiments.exports.columns import Column, ColumnType, DataTable, make_table
from services.experiments.verdict import METHOD_VERSION
from services.shared.listening.domain import Preference
from services.shared.listening.judging import CastVote


@dataclass(frozen=True, slots=True)
class _Row:
    experiment: Experiment
    vote: CastVote
    address: int | None
    """A number for the address of the vote. Addresses are numbered from 1 in the order of their first vote."""

    def name(self, index: int) -> str:
        model = self.experiment.models[index]
        return f"{model.provider}:{model.voice_id}"

    @property
    def clips(self) -> tuple[int, int]:
        """The model indexes of clip A and clip B."""
        key = self.vote.key
        return (key.second, key.first) if self.vote.swapped else (key.first, key.second)

    @property
    def preferred(self) -> str | None:
        chosen = {Preference.FIRST: self.vote.key.first, Preference.SECOND: self.vote.key.second}.get(
            self.vote.preferred
        )
        return None if chosen is None else self.name(chosen)

    @property
    def spare_seconds(self) -> float | None:
        ready_at = self.vote.ready_at
        return None if ready_at is None else (self.vote.cast_at - ready_at).total_seconds()


VOTES: Sequence[Column] = (
    Column("experiment_id", ColumnType.TEXT, attrgetter("experiment.id")),
    Column("id", ColumnType.TEXT, attrgetter("vote.id")),
    Column("listener_id", ColumnType.TEXT, attrgetter("vote.listener_id")),
    Column("link_id", ColumnType.TEXT, attrgetter("vote.invitation_id")),
    Column("supervised", ColumnType.BOOLEAN, attrgetter("vote.supervised")),
    Column("address", ColumnType.INTEGER, attrgetter("address")),
    Column("prompt_index", ColumnType.INTEGER, attrgetter("vote.key.text_index")),
    Column("clip_a_model", ColumnType.TEXT, lambda row: row.name(row.clips[0])),
    Column("clip_b_model", ColumnType.TEXT, lambda row: row.name(row.clips[1])),
    Column("answer", ColumnType.TEXT, lambda row: str(row.vote.answer)),
    Column("preferred", ColumnType.TEXT, attrgetter("preferred")),
    Column("cast_at", ColumnType.TIMESTAMP, attrgetter("vote.cast_at")),
    Column("spare_seconds", ColumnType.FLOAT, attrgetter("spare_seconds")),
    Column("state", ColumnType.TEXT, lambda row: str(row.vote.state)),
    Column(
        "reason",
        ColumnType.TEXT,
        lambda row: None if row.vote.exclusion_reason is None else str(row.vote.exclusion_reason),
    ),
    Column("judged_at", ColumnType.TIMESTAMP, attrgetter("vote.judged_at")),
)
"""Each row is a vote. `spare_seconds` is the time from the earliest moment at which the listener can have heard both
clips to the vote. Addresses are numbers, because not even their hashes leave the database."""


def votes_table(experiment: Experiment, votes: Sequence[CastVote]) -> DataTable:
    """Returns the votes as a table, in the order in which they were cast."""
    numbers: dict[bytes, int] = {}
    rows = [
        _Row(
            experiment,
            vote,
            None if vote.address is None else numbers.setdefault(vote.address, len(numbers) + 1),
        )
        for vote in votes
    ]
    return make_table(VOTES, rows, {"experiment_id": experiment.id, "method_version": METHOD_VERSION})
