"""Scores with their intervals, drawn on one axis, and who beat whom as a matrix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.text import Text

from gateway.cli.rendering import ABSENT, model_name, new_table, plain

if TYPE_CHECKING:
    from rich.table import Table
    from voicearena.experiments.v1.results_pb2 import HeadToHead, ModelRanking, Results

# What chance is held to have done where p, adjusted for all pairs, is above it; as in the ranks.
TOLD_APART_P = 0.05
# The axis reaches this share of its length beyond what is drawn on it.
MARGIN = 0.05
MIN_AXIS_WIDTH = 0.02


@dataclass(frozen=True)
class Axis:
    """A stretch of scores, `low` to `high`."""

    low: float
    high: float

    def share(self, value: float) -> float:
        """Where a score lies on the axis, 0 at its left end and 1 at its right."""
        return (value - self.low) / (self.high - self.low)


def axis_of(rankings: list[ModelRanking]) -> Axis:
    """An axis with room for every score and interval, within 0 to 1."""
    ends = [end for ranking in rankings for end in interval_of(ranking)]
    low, high = min(ends), max(ends)
    margin = max((high - low) * MARGIN, MIN_AXIS_WIDTH / 2)
    return Axis(max(low - margin, 0.0), min(high + margin, 1.0))


def interval_of(ranking: ModelRanking) -> tuple[float, float, float]:
    """The lower end, the score, and the upper end; three times the score where there is no interval."""
    score = ranking.composite_score
    if not (ranking.HasField("score_low") and ranking.HasField("score_high")):
        return score, score, score
    return min(ranking.score_low, score), score, max(ranking.score_high, score)


def intervals_table(results: Results, cells: int) -> Table:
    """One line per model that has a score: where it lies, and the 95% interval of a prompt's score around it."""
    rankings = [ranking for ranking in results.rankings if ranking.trials_completed]
    axis = axis_of(rankings)
    table = new_table("Model", f"{axis.low:.2f}".ljust(cells - 4) + f"{axis.high:.2f}", "95%")
    table.columns[1].no_wrap = True
    for ranking in rankings:
        low, score, high = interval_of(ranking)
        known = ranking.HasField("score_low")
        table.add_row(
            plain(model_name(ranking.provider, ranking.voice_id)),
            whisker(axis.share(low), axis.share(score), axis.share(high), cells),
            f"{low:.3f} to {high:.3f}" if known else ABSENT,
        )
    return table


def whisker(low: float, middle: float, high: float, cells: int) -> Text:
    """An interval `cells` long: a dot at the middle, a line from low to high, each a share from 0 to 1."""
    first, at, last = (min(max(round(share * (cells - 1)), 0), cells - 1) for share in (low, middle, high))
    line = ["━" if first <= cell <= last else "·" for cell in range(cells)]
    line[at] = "●"
    return Text.assemble(
        ("".join(line[:first]), "dim"), ("".join(line[first : last + 1]), "cyan"), ("".join(line[last + 1 :]), "dim")
    )


def matrix_table(results: Results) -> Table:
    """Who beat whom: each line a model, best first, each column the same models by their place in it.

    A cell is prompts won, lost and tied; an arrow says which of the two is better where chance is ruled out.
    """
    models = [model_name(ranking.provider, ranking.voice_id) for ranking in results.rankings]
    columns = [f"against {place}" for place in range(1, len(models) + 1)]
    table = new_table("#", "Model", *columns, right=columns)
    for place, model in enumerate(models, 1):
        cells = [_cell(results, model, other) for other in models]
        table.add_row(str(place), plain(model), *cells)
    return table


def _cell(results: Results, model: str, other: str) -> Text:
    if model == other:
        return Text("·", style="dim")
    for duel in results.head_to_head:
        if {duel.model_a, duel.model_b} == {model, other}:
            mirrored = duel.model_b == model
            won, lost = (duel.b_wins, duel.a_wins) if mirrored else (duel.a_wins, duel.b_wins)
            better = told_apart(duel)
            mark = "" if better is None else " ↑" if better == model else " ↓"
            return Text(f"{won}-{lost}-{duel.ties}{mark}", style={" ↑": "green", " ↓": "red"}.get(mark, ""))
    return Text(ABSENT)


def told_apart(duel: HeadToHead) -> str | None:
    """The better model of a pair, None where it could be chance."""
    if not duel.HasField("favours") or not duel.HasField("p_holm") or duel.p_holm > TOLD_APART_P:
        return None
    return duel.favours
