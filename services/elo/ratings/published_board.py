"""The published board of counted votes: which kinds it has, who is capped, and the fit.

The service computes boards with it, and `arena leaderboard verify` computes them again from an export.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from services.elo.ratings.board import Board, publish
from services.elo.ratings.method import DEFAULT_METHOD, Method
from services.elo.ratings.voter_cap import under_cap
from services.elo.ratings.votes import Bools, Ints, VoteKind, Votes, VotesByKind


class BoardKind(StrEnum):
    """Whose votes a board is computed from. The values are those in the API."""

    HUMAN = "human"
    METRICS = "metrics"
    HYBRID = "hybrid"

    @property
    def kinds(self) -> Sequence[VoteKind]:
        """The kinds of votes on the board."""
        return tuple(VoteKind) if self is BoardKind.HYBRID else (VoteKind(self.value),)


@dataclass(frozen=True, slots=True)
class Evidence:
    """Counted votes of both kinds in the order in which they were cast. All have one entry per vote."""

    human: Bools
    """Whether a person cast it."""
    a: Ints
    """The number of the model in slot A, from 0 without gaps, as of the model in slot B."""
    b: Ints
    outcome: Ints
    scenario: Ints
    """Any number that tells scenarios apart."""
    voter: Ints
    """Any number that tells voters apart. It is not read for metric votes."""
    ids: Sequence[str]
    """The ids of the votes, by which those of very active voters are chosen."""

    def __len__(self) -> int:
        return len(self.a)


@dataclass(frozen=True, slots=True)
class PublishedBoard:
    """A board and the votes that it is computed from."""

    board: Board
    votes: VotesByKind
    positions: Mapping[VoteKind, Ints]
    """The positions of the votes of each kind in the evidence."""
    capped: Ints
    """The positions of votes that are left out because their voter has too many."""


def publish_evidence(
    evidence: Evidence, which: BoardKind, models: int, method: Method = DEFAULT_METHOD
) -> PublishedBoard | None:
    """Computes a board. Returns None if there are no votes of its kinds.

    Raises ValueError as `publish` does.
    """
    votes: dict[VoteKind, Votes] = {}
    positions: dict[VoteKind, Ints] = {}
    capped: Ints = np.empty(0, dtype=np.intp)
    for kind in which.kinds:
        chosen = np.flatnonzero(evidence.human == (kind is VoteKind.HUMAN))
        if kind is VoteKind.HUMAN and len(chosen):
            kept = under_cap(numbered(evidence.voter[chosen]), _Chosen(evidence.ids, chosen))
            chosen, capped = chosen[kept], chosen[~kept]
        if len(chosen):
            positions[kind] = chosen
    if not positions:
        return None
    # Scenarios are clusters of both kinds together.
    together = np.sort(np.concatenate(list(positions.values())))
    scenarios = np.zeros(len(evidence), dtype=np.intp)
    scenarios[together] = numbered(evidence.scenario[together])
    for kind, chosen in positions.items():
        votes[kind] = Votes.of(
            evidence.a[chosen],
            evidence.b[chosen],
            evidence.outcome[chosen],
            scenarios[chosen],
            numbered(evidence.voter[chosen]) if kind is VoteKind.HUMAN else None,
        )
    return PublishedBoard(publish(votes, models, method), votes, positions, capped)


def numbered(values: Ints) -> Ints:
    """Returns values as numbers from 0 without gaps, in the order in which they first appear.

    The values must be whole numbers of at least 0 that are not much larger than their count.
    """
    if not len(values):
        return np.empty(0, dtype=np.intp)
    first = np.full(int(values.max()) + 1, -1, dtype=np.intp)
    # The last of several assignments to one place stays, so the first appearance is written last.
    first[values[::-1]] = np.arange(len(values) - 1, -1, -1)
    present = np.flatnonzero(first >= 0)
    numbers = np.empty(len(first), dtype=np.intp)
    numbers[present[np.argsort(first[present])]] = np.arange(len(present))
    return np.asarray(numbers[values])


class _Chosen(Sequence[str]):
    """Some of many ids, without a copy of them."""

    def __init__(self, ids: Sequence[str], chosen: Ints) -> None:
        self._ids, self._chosen = ids, chosen

    def __len__(self) -> int:
        return len(self._chosen)

    def __getitem__(self, index):  # type: ignore[no-untyped-def]
        return self._ids[self._chosen[index]]
