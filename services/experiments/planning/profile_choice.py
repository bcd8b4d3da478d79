"""Chooses the profile of a new experiment from its plan and from what the installation can measure.

The choice is made once, when the experiment is created. Parts of the profile `quality` that nothing measures here are
left out. Weights that a developer names are never changed: if one can't be measured, the plan is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from services.experiments.planning.domain import Plan, PlanRules, ResolvedModels
from services.experiments.verdict import LATENCY, PRIMARY_METRICS, PROFILES, QUALITY, CompositeProfile, custom_profile
from services.experiments.verdict.profiles import PARTS
from services.runtime.validation import Validation
from services.shared.metrics import Source

UNKNOWN_LANGUAGES = ("", "und", "mul")
WHERE = "GET /api/v1/metrics lists every metric and what it takes"
INTELLIGIBILITY = "intelligibility"
"""Without this part an installation does not count as one that listens."""


@dataclass(frozen=True, slots=True)
class TrialMetric:
    """What scoring says about a metric of trials."""

    name: str
    available: bool
    requirement: str = ""
    """What is missing, in a sentence. Empty if nothing is."""
    languages: frozenset[str] = frozenset()
    """Codes of the languages in which it can be measured. Empty if the language does not matter."""
    audit_failure: str = ""
    """Why the audit of this installation found it unfit to decide, in a sentence. Empty if it did not."""

    def fault(self) -> str:
        """Returns why the metric can't decide an experiment here, in a sentence. Empty if it can."""
        return self.audit_failure if self.available else self.requirement or "Nothing measures it here."

    def covers(self, language: str) -> bool:
        """Returns whether it can be measured in the language of a BCP 47 tag."""
        return not self.languages or language.lower().split("-")[0] in self.languages


Metrics = Mapping[str, TrialMetric]
"""The metrics of trials, by name."""


def needs_metrics(plan: Plan) -> bool:
    """Returns whether the choice for a plan depends on what can be measured here."""
    weights = [part for part, weight in plan.weights if weight > 0]
    if plan.composite is not None:
        weights = list(plan.composite.weights)
    elif not weights and plan.profile != LATENCY.name:
        return True
    return bool(_listened(weights, plan.primary_metric))


def choose_profile(plan: Plan, rules: PlanRules, metrics: Metrics, models: ResolvedModels) -> CompositeProfile:
    """Returns the profile for a plan that has passed `check`.

    Without a profile or weights it is `quality` if word errors can be measured here in the language of every model,
    otherwise `latency`. Raises InvalidInput if something that the plan names can't be measured here, or not in the
    language of a model.
    """
    valid = Validation()
    if plan.primary_metric:
        needed = _listened((), plan.primary_metric)
        _check(valid, "primary_metric", f"the primary metric {plan.primary_metric}", needed, metrics, models)
    if plan.weights:
        chosen = custom_profile(dict(plan.weights))
        _check(valid, "weights", "these weights", _listened(chosen.weights), metrics, models)
    elif plan.composite is not None:
        chosen = plan.composite
        _check(valid, "profile", f"the profile {chosen.name}", _listened(chosen.weights), metrics, models)
    elif plan.profile and plan.profile != QUALITY.name:
        chosen = PROFILES[plan.profile]
    else:
        measured = _measured(rules.quality, metrics)
        names = _listened(measured.weights if measured else rules.quality.weights)
        if plan.profile:
            _check(valid, "profile", f"the profile {plan.profile}", names, metrics, models)
            chosen = measured or rules.quality
        else:
            usable = measured is not None and INTELLIGIBILITY in measured.weights
            spoken = [language for language in models.languages if language not in UNKNOWN_LANGUAGES]
            covered = len(spoken) == len(models.models) and not _uncovered(names, metrics, models)
            chosen = measured if measured and usable and covered else LATENCY
    valid.finish()
    return chosen


def _measured(profile: CompositeProfile, metrics: Metrics) -> CompositeProfile | None:
    """Returns the profile with the parts that can be measured here. None if no part from listening remains."""
    parts = [part for part in profile.weights if not _fault(part, metrics)]
    return profile.with_parts(parts) if _listened(parts) else None


def _fault(part: str, metrics: Metrics) -> str:
    metric = PARTS[part]
    return _metric(metric.name, metrics).fault() if metric.source is Source.LISTENING else ""


def _listened(parts: Iterable[str], primary_metric: str = "") -> list[str]:
    """Returns the names of the metrics from listening that these parts of a profile and a primary metric need."""
    needed = [PARTS[part] for part in parts]
    if primary_metric in PRIMARY_METRICS and (metric := PRIMARY_METRICS[primary_metric].metric):
        needed.append(metric)
    return list(dict.fromkeys(metric.name for metric in needed if metric.source is Source.LISTENING))


def _metric(name: str, metrics: Metrics) -> TrialMetric:
    return metrics.get(name) or TrialMetric(name, available=False)


def _check(
    valid: Validation, field: str, who: str, needed: Sequence[str], metrics: Metrics, models: ResolvedModels
) -> None:
    """Notes the metrics that can't be measured here, with what is missing, or not in the language of a model."""
    need = "need" if field == "weights" else "needs"
    faults: dict[str, list[str]] = {}
    for name in needed:
        if fault := _metric(name, metrics).fault():
            faults.setdefault(fault, []).append(name)
    for fault, names in faults.items():
        valid.require(False, field, f"{who} {need} {', '.join(names)}, which can't decide here: {fault} {WHERE}")
    uncovered = {} if faults else _uncovered(needed, metrics, models)
    if uncovered:
        names = [name for name in needed if _metric(name, metrics).languages]
        covered = sorted(frozenset.intersection(*(_metric(name, metrics).languages for name in names)))
        speaking = ", ".join(
            f"models[{index}] ({models.models[index].provider}:{models.models[index].voice_id}) speaks {language}"
            for index, language in uncovered.items()
        )
        valid.require(
            False,
            field,
            f"{who} {need} {', '.join(names)}, which are measured here for {', '.join(covered)} only, but {speaking}; "
            f"use the profile {LATENCY.name}, or weights without these metrics",
        )


def _uncovered(names: Sequence[str], metrics: Metrics, models: ResolvedModels) -> dict[int, str]:
    """Returns the known languages in which not all of these metrics can be measured, by the position of the model."""
    return {
        index: language
        for index, language in enumerate(models.languages)
        if language not in UNKNOWN_LANGUAGES and not all(_metric(name, metrics).covers(language) for name in names)
    }
