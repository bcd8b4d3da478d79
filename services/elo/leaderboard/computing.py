"""Computes the boards of an owner from the votes in memory. Pure functions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from services.elo.leaderboard.vote_log import (
    COUNTED,
    HUMAN,
    RATED,
    SWAPPED,
    Group,
    Renders,
    Rows,
    VoteLog,
    evidence_of,
    flagged,
    in_groups,
    models_of,
)
from services.elo.ratings import (
    DeliveryControl,
    Fragility,
    HeadToHead,
    VoteKind,
    Votes,
    contrast,
    control_delivery,
    fragility,
    head_to_head,
)
from services.elo.ratings.published_board import BoardKind, PublishedBoard, publish_evidence
from services.elo.ratings.votes import Bools, Floats, Ints

EVIDENCE = COUNTED | RATED


class Scope(NamedTuple):
    """Which votes of an owner a board is about. Empty means all."""

    category: str = ""
    language: str = ""


@dataclass(frozen=True, slots=True)
class SideAverages:
    """What was measured of each model's side in the battles of a board. NaN where nothing was measured."""

    battles: Ints
    """The number of battles of each model."""
    means: Mapping[str, Floats]
    """By the names of the fields: `avg_wer`, `avg_semascore`, `avg_prosody`, `avg_quality`."""
    median_ttfa_ms: Floats
    count: int
    """The number of battles of the board."""


@dataclass(frozen=True, slots=True)
class ComputedBoard:
    """A board with all that is shown beside it. Arrays have one entry per model."""

    models: Ints
    """The numbers of the models in the catalogue, in ascending order."""
    published: PublishedBoard
    matrix: HeadToHead
    averages: SideAverages
    fragility: Fragility | None
    delivery: DeliveryControl | None
    delivered: Ints
    """How many votes of each model are in `delivery`."""
    voters: int
    exclusion_rate: float | None
    """The share of votes of people that were excluded, of those in rated battles. None without any."""

    @property
    def votes(self) -> int:
        """The number of votes on the board."""
        return sum(len(chosen) for chosen in self.published.votes.values())


def scopes(groups: Sequence[Group]) -> Iterator[Scope]:
    """Yields the scopes that have votes: all, each category, each language, and both. Wider ones come first."""
    categories = sorted({group.category for group in groups})
    languages = sorted({group.language for group in groups})
    yield Scope()
    yield from (Scope(category, "") for category in categories)
    yield from (Scope("", language) for language in languages)
    yield from sorted({Scope(group.category, group.language) for group in groups})


def in_scope(group: Group, scope: Scope) -> bool:
    """Returns whether the votes of a group are on a board."""
    return scope.category in ("", group.category) and scope.language in ("", group.language)


def compute_boards(
    log: VoteLog, owner: str, until: int | None = None
) -> Iterator[tuple[Scope, BoardKind, ComputedBoard]]:
    """Yields every board of an owner that has votes. `until` leaves out votes from a time on, in microseconds.

    A narrower scope with the same votes as a wider one is the same board, and is not computed again.
    """
    groups = {one: group for one, group in log.groups.items() if group.owner == owner}
    of_owner = log.of_owner(owner)
    if until is not None:
        of_owner = of_owner[of_owner["cast_at"] < until]
    earlier: dict[Scope, tuple[int, Mapping[BoardKind, ComputedBoard]]] = {}
    for scope in scopes(list(groups.values())):
        chosen = [one for one, group in groups.items() if in_scope(group, scope)]
        rows = of_owner if len(chosen) == len(groups) else in_groups(of_owner, chosen)
        wider = (Scope(), Scope(scope.category, ""), Scope("", scope.language))
        same = [boards for one in wider if one in earlier for size, boards in [earlier[one]] if size == len(rows)]
        computed = same[0] if same else {}
        if not same:
            computed = {kind: board for kind in BoardKind if (board := compute_board(rows, kind, log.renders))}
        earlier[scope] = len(rows), computed
        for kind, board in computed.items():
            yield scope, kind, board


def compute_board(rows: Rows, which: BoardKind, renders: Renders) -> ComputedBoard | None:
    """Computes a board from all votes of its scope, counted and not. Returns None if none of its kinds counts."""
    chosen = flagged(rows, EVIDENCE)
    if which is not BoardKind.HYBRID:
        chosen &= flagged(rows, HUMAN) == (which is BoardKind.HUMAN)
    counted = _where(rows, chosen)
    models = models_of(counted)
    if not len(models):
        return None
    published = publish_evidence(evidence_of(counted, models), which, len(models))
    assert published is not None
    on_board = np.zeros(len(counted), dtype=np.bool_)
    for positions in published.positions.values():
        on_board[positions] = True
    judged = flagged(rows, RATED | HUMAN) & (which is not BoardKind.METRICS)
    excluded = judged & ~flagged(rows, COUNTED)
    delivery, delivered = _delivery(counted, published, len(models), renders)
    human = published.votes.get(VoteKind.HUMAN)
    return ComputedBoard(
        models=models,
        published=published,
        matrix=head_to_head(_together(published), len(models)),
        averages=side_averages(_where(counted, on_board), models, renders),
        fragility=fragility(published.board),
        delivery=delivery,
        delivered=delivered,
        voters=0 if human is None else int(human.voter.max()) + 1,
        exclusion_rate=float(excluded.sum() / judged.sum()) if judged.any() else None,
    )


