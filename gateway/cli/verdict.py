"""Renders results for people: the ranking, the parts of the score, the pairs of models and the verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group
from rich.padding import Padding
from rich.text import Text

from gateway.cli.intervals import intervals_table, matrix_table
from gateway.cli.rendering import (
    WIDE_COLUMNS,
    bar,
    heard_metrics,
    measured,
    new_table,
    plain,
    table_metrics,
)
from services.shared.reporting.formats import ABSENT, model_name, percent
from services.shared.reporting.verdict_text import (
    difference,
    p_value,
    primary_metric_name,
    verdict_sentences,
    votes_summary,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType
    from rich.table import Table
    from voicearena.experiments.v1.results_pb2 import HeadToHead, ModelRanking, Results
    from voicearena.scoring.v1.scoring_pb2 import Metric

MATRIX_RULE = "won-lost-tied; arrow: significant difference (Holm p ≤ 0.05)"
MIN_MATRIX_MODELS = 3
WIDE_CELLS, NARROW_CELLS = 48, 28
MODEL_COLUMNS = 22
MIN_BAR_CELLS, MAX_BAR_CELLS = 3, 12
HEARD_RULE = "means over prompts; ✗ marks a model that can't win"
PROMPT_RULE = "lower TTFB plus total time wins a prompt; within 50 ms is a tie"


def results_view(results: Results, metrics: Sequence[Metric], width: int) -> RenderableType:
    """Returns all of the results, for a terminal of `width` columns."""
    parts: list[RenderableType] = []
    if results.rankings:
        parts += [Text("Ranking", style="bold"), ranking_table(results, metrics, width), Text()]
        if heard := heard_metrics(metrics, results.rankings, summaries=True):
            parts += [_heading("What a listener hears", HEARD_RULE), heard_rankings_table(results, heard), Text()]
        profile = f"profile {results.composite.name}, version {results.composite.version}; 1 is best"
        if any(ranking.HasField("score_low") for ranking in results.rankings):
            parts += [
                _heading("Scores and their intervals", "95% intervals of the prompts' scores"),
                intervals_table(results, WIDE_CELLS if width >= WIDE_COLUMNS else NARROW_CELLS),
                Text(),
            ]
        parts += [_heading("Parts of the score", profile), components_table(results, width), Text()]
    if len(results.rankings) > MIN_MATRIX_MODELS - 1:
        parts += [_heading("Who beat whom", MATRIX_RULE), matrix_table(results), Text()]
    if results.head_to_head:
        parts += [
            _heading(
                "Head to head", PROMPT_RULE, f"the effect is first minus second in {primary_metric_name(results)}"
            ),
            head_to_head_table(results),
            Text(),
        ]
    if results.HasField("votes"):
        parts += [_heading("Listeners", votes_summary(results)), votes_table(results), Text()]
    headline, *sentences = verdict_sentences(results)
    parts += [Text("Verdict", style="bold"), plain(headline)]
    # Padding indents every line of a long sentence.
    parts += [Padding(plain(sentence), (0, 0, 0, 2)) for sentence in sentences]
    return Group(*parts)


def ranking_table(results: Results, metrics: Sequence[Metric], width: int) -> Table:
    """Returns one line per model, best first. Shared ranks have an equals sign."""
    voted = ("Preferred",) if results.HasField("votes") else ()
    shown = table_metrics(metrics, width)
    numbers = (*voted, *(metric.label for metric in shown), "Trials")
    table = new_table("#", "Model", "Score", *numbers, right=numbers)
    cells = 20 if width >= WIDE_COLUMNS else 8
    ranks = [ranking.rank for ranking in results.rankings]
    for ranking in results.rankings:
        table.add_row(
            f"{ranking.rank}=" if ranks.count(ranking.rank) > 1 else str(ranking.rank),
            _model(ranking, results),
            Text.assemble((bar(ranking.composite_score, cells), "cyan"), f" {ranking.composite_score:.3f}"),
            *(percent(ranking.preference_share if ranking.HasField("preference_share") else None) for _ in voted),
            *(measured(ranking, metric.summary, metric) for metric in shown),
            _trials(ranking),
        )
    return table


def heard_rankings_table(results: Results, metrics: Sequence[Metric]) -> Table:
    """Returns one line per model, best first, with what models measured by listening."""
    labels = [metric.label for metric in metrics]
    table = new_table("#", "Model", *labels, right=labels)
    for ranking in results.rankings:
        table.add_row(
            "✗" if ranking.HasField("ruled_out") else str(ranking.rank),
            _model(ranking, results),
            *(measured(ranking, metric.summary, metric) for metric in metrics),
        )
    return table


def components_table(results: Results, width: int) -> Table:
    """Returns the parts of each model's composite score. The header has the weight of each part.

    Scores have no bars if the words of the header and the names of the models need the room.
    """
    weights = results.composite.weights
    headers = [f"{weight.metric.replace('_', ' ')} ×{weight.weight:g}" for weight in weights]
    table = new_table("Model", *headers)
    table.columns[0].no_wrap = True
    # Each part needs its bar, a score, and two spaces.
    room = (width - MODEL_COLUMNS) // max(len(weights), 1) - 8
    cells = min(max(room, MIN_BAR_CELLS), MAX_BAR_CELLS if width >= WIDE_COLUMNS else 5)
    names = [plain(model_name(ranking.provider, ranking.voice_id)) for ranking in results.rankings]
    words = [max(map(len, header.split())) for header in headers]
    needed = max((name.cell_len for name in names), default=0) + sum(2 + max(cells + 6, word) for word in words)
    if needed > width:
        cells = 0
    for column, word in zip(table.columns[1:], words, strict=True):
        column.max_width = max(cells + 6 if cells else 5, word)
    for name, ranking in zip(names, results.rankings, strict=True):
        scores = {component.metric: component.score for component in ranking.components}
        table.add_row(
            name,
            *(_score(scores.get(weight.metric), cells) for weight in weights),
        )
    return table


def head_to_head_table(results: Results) -> Table:
    """Returns one line per pair: prompts that the first model won, lost and tied, the effect with its interval, and its
    p-values."""
    table = new_table("Pair", "Won-lost-tied", "Effect and 95%", "p", "Holm p", right=("p", "Holm p"))
    for pair in results.head_to_head:
        table.add_row(
            Text.assemble(plain(pair.model_a), ("\nagainst ", "dim"), plain(pair.model_b)),
            f"{pair.a_wins}-{pair.b_wins}-{pair.ties}",
            _effect(pair, results.primary_metric),
            p_value(pair.p_value if pair.HasField("p_value") else None),
            p_value(pair.p_holm if pair.HasField("p_holm") else None),
        )
    return table


def votes_table(results: Results) -> Table:
    """Returns one line per pair that listeners compared: votes for each side, ties and the sign test over listeners."""
    table = new_table("Pair", "For-against-tied", "Both bad", "Listeners", "p", "Holm p", right=("p", "Holm p"))
    for pair in results.head_to_head:
        if not pair.HasField("votes"):
            continue
        votes = pair.votes
        table.add_row(
            Text.assemble(plain(pair.model_a), ("\nagainst ", "dim"), plain(pair.model_b)),
            f"{votes.a}-{votes.b}-{votes.ties}",
            str(votes.both_bad),
            str(votes.listeners),
            p_value(votes.p_value if votes.HasField("p_value") else None),
            p_value(votes.p_holm if votes.HasField("p_holm") else None),
        )
    return table


def _heading(title: str, *explanations: str) -> Text:
    heading = Text(title, style="bold")
    for line, explanation in enumerate(explanations):
        margin = "\n" + " " * len(title) if line else ""
        heading.append(f"{margin}  {plain(explanation)}", style="not bold")
    return heading


def _model(ranking: ModelRanking, results: Results) -> Text:
    name = plain(model_name(ranking.provider, ranking.voice_id))
    if results.HasField("winner") and results.winner == name.plain:
        name.stylize("bold green")
    return name


def _trials(ranking: ModelRanking) -> Text:
    total = ranking.trials_completed + ranking.trials_failed
    return Text(f"{ranking.trials_completed}/{total}", style="red" if ranking.trials_failed else "")


def _score(score: float | None, cells: int) -> Text:
    if score is None:
        return Text(ABSENT)
    return Text.assemble((bar(score, cells), "cyan"), " " if cells else "", f"{score:.3f}")


def _effect(pair: HeadToHead, metric: str) -> Text:
    if not pair.HasField("effect"):
        return Text(ABSENT)
    effect = Text(difference(pair.effect, metric))
    if pair.HasField("effect_low") and pair.HasField("effect_high"):
        ends = f"{difference(pair.effect_low, metric)} to {difference(pair.effect_high, metric)}"
        effect.append(f"\n{ends}", style="dim")
    return effect
