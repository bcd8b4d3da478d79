"""The figures of a report: scores with their intervals on an axis, and a matrix of all pairs of models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.shared.reporting.formats import model_name
from services.shared.reporting.score_axis import SIGNIFICANT_P, Axis, axis_of, better_model, interval_of

if TYPE_CHECKING:
    from voicearena.experiments.v1.results_pb2 import HeadToHead, ModelRanking, PairVotes, Results

CHART_WIDTH, ROW_HEIGHT, LABEL_HEIGHT, TICKS_HEIGHT = 640, 48, 30, 30
TICKS = 5


@dataclass(frozen=True)
class ChartRow:
    """The line of one model in the chart, in pixels."""

    name: str
    y: int
    low: float
    score: float
    high: float
    label: str
    wins: bool


@dataclass(frozen=True)
class Chart:
    """The chart. All sizes are in pixels."""

    rows: list[ChartRow]
    """Best first."""
    ticks: list[tuple[float, str]]
    """Places on the axis with their values."""
    has_intervals: bool
    width: int = CHART_WIDTH

    @property
    def height(self) -> int:
        """The height with the values below the axis."""
        return len(self.rows) * ROW_HEIGHT + TICKS_HEIGHT


@dataclass(frozen=True)
class Cell:
    """One cell of the matrix."""

    text: str
    """What the line's model won, lost and tied: prompts, or votes if people judge."""
    kind: str
    """The CSS class: self, open (no significant difference), better or worse."""


def chart(results: Results, *, by_people: bool) -> Chart | None:
    """Returns the chart of composite scores, or of preference shares if people judge. None if there are no values."""
    if by_people:
        shown = [ranking for ranking in results.rankings if ranking.HasField("preference_share")]
        values = [(ranking.preference_share,) * 3 for ranking in shown]
    else:
        shown = [ranking for ranking in results.rankings if ranking.trials_completed]
        values = [interval_of(ranking) for ranking in shown]
    if not shown:
        return None
    axis = axis_of(end for value in values for end in value)
    rows = []
    for place, (ranking, (low, score, high)) in enumerate(zip(shown, values, strict=True)):
        name = _name(ranking)
        known = f" ({low:.3f} to {high:.3f})" if ranking.HasField("score_low") else ""
        rows.append(
            ChartRow(
                name=name,
                y=place * ROW_HEIGHT + LABEL_HEIGHT,
                low=_pixel(axis, low),
                score=_pixel(axis, score),
                high=_pixel(axis, high),
                label=f"{score:.1%}" if by_people else f"{score:.3f}{known}",
                wins=results.HasField("winner") and results.winner == name,
            )
        )
    has_intervals = not by_people and any(ranking.HasField("score_low") for ranking in shown)
    return Chart(rows, _ticks(axis, in_percent=by_people), has_intervals)


def matrix(results: Results, *, by_people: bool) -> list[list[Cell]]:
    """Returns a line for each model, best first, with a cell for each model in the same order."""
    names = [_name(ranking) for ranking in results.rankings]
    pairs = {frozenset((pair.model_a, pair.model_b)): pair for pair in results.head_to_head}
    return [[_cell(pairs.get(frozenset((name, other))), name, other, by_people) for other in names] for name in names]


def _cell(pair: HeadToHead | None, name: str, other: str, by_people: bool) -> Cell:
    if pair is None or name == other:
        return Cell("", "self")
    votes = pair.votes
    a, b = (votes.a, votes.b) if by_people else (pair.a_wins, pair.b_wins)
    ties = votes.ties + votes.both_bad if by_people else pair.ties
    won, lost = (a, b) if pair.model_a == name else (b, a)
    better = _preferred(pair, votes) if by_people else better_model(pair)
    kind = "open" if better is None else "better" if better == name else "worse"
    return Cell(f"{won}–{lost}–{ties}", kind)


def _preferred(pair: HeadToHead, votes: PairVotes) -> str | None:
    """Returns the model with more votes, None if the difference is not significant."""
    if votes.a == votes.b or not votes.HasField("p_holm") or votes.p_holm > SIGNIFICANT_P:
        return None
    return pair.model_a if votes.a > votes.b else pair.model_b


def _ticks(axis: Axis, *, in_percent: bool) -> list[tuple[float, str]]:
    step = (axis.high - axis.low) / (TICKS - 1)
    # Neighbours differ in their last digit at least.
    digits = 2 if step >= 0.01 else 3
    values = [axis.low + step * place for place in range(TICKS)]
    return [
        (_pixel(axis, value), f"{value:.{digits - 2}%}" if in_percent else f"{value:.{digits}f}") for value in values
    ]


def _pixel(axis: Axis, value: float) -> float:
    return round(axis.share(value) * CHART_WIDTH, 1)


def _name(ranking: ModelRanking) -> str:
    return model_name(ranking.provider, ranking.voice_id)
