"""Draws scores with their intervals on one axis, and the comparisons of all pairs of models as a matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from gateway.cli.rendering import new_table, plain
from services.shared.reporting.formats import ABSENT, model_name
from services.shared.reporting.score_axis import axis_of, better_model, interval_of

if TYPE_CHECKING:
    from rich.table import Table
    from voicearena.experiments.v1.results_pb2 import Results


def intervals_table(results: Results, cells: int) -> Table:
    """Draws one line per model that has a score: the score, and the 95% interval of its prompts' scores."""
    rankings = [ranking for ranking in results.rankings if ranking.trials_completed]
    axis = axis_of(end for ranking in rankings for end in interval_of(ranking))
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
