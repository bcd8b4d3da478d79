"""How few votes would have to be missing for another model to be first."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from services.elo.ratings.board import Board
from services.elo.ratings.davidson import DavidsonFit, fit_davidson
from services.elo.ratings.votes import Bools, Floats, Ints, VoteKind

MAX_RIVALS = 10
"""Rivals whose distance from the leader is estimated: those least surely behind."""
MAX_REFITTED_RIVALS = 3
"""Rivals for whom refits find the exact number."""

ROUNDING = 1e-9
"""Strengths closer than this, in natural units, are equal."""


@dataclass(frozen=True, slots=True)
class Fragility:
    """The smallest number of votes found whose removal changes who is first. The true smallest may be lower."""

    votes: int
    rival: int
    """The model whose lead over it is the easiest to remove."""
    linear_estimate: int | None
    """The estimate without refits, often too high. None if it finds no such votes although there are some."""


@dataclass(frozen=True, slots=True)
class _Removal:
    """Types of votes in the order in which they are removed against one rival."""

    rival: int
    types: Ints
    """Flat indices into the stacked tables, (kinds, models, models, 3)."""
    until: Floats
    """How many votes have been removed after each type."""
    linear_estimate: float


def fragility(board: Board) -> Fragility | None:
    """Returns how fragile the first place is.

    None if no removal changes the leader, and if the graph of battles is not connected: there the distance between its
    parts is an assumption.

    Votes are ordered by their influence on the lead over a rival, c' A^-1 score (Broderick, Giordano & Meager, arXiv
    2011.14999). The shortest prefix that makes another model first is found by bisection, with all parameters refitted.
    The weight of each kind of votes stays what it was.
    """
    if not board.connectivity.connected:
        return None
    fit, leader = board.fit, board.leader
    played = board.connectivity.components >= 0
    removals = [_removal(fit, leader, int(rival)) for rival in _rivals(fit, leader, played)]
    removals.sort(key=lambda one: one.linear_estimate)
    best: Fragility | None = None
    for removal in removals[:MAX_REFITTED_RIVALS]:
        votes = _shortest(fit, leader, played, removal, best.votes if best else 0)
        if votes and (best is None or votes < best.votes):
            estimate = removal.linear_estimate
            best = Fragility(votes, removal.rival, int(estimate) if math.isfinite(estimate) else None)
    return best


def _rivals(fit: DavidsonFit, leader: int, played: Bools) -> Ints:
    """Returns the models with the smallest lead over them, relative to its plain standard error."""
    inverse = np.linalg.inv(fit.information)
    variance = np.diag(inverse)[: fit.layout.models]
    lead = fit.strengths[leader] - fit.strengths
    spread = np.sqrt(np.maximum(variance + variance[leader] - 2 * inverse[leader, : fit.layout.models], 1e-300))
    order = np.argsort(lead / spread, kind="stable")
    return np.asarray(order[played[order] & (order != leader)][:MAX_RIVALS])


def _removal(fit: DavidsonFit, leader: int, rival: int) -> _Removal:
    contrast = np.zeros(fit.layout.size)
    contrast[leader], contrast[rival] = 1, -1
    direction: Floats = np.asarray(np.linalg.solve(fit.information, contrast), dtype=np.float64)
    influence = np.stack([_influence(fit, kind, direction) for kind in fit.tables]).ravel()
    counts = np.stack(list(fit.tables.values())).ravel()
    useful = np.flatnonzero((influence > 0) & (counts > 0))
    types = useful[np.argsort(-influence[useful], kind="stable")]
    lead = float(fit.strengths[leader] - fit.strengths[rival])
    taken = np.cumsum(influence[types] * counts[types])
    until = np.cumsum(counts[types])
    last = int(np.searchsorted(taken, lead))
    if last == len(types):
        return _Removal(rival, types, until, math.inf)
    before, votes_before = (taken[last - 1], until[last - 1]) if last else (0.0, 0.0)
    needed = votes_before + max(math.ceil((lead - before) / influence[types[last]]), 1)
    return _Removal(rival, types, until, needed)


def _influence(fit: DavidsonFit, kind: VoteKind, direction: Floats) -> Floats:
    """Returns how much one vote of each type adds to the lead, (models, models, 3)."""
    by_d, by_tie = fit.probabilities(kind).scores()
    strengths = direction[: fit.layout.models]
    slot, nu = fit.layout.slot_of(kind), fit.layout.ties.get(kind)
    along = strengths[:, None] - strengths + (0.0 if slot is None else direction[slot])
    return np.asarray(fit.weights[kind] * (by_d * along[..., None] + (0.0 if nu is None else direction[nu]) * by_tie))


def _shortest(fit: DavidsonFit, leader: int, played: Bools, removal: _Removal, bound: int) -> int:
    """Returns the length of the shortest prefix that changes the leader, 0 if none does below `bound` votes."""
    total = int(removal.until[-1]) if len(removal.types) else 0
    high = min(total, bound - 1) if bound else total
    latest = fit
    if high < 1:
        return 0
    # The estimate is usually too high, and then it ends the search sooner.
    estimate = int(min(removal.linear_estimate, high))
    for length in sorted({estimate, high}):
        latest = _without(fit, removal, length, latest)
        if _overtaken(latest, leader, played):
            high = length
            break
    else:
        return 0
    low = 0
    while high - low > 1:
        middle = (low + high) // 2
        latest = _without(fit, removal, middle, latest)
        if _overtaken(latest, leader, played):
            high = middle
        else:
            low = middle
    return high


def _overtaken(fit: DavidsonFit, leader: int, played: Bools) -> bool:
    """Returns whether another model with votes is first. A draw leaves the leader first."""
    return bool(fit.strengths[played].max() > fit.strengths[leader] + ROUNDING)


def _without(fit: DavidsonFit, removal: _Removal, length: int, start: DavidsonFit) -> DavidsonFit:
    """Returns the fit without the first votes of a removal."""
    remaining = np.stack(list(fit.tables.values()))
    flat = remaining.reshape(-1)
    whole = int(np.searchsorted(removal.until, length, side="right"))
    flat[removal.types[:whole]] = 0
    if whole < len(removal.types):
        flat[removal.types[whole]] -= length - (removal.until[whole - 1] if whole else 0)
    tables: Mapping[VoteKind, Floats] = dict(zip(fit.tables, remaining, strict=True))
    return fit_davidson(tables, fit.method, start)