def _where(rows: Rows, kept: Bools) -> Rows:
    """Returns some votes, without a copy if these are all. A copy of a million votes takes longer than their fit."""
    return rows if kept.all() else rows[kept]


def _together(published: PublishedBoard) -> Votes:
    of_kinds = list(published.votes.values())
    return Votes.of(
        *(np.concatenate([getattr(v, name) for v in of_kinds]) for name in ("a", "b", "outcome", "scenario"))
    )


def _delivery(
    counted: Rows, published: PublishedBoard, models: int, renders: Renders
) -> tuple[DeliveryControl | None, Ints]:
    contrasts = {kind: delivery_contrasts(counted[at], renders) for kind, at in published.positions.items()}
    delivered = np.zeros(models, dtype=np.intp)
    for kind, votes in published.votes.items():
        used = votes.where((votes.outcome < 3) & ~np.isnan(contrasts[kind]).any(1))
        delivered += np.bincount(used.a, minlength=models) + np.bincount(used.b, minlength=models)
    return control_delivery(published.votes, contrasts, models), delivered


def delivery_contrasts(rows: Rows, renders: Renders) -> Floats:
    """Returns how the clips of each vote differ in delivery, slot A against slot B, (votes, covariates).

    Both clips have the same text, so their speaking rates differ as their times without silence do.
    """
    swapped = flagged(rows, SWAPPED)
    a = np.where(swapped, rows["render_b"], rows["render_a"])
    b = np.where(swapped, rows["render_a"], rows["render_b"])

    def of(name: str) -> tuple[Floats, Floats]:
        return renders.values(name, a), renders.values(name, b)

    seconds, silence, leading = of("duration_seconds"), of("silence_ratio"), of("leading_silence_ms")
    spoken = [length * (1 - share) for length, share in zip(seconds, silence, strict=True)]
    return np.stack((contrast(*seconds), -contrast(*spoken), contrast(*leading)), axis=1)


def side_averages(rows: Rows, models: Ints, renders: Renders) -> SideAverages:
    """Returns averages over both sides of the battles that votes are about. Each battle is counted once."""
    _, first = np.unique(rows["battle"], return_index=True)
    battles = rows[first]
    swapped = flagged(battles, SWAPPED)
    side_a = np.where(swapped, battles["b"], battles["a"])
    side_b = np.where(swapped, battles["a"], battles["b"])
    model = np.searchsorted(models, np.concatenate((side_a, side_b)))
    render = np.concatenate((battles["render_a"], battles["render_b"]))

    def mean(values: Floats) -> Floats:
        known = ~np.isnan(values)
        count = np.bincount(model[known], minlength=len(models))
        total = np.bincount(model[known], values[known], minlength=len(models))
        return np.asarray(np.divide(total, count, out=np.full(len(models), np.nan), where=count > 0))

    opinions = np.stack([renders.values(name, render) for name in ("naturalness_mos", "signal_quality_mos")])
    present = ~np.isnan(opinions)
    heard = present.sum(0)
    mos = np.divide(np.where(present, opinions, 0).sum(0), heard, out=np.full(len(render), np.nan), where=heard > 0)
    return SideAverages(
        battles=np.bincount(model, minlength=len(models)),
        means={
            "avg_wer": mean(renders.values("word_error_rate", render)),
            "avg_semascore": mean(renders.values("semascore", render)),
            "avg_prosody": mean(renders.values("prosody_score", render)),
            "avg_quality": mean((mos - 1) / 4),
        },
        median_ttfa_ms=_medians(model, renders.values("ttfa_ms", render), len(models)),
        count=len(battles),
    )


def _medians(groups: Ints, values: Floats, count: int) -> Floats:
    known = ~np.isnan(values)
    order = np.lexsort((values[known], groups[known]))
    ordered, sizes = values[known][order], np.bincount(groups[known], minlength=count)
    ends = np.cumsum(sizes)
    begins = ends - sizes
    result = np.full(count, np.nan)
    some = sizes > 0
    low, high = begins + (sizes - 1) // 2, begins + sizes // 2
    result[some] = (ordered[low[some]] + ordered[high[some]]) / 2
    return result
