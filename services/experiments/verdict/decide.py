"""From trials and votes to a verdict."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import stdev

from services.experiments.verdict.contest import Contest, Finding, contest
from services.experiments.verdict.digest import inputs_digest
from services.experiments.verdict.judging import by_both, by_listeners, by_measurements, unmeasured
from services.experiments.verdict.pairing import pair
from services.experiments.verdict.power import detectable_dz
from services.experiments.verdict.primary import PRIMARY_METRIC, PRIMARY_METRICS
from services.experiments.verdict.profiles import LATENCY, CompositeProfile
from services.experiments.verdict.ranking import rank
from services.experiments.verdict.results import Judges, Level, Verdict, VoteSummary
from services.experiments.verdict.trials import Model, Trial, collect
from services.experiments.verdict.votes import Panel, Vote, check_votes

METHOD_VERSION = "verdict/3"
"""Goes up whenever the same trials and votes would give other results."""


NOBODY_KNOWN = Panel()


def decide(
    models: Sequence[Model],
    prompt_count: int,
    trials: Iterable[Trial],
    *,
    composite: CompositeProfile = LATENCY,
    primary_metric: str = PRIMARY_METRIC,
    votes: Iterable[Vote] = (),
    panel: Panel = NOBODY_KNOWN,
    judges: Judges = Judges.MEASUREMENTS,
    same_as: Sequence[int] | None = None,
) -> Verdict:
    """Reach the verdict over `models`, given in the experiment's order, from all of its ended trials and its votes.

    **Measurements.** The unit of evidence is the prompt: repeats collapse to their median per model, prompt and
    measurement first, and so do prompts of the same text (`same_as`, see `trials.collect`). The leader is the model
    with the best composite score (among equals, the first by name). It is the winner if both the gap to the second and
    the evidence of the primary metric against every opponent allow at least low confidence. Testing a leader that was
    picked by the same data against its hardest opponent, unadjusted, keeps the error rate: Gutmann & Maymin, Is the
    selected population the best?, 1987; Hung & Fithian, Rank verification for exponential families, arXiv 1610.03944. A
    completed trial without a measurement that the profile or the primary metric needs counts for reliability, and for
    all else as not measured.

    **Listeners.** The unit of evidence is the listener, see `votes`. The leader is the model with the best preference
    share, the gap is that of preference shares, and the leader is tested against its hardest opponent in the same way.
    `votes` are those that count; `panel` says who gave them and what was left out.

    **Both.** Ranking, gap and leader are those of the measurements; the evidence is the lower of the two, and
    inconclusive where listeners lead with another model.

    Raises ValueError for fewer than two models, for 0 or more than 20 prompts, for an unknown primary metric, for votes
    where nobody was asked, and for trials and votes that are not of this experiment, are there twice, or are completed
    without measurements.
    """
    trials, votes = list(trials), list(votes)
    if len(models) < 2 or len(set(models)) != len(models):
        raise ValueError("an experiment has two or more different models")
    if primary_metric not in PRIMARY_METRICS:
        raise ValueError(f"there is no primary metric {primary_metric}")
    if votes and not judges.asks_listeners:
        raise ValueError("there are votes, and no listener was asked")
    metric = PRIMARY_METRICS[primary_metric]
    collected = collect(models, prompt_count, trials, metric.needs(composite), same_as)
    check_votes(votes, len(models), prompt_count)
    field = contest(collected, composite, metric, votes, panel, judges)
    heard = by_listeners(field) if judges.asks_listeners else None
    found = _found(field, heard, judges)
    confidence = min(found.gap.level, found.evidence.level) if found else Level.inconclusive
    leader = collected[found.leader].model if found and found.leader is not None else None
    return Verdict(
        rankings=rank(field, found.best_first, judges) if found else (),
        head_to_head=tuple(field.compared.values()),
        winner=leader if confidence is not Level.inconclusive else None,
        confidence=confidence,
        leader=leader,
        gap_level=found.gap.level if found else Level.inconclusive,
        evidence_level=found.evidence.level if found else Level.inconclusive,
        reasons=_reasons(field, found, confidence, judges, prompt_count),
        p_winner=found.p_winner if found else None,
        minimum_detectable_effect=_minimum_detectable_effect(field, found) if judges is not Judges.LISTENERS else None,
        primary_metric=primary_metric,
        composite=composite,
        method_version=METHOD_VERSION,
        votes=_vote_summary(field, heard) if heard else None,
        inputs_digest=inputs_digest(
            models, prompt_count, trials, composite, primary_metric, votes, judges, same_as, panel
        ),
    )


def _found(field: Contest, heard: Finding | None, judges: Judges) -> Finding | None:
    """What was found by those who judge, None with fewer than two models to compare."""
    comparable = [of.completed if judges is Judges.LISTENERS else of.measured for of in field.of]
    if sum(map(bool, comparable)) < 2:
        return None
    if judges is Judges.LISTENERS or heard is None:
        return heard or by_measurements(field)
    return by_both(field, by_measurements(field), heard)


def _reasons(
    field: Contest, found: Finding | None, confidence: Level, judges: Judges, prompt_count: int
) -> tuple[str, ...]:
    if found:
        reasons = found.gap.reasons + found.evidence.reasons
    elif sum(bool(of.completed) for of in field.of) < 2:
        reasons = ("Fewer than two models have a completed trial, so there is nothing to compare.",)
    else:
        reasons = ("Fewer than two models have a trial that can be judged, so there is nothing to compare.",)
    if confidence is Level.high or judges is Judges.LISTENERS:
        return reasons
    different = field.of[0].prompt_count
    if different < prompt_count:
        reasons += (f"Prompts of the same text count as one: of {prompt_count} prompts {different} are different.",)
    return reasons + unmeasured(field, found.best_first if found else range(len(field.of)))


def _minimum_detectable_effect(field: Contest, found: Finding | None) -> float | None:
    """What the prompts that tell the leader from the second can show: their spread times the detectable dz."""
    if found is None:
        return None
    leader, second = found.best_first[:2]
    closest = pair(field.judged[leader], field.judged[second], field.metric)
    dz = detectable_dz(closest.untied)
    return dz * stdev(closest.differences) if dz is not None else None


def _vote_summary(field: Contest, heard: Finding) -> VoteSummary:
    return VoteSummary(
        listeners=len({vote.listener for vote in field.votes}),
        votes=len(field.votes),
        both_bad=sum(each.both_bad for each in field.tallies.values()),
        leader=field.of[heard.leader].model if heard.leader is not None else None,
        p_winner=heard.p_winner,
        evidence_level=heard.evidence.level,
        excluded=field.panel.excluded,
        supervised=field.panel.supervised,
        unknown=field.panel.unknown,
        largest_address_share=field.panel.from_one_address / len(field.votes) if field.panel.from_one_address else None,
    )
