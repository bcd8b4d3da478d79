"""Results as people read them: the ranking, the score's parts, the duels, and the verdict in sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group
from rich.padding import Padding
from rich.text import Text

from gateway.cli.intervals import intervals_table, matrix_table
from gateway.cli.rendering import (
    ABSENT,
    WIDE_COLUMNS,
    bar,
    measured,
    model_name,
    new_table,
    percent,
    plain,
    table_metrics,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType
    from rich.table import Table
    from voicearena.experiments.v1.results_pb2 import HeadToHead, ModelRanking, Results
    from voicearena.scoring.v1.scoring_pb2 import Metric

NOT_ENOUGH = "not enough evidence"
LARGE_SHARE = 0.5
MATRIX_RULE = "won-lost-tied; an arrow where chance is ruled out (Holm p ≤ 0.05)"
MIN_MATRIX_MODELS = 3
WIDE_CELLS, NARROW_CELLS = 48, 28
DUEL_RULE = "least TTFB plus total time wins a prompt; 50 ms or less is a tie"


def results_view(results: Results, metrics: Sequence[Metric], width: int) -> RenderableType:
    """All of it, for a terminal of `width` columns."""
    parts: list[RenderableType] = []
    if results.rankings:
        parts += [Text("Ranking", style="bold"), ranking_table(results, metrics, width), Text()]
        profile = f"profile {results.composite.name}, version {results.composite.version}; 1 is best"
        if any(ranking.HasField("score_low") for ranking in results.rankings):
            parts += [
                _heading("Scores and their intervals", "of a prompt's score, 95%"),
                intervals_table(results, WIDE_CELLS if width >= WIDE_COLUMNS else NARROW_CELLS),
                Text(),
            ]
        parts += [_heading("Parts of the score", profile), components_table(results, width), Text()]
    if len(results.rankings) > MIN_MATRIX_MODELS - 1:
        parts += [_heading("Who beat whom", MATRIX_RULE), matrix_table(results), Text()]
    if results.head_to_head:
        parts += [
            _heading("Head to head", DUEL_RULE, f"the effect is first minus second in {_metric(results)}"),
            head_to_head_table(results),
            Text(),
        ]
    if results.HasField("votes"):
        parts += [_heading("Listeners", votes_summary(results)), votes_table(results), Text()]
    headline, *sentences = verdict_sentences(results)
    parts += [Text("Verdict", style="bold"), plain(headline)]
    # Padding indents the lines of a long sentence alike.
    parts += [Padding(plain(sentence), (0, 0, 0, 2)) for sentence in sentences]
    return Group(*parts)


def ranking_table(results: Results, metrics: Sequence[Metric], width: int) -> Table:
    """One line per model, best first. Ranks that the evidence does not tell apart have an equals sign."""
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


def components_table(results: Results, width: int) -> Table:
    """The parts of each model's composite score; the header has each part's weight."""
    weights = results.composite.weights
    headers = [f"{weight.metric.replace('_', ' ')} ×{weight.weight:g}" for weight in weights]
    table = new_table("Model", *headers)
    table.columns[0].no_wrap = True
    cells = 12 if width >= WIDE_COLUMNS else 5
    for column in table.columns[1:]:
        column.max_width = cells + 6
    for ranking in results.rankings:
        scores = {component.metric: component.score for component in ranking.components}
        table.add_row(
            plain(model_name(ranking.provider, ranking.voice_id)),
            *(_score(scores.get(weight.metric), cells) for weight in weights),
        )
    return table


def head_to_head_table(results: Results) -> Table:
    """One line per pair: prompts won, lost and tied by the first, the effect with its interval, and its p-values."""
    table = new_table("Pair", "Won-lost-tied", "Effect and 95%", "p", "Holm p", right=("p", "Holm p"))
    for duel in results.head_to_head:
        table.add_row(
            Text.assemble(plain(duel.model_a), ("\nagainst ", "dim"), plain(duel.model_b)),
            f"{duel.a_wins}-{duel.b_wins}-{duel.ties}",
            _effect(duel, results.primary_metric),
            p_value(duel.p_value if duel.HasField("p_value") else None),
            p_value(duel.p_holm if duel.HasField("p_holm") else None),
        )
    return table


def votes_summary(results: Results) -> str:
    """How many listeners gave how many votes, from where, and which were left out."""
    votes = results.votes
    summary = f"{_count(votes.votes, 'vote')} of {_count(votes.listeners, 'listener')}"
    if votes.both_bad:
        summary += f", {votes.both_bad} of them that both were bad"
    if votes.supervised:
        summary += f"; {votes.supervised} by a supervised panel, whose listeners may share one address"
    if votes.largest_address_share > LARGE_SHARE:
        summary += f"; {votes.largest_address_share:.0%} of listeners at one address"
    if votes.excluded:
        why = ", ".join(f"{each.votes} {each.description or each.reason}" for each in votes.exclusions)
        summary += f"; {_count(votes.excluded, 'further vote')} left out: {why}"
    return summary


def votes_table(results: Results) -> Table:
    """One line per pair that was heard: votes for each side, ties, and the sign test over listeners."""
    table = new_table("Pair", "For-against-tied", "Both bad", "Listeners", "p", "Holm p", right=("p", "Holm p"))
    for duel in results.head_to_head:
        if not duel.HasField("votes"):
            continue
        votes = duel.votes
        table.add_row(
            Text.assemble(plain(duel.model_a), ("\nagainst ", "dim"), plain(duel.model_b)),
            f"{votes.a}-{votes.b}-{votes.ties}",
            str(votes.both_bad),
            str(votes.listeners),
            p_value(votes.p_value if votes.HasField("p_value") else None),
            p_value(votes.p_holm if votes.HasField("p_holm") else None),
        )
    return table


def verdict_sentences(results: Results) -> list[str]:
    """The verdict, then what it rests on, one sentence each. What chance may have done is never called a difference."""
    level = results.Level.Name
    if results.HasField("winner") and results.confidence != results.inconclusive:
        sentences = [f"{results.winner} wins, with {level(results.confidence)} confidence."]
    elif results.HasField("leader"):
        sentences = [f"There is {NOT_ENOUGH} to name a winner. {results.leader} has the best score."]
    else:
        sentences = [f"There is {NOT_ENOUGH} to rank these models."]
    if results.HasField("leader"):
        gap = "too small" if results.gap_level == results.inconclusive else level(results.gap_level)
        sentences.append(f"Distance between the first two scores: {gap}.")
        inconclusive = results.evidence_level == results.inconclusive
        evidence_level = NOT_ENOUGH if inconclusive else level(results.evidence_level)
        evidence = f"Evidence that it is not chance: {evidence_level}"
        if results.HasField("p_winner"):
            evidence += f" (p {_compared(results.p_winner)} against the hardest opponent)"
        sentences.append(evidence + ".")
    sentences += results.reasons
    if results.HasField("minimum_detectable_effect"):
        smallest = difference(results.minimum_detectable_effect, results.primary_metric).lstrip("+")
        sentences.append(
            f"With this many prompts, a difference of {smallest} in {_metric(results)} is found four times out of five."
        )
    return sentences


def difference(value: float, metric: str) -> str:
    """`+0.071` of a score, `+71 ms` of a time, by the name of the metric."""
    return f"{value:+.0f} ms" if metric.endswith("_ms") else f"{value:+.3f}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def p_value(value: float | None) -> str:
    """`0.031`, below a thousandth `<0.001`."""
    if value is None:
        return ABSENT
    return "<0.001" if value < 0.001 else f"{value:.3f}"


def _compared(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"= {value:.3f}"


def _metric(results: Results) -> str:
    return results.primary_metric.replace("_", " ") or "score"


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
    return Text(ABSENT) if score is None else Text.assemble((bar(score, cells), "cyan"), f" {score:.3f}")


def _effect(duel: HeadToHead, metric: str) -> Text:
    if not duel.HasField("effect"):
        return Text(ABSENT)
    effect = Text(difference(duel.effect, metric))
    if duel.HasField("effect_low") and duel.HasField("effect_high"):
        ends = f"{difference(duel.effect_low, metric)} to {difference(duel.effect_high, metric)}"
        effect.append(f"\n{ends}", style="dim")
    return effect
