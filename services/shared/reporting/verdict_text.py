"""Says in words what the results of an experiment mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.shared.reporting.formats import ABSENT, counted

if TYPE_CHECKING:
    from voicearena.experiments.v1.results_pb2 import Results

NOT_ENOUGH = "not enough evidence"
LARGE_SHARE = 0.5


def verdict_sentences(results: Results) -> list[str]:
    """Returns the verdict, then its reasons, as one sentence each."""
    level = results.Level.Name
    if results.HasField("winner") and results.confidence != results.inconclusive:
        sentences = [f"{results.winner} wins, with {level(results.confidence)} confidence."]
    elif results.HasField("leader"):
        sentences = [f"There is {NOT_ENOUGH} to name a winner. {results.leader} has the best score."]
    else:
        sentences = [f"There is {NOT_ENOUGH} to rank these models."]
    if results.HasField("leader"):
        gap = "too small" if results.gap_level == results.inconclusive else level(results.gap_level)
        sentences.append(f"Gap between the two best scores: {gap}.")
        inconclusive = results.evidence_level == results.inconclusive
        evidence_level = NOT_ENOUGH if inconclusive else level(results.evidence_level)
        evidence = f"Evidence against chance: {evidence_level}"
        if results.HasField("p_winner"):
            evidence += f" (p {_compared(results.p_winner)} against the hardest opponent)"
        sentences.append(evidence + ".")
    sentences += results.reasons
    if results.HasField("minimum_detectable_effect"):
        smallest = difference(results.minimum_detectable_effect, results.primary_metric).lstrip("+")
        metric = primary_metric_name(results)
        sentences.append(f"With this many prompts, a difference of {smallest} in {metric} is detected 80% of the time.")
    return sentences


def votes_summary(results: Results) -> str:
    """Returns a text with the number of votes and listeners, where they came from, and which votes were left out."""
    votes = results.votes
    summary = f"{counted(votes.votes, 'vote')} from {counted(votes.listeners, 'listener')}"
    if votes.both_bad:
        summary += f', {votes.both_bad} of them "both are bad"'
    if votes.supervised:
        summary += f"; {votes.supervised} from a supervised panel, whose listeners can share one address"
    if votes.largest_address_share > LARGE_SHARE:
        summary += f"; {votes.largest_address_share:.0%} of these votes came from one address"
    if votes.excluded:
        why = ", ".join(f"{each.votes} {each.description or each.reason}" for each in votes.exclusions)
        summary += f"; {counted(votes.excluded, 'further vote')} left out: {why}"
    return summary


def difference(value: float, metric: str) -> str:
    """Returns a difference in a metric: `+0.071` for a score, `+71 ms` for a time."""
    return f"{value:+.0f} ms" if metric.endswith("_ms") else f"{value:+.3f}"


def p_value(value: float | None) -> str:
    """Returns a p-value such as `0.031`, or `<0.001` below 0.001."""
    if value is None:
        return ABSENT
    return "<0.001" if value < 0.001 else f"{value:.3f}"


def primary_metric_name(results: Results) -> str:
    """Returns the name of the metric that the evidence is computed from, such as `ttfb ms`."""
    return results.primary_metric.replace("_", " ") or "score"


def _compared(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"= {value:.3f}"
