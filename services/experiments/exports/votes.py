"""The table of votes: what each said, and whether it counts."""

from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter

from services.experiments.domain import Experiment
from services.experiments.exports.columns import Column, Filled, Kind, fill
from services.experiments.verdict import METHOD_VERSION
from services.shared.listening.domain import Preference
from services.shared.listening.judging import CastVote


@dataclass(frozen=True, slots=True)
class _Row:
    experiment: Experiment
    vote: CastVote
    address: int | None
    """The number of the address that it was cast from, in the order in which addresses appear."""

    def name(self, index: int) -> str:
        model = self.experiment.models[index]
        return f"{model.provider}:{model.voice_id}"

    @property
    def clips(self) -> tuple[int, int]:
        """Which models clip A and clip B were of."""
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
    Column("experiment_id", Kind.TEXT, attrgetter("experiment.id")),
    Column("id", Kind.TEXT, attrgetter("vote.id")),
    Column("listener_id", Kind.TEXT, attrgetter("vote.listener_id")),
    Column("link_id", Kind.TEXT, attrgetter("vote.invitation_id")),
    Column("supervised", Kind.FLAG, attrgetter("vote.supervised")),
    Column("address", Kind.INTEGER, attrgetter("address")),
    Column("prompt_index", Kind.INTEGER, attrgetter("vote.key.text_index")),
    Column("clip_a_model", Kind.TEXT, lambda row: row.name(row.clips[0])),
    Column("clip_b_model", Kind.TEXT, lambda row: row.name(row.clips[1])),
    Column("answer", Kind.TEXT, lambda row: str(row.vote.answer)),
    Column("preferred", Kind.TEXT, attrgetter("preferred")),
    Column("cast_at", Kind.MOMENT, attrgetter("vote.cast_at")),
    Column("spare_seconds", Kind.REAL, attrgetter("spare_seconds")),
    Column("state", Kind.TEXT, lambda row: str(row.vote.state)),
    Column("reason", Kind.TEXT, lambda row: None if row.vote.doubt is None else str(row.vote.doubt)),
    Column("judged_at", Kind.MOMENT, attrgetter("vote.judged_at")),
)
"""A row is a vote. `spare_seconds` is how long after the first moment at which both clips can have been heard it came.
Addresses are numbers, since not even their hashes leave the database."""


def votes_table(experiment: Experiment, votes: Sequence[CastVote]) -> Filled:
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
    return fill(VOTES, rows, {"experiment_id": experiment.id, "method_version": METHOD_VERSION})
