"""Draws scores with their intervals on one axis, and the comparisons of all pairs of models as a matrix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.text import Text

from gateway.cli.rendering import ABSENT, model_name, new_table, plain

if TYPE_CHECKING:
    from rich.table import Table
    from voicearena.experiments.v1.results_pb2 import HeadToHead, ModelRanking, Results

# A difference is significant if its p, adjusted for all pairs, is at most this. The ranks use the same limit.
SIGNIFICANT_P = 0.05
# The axis is longer than what is drawn on it, by this share at each end.
MARGIN = 0.05
MIN_AXIS_WIDTH = 0.02


@dataclass(frozen=True)
class Axis:
    """An axis of scores from `low` to `high`."""

    low: float
    high: float

    def share(self, value: float) -> float:
        """Returns where a score lies on the axis: 0 at its left end, 1 at its right end."""
        return (value - self.low) / (self.high - self.low)


def axis_of(rankings: list[ModelRanking]) -> Axis:
    """Returns an axis that contains every score and interval, within 0 to 1."""
    ends = [end for ranking in rankings for end in interval_of(ranking)]
    low, high = min(ends), max(ends)
    margin = max((high - low) * MARGIN, MIN_AXIS_WIDTH / 2)
    return Axis(max(low - margin, 0.0), min(high + margin, 1.0))


def interval_of(ranking: ModelRanking) -> tuple[float, float, float]:
    """Returns the lower end of the interval, the score and the upper end. All three are the score if there is no
    interval."""
    score = ranking.composite_score
    if not (ranking.HasField("score_low") and ranking.HasField("score_high")):
        return score, score, score
    return min(ranking.score_low, score), score, max(ranking.score_high, score)


def intervals_table(results: Results, cells: int) -> Table:
    """Draws one line per model that has a score: the score, and the 95% interval of its prompts' scores."""
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
    """Draws an interval on `cells` cells: a line from `low` to `high`, a dot at `middle`, each a share from 0 to 1."""
    first, at, last = (min(max(round(share * (cells - 1)), 0), cells - 1) for share in (low, middle, high))
    line = ["━" if first <= cell <= last else "·" for cell in range(cells)]
    line[at] = "●"
    return Text.assemble(
        ("".join(line[:first]), "dim"), ("".join(line[first : last + 1]), "cyan"), ("".join(line[last + 1 :]), "dim")
    )


def matrix_table(results: Results) -> Table:
    """Returns the comparisons of all pairs: one line and one column for each model, best first.

    A cell has the prompts that the line's model won, lost and tied. An arrow marks a significant difference.
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
    for pair in results.head_to_head:
        if {pair.model_a, pair.model_b} == {model, other}:
            mirrored = pair.model_b == model
            won, lost = (pair.b_wins, pair.a_wins) if mirrored else (pair.a_wins, pair.b_wins)
            better = better_model(pair)
            mark = "" if better is None else " ↑" if better == model else " ↓"
            return Text(f"{won}-{lost}-{pair.ties}{mark}", style={" ↑": "green", " ↓": "red"}.get(mark, ""))
    return Text(ABSENT)


def better_model(pair: HeadToHead) -> str | None:
    """Returns the better model of a pair, None if the difference is not significant."""
    if not pair.HasField("favours") or not pair.HasField("p_holm") or pair.p_holm > SIGNIFICANT_P:
        return None
    return pair.favours
