"""What a developer asks for, and whether it can be had."""

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

from services.experiments import domain
from services.experiments.domain import EvalMode, Experiment, ModelSpec, comparable, units
from services.experiments.verdict import (
    LATENCY,
    METRIC_NAMES,
    PRIMARY_METRICS,
    PROFILES,
    QUALITY,
    CompositeProfile,
    own_weights,
)
from services.experiments.verdict.profiles import LISTENING_METRICS, OWN_WEIGHTS, PARTS, WEIGHTS_TOLERANCE
from services.experiments.webhooks.reach import Reach
from services.experiments.webhooks.targets import check_url
from services.runtime.errors import QuotaExceeded
from services.runtime.validation import Validation

RETENTION_DAYS = 30


def _public_url_fault(url: str) -> str | None:
    return check_url(url, Reach())


@dataclass(frozen=True, slots=True)
class Resolved:
    """What the catalogue has for model specs."""

    models: Sequence[ModelSpec]
    max_text_characters: Sequence[int]
    """The longest text that each of the models takes, 0 where that is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a developer asks for. `eval_mode` is None if it is none that there is; any other None is what a request
    leaves out."""

    name: str
    scenario: str
    eval_mode: EvalMode | None
    models: Sequence[ModelSpec]
    prompts: Sequence[str]
    webhook_url: str
    request_id: str
    repeats: int | None = None
    profile: str = ""
    weights: Sequence[tuple[str, float]] = field(default=())
    """Pairs of a metric and its weight."""
    primary_metric: str = ""
    seed: int | None = None
    votes_per_pair: int | None = None
    listening_days: int | None = None
    audio_retention_days: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What this installation makes of plans."""

    webhook_fault: Callable[[str], str | None] = _public_url_fault
    """Says what is wrong with a webhook's URL."""
    audio_retention_days: int = RETENTION_DAYS
    """For plans that leave it out."""
    most_running: int = 10
    """How many experiments of a developer run at a time."""
    max_unfinished: int = 500
    """How many experiments of a developer may not have ended."""
    quality: CompositeProfile = QUALITY
    """What the profile `quality` gives weight to."""

    def composite(self, plan: Plan) -> CompositeProfile:
        """Returns how the composite score is made, of a plan that has been checked."""
        if plan.weights:
            return own_weights(dict(plan.weights))
        return {**PROFILES, QUALITY.name: self.quality}[plan.profile or LATENCY.name]


def plan_of(experiment: Experiment) -> Plan:
    """Returns the plan of an experiment, without its request and its seed, for another one like it."""
    composite = experiment.composite
    own = composite.name == OWN_WEIGHTS
    return Plan(
        name=experiment.name,
        scenario=experiment.scenario,
        eval_mode=experiment.eval_mode,
        models=[ModelSpec(model.provider, model.voice_id) for model in experiment.models],
        prompts=experiment.prompts,
        webhook_url=experiment.webhook_url,
        request_id="",
        repeats=experiment.repeats,
        profile="" if own else composite.name,
        weights=tuple(composite.weights.items()) if own else (),
        primary_metric=experiment.primary_metric,
        votes_per_pair=experiment.votes_per_pair,
        listening_days=experiment.listening_days,
        audio_retention_days=experiment.audio_retention_days,
    )


def check(plan: Plan, rules: Rules, *, known_prompts: Sequence[str] = ()) -> EvalMode:
    """Returns who judges; InvalidInput names every field that is out of range.

    `known_prompts` are those of the experiment that is cloned. A clone may keep them though some of them are equal, as
    they may be in experiments that were made before this was refused.
    """
    valid = Validation()
    valid.text(plan.name, "name", longest=domain.MAX_NAME_CHARACTERS)
    valid.one_of(plan.scenario, "scenario", domain.SCENARIOS)
    valid.require(plan.eval_mode is not None, "eval_mode", f"must be one of {', '.join(EvalMode)}")
    _check_models(plan, valid)
    _check_prompts(plan, valid, known_prompts)
    if plan.webhook_url and valid.text(plan.webhook_url, "webhook_url", longest=domain.MAX_URL_CHARACTERS):
        fault = rules.webhook_fault(plan.webhook_url)
        valid.require(fault is None, "webhook_url", fault or "")
    valid.request_id(plan.request_id)
    _check_score(plan, valid)
    _check_numbers(plan, valid)
    valid.finish()
    return plan.eval_mode or EvalMode.AUTOMATED


def check_measured(composite: CompositeProfile, measured: Collection[str]) -> None:
    """InvalidInput if a profile weighs what listening models measure, and it is not among what is `measured`."""
    valid = Validation()
    needed = [PARTS[metric].name for metric in composite.weights if metric in LISTENING_METRICS]
    missing = [name for name in needed if name not in measured]
    own = composite.name == OWN_WEIGHTS
    who_needs = "these need" if own else f"{composite.name} needs"
    valid.require(
        not missing,
        "weights" if own else "profile",
        f"{who_needs} {', '.join(missing)}, which takes listening models that this installation does not have; "
        "GET /api/v1/metrics lists what is measured",
    )
    valid.finish()


def check_running(running: int, most: int) -> None:
    """Lets one more experiment of a developer run; QuotaExceeded if `most` are running."""
    if running >= most:
        raise QuotaExceeded(
            f"{running} of your experiments are running, and at most {most} may at a time: wait for one to complete, "
            "or cancel one, and then run this one",
            limit=str(most),
        )


def check_unfinished(unfinished: int, limit: int) -> None:
    """Lets a developer have one more experiment that has not ended; QuotaExceeded if there are `limit`."""
    if unfinished >= limit:
        raise QuotaExceeded(
            f"{unfinished} of your experiments have not ended, and there may be {limit} at a time: run, cancel or "
            "delete some",
            limit=str(limit),
        )


def check_lengths(prompts: Sequence[str], resolved: Resolved) -> None:
    """InvalidInput that names each prompt that is longer than one of the models takes, with the shortest limit."""
    valid = Validation()
    known = [(most, index) for index, most in enumerate(resolved.max_text_characters) if most]
    if known:
        most, model = min(known)
        provider = resolved.models[model].provider
        for index, prompt in enumerate(prompts):
            valid.require(
                len(prompt) <= most,
                f"prompts[{index}]",
                f"must be at most {most} characters for models[{model}] of {provider}, got {len(prompt)}",
            )
    valid.finish()


def needs_listening(composite: CompositeProfile) -> bool:
    """Whether a profile weighs what only listening models measure."""
    return any(metric in LISTENING_METRICS for metric in composite.weights)


def _check_models(plan: Plan, valid: Validation) -> None:
    few, most = domain.MIN_MODELS, domain.MAX_MODELS
    count = len(plan.models)
    valid.require(few <= count <= most, "models", f"must be {few} to {most} models, got {count}")
    for index, model in enumerate(plan.models[:most]):
        valid.text(model.provider, f"models[{index}].provider", longest=domain.MAX_PROVIDER_CHARACTERS)
        valid.text(model.voice_id, f"models[{index}].voice_id", longest=domain.MAX_VOICE_CHARACTERS, shortest=0)
        same = plan.models.index(model)
        valid.require(
            same == index, f"models[{index}]", f"must differ from the others; it is the same as models[{same}]"
        )


def _check_prompts(plan: Plan, valid: Validation, known: Sequence[str]) -> None:
    few, most = domain.MIN_PROMPTS, domain.MAX_PROMPTS
    count = len(plan.prompts)
    valid.require(few <= count <= most, "prompts", f"must be {few} to {most} prompts, got {count}")
    prompts = plan.prompts[:most]
    sound = [
        valid.text(text, f"prompts[{index}]", longest=domain.MAX_PROMPT_CHARACTERS)
        for index, text in enumerate(prompts)
    ]
    if count > most or not all(sound):
        # What is wrong with them is named already, and texts of any length are not compared.
        return
    for index, first in enumerate(units(prompts)):
        field = f"prompts[{index}]"
        if valid.require(bool(comparable(prompts[index])), field, "must not be only characters that can't be seen"):
            valid.require(
                first == index or list(prompts) == list(known),
                field,
                f"must differ from the others; prompts[{first}] is spoken the same (case, white space and the spelling "
                "of characters aside), and equal prompts are one unit of evidence: use `repeats` to speak one more "
                "than once",
            )


def _check_score(plan: Plan, valid: Validation) -> None:
    if plan.profile:
        valid.require(not plan.weights, "profile", "must be empty where weights are given")
        valid.one_of(plan.profile, "profile", tuple(PROFILES))
    if plan.weights:
        _check_weights(plan.weights, valid)
    if plan.primary_metric:
        valid.one_of(plan.primary_metric, "primary_metric", tuple(PRIMARY_METRICS))


def _check_weights(weights: Sequence[tuple[str, float]], valid: Validation) -> None:
    most = len(METRIC_NAMES)
    sound = valid.require(len(weights) <= most, "weights", f"must be at most {most} weights, got {len(weights)}")
    metrics = [metric for metric, _ in weights]
    for index, (metric, weight) in enumerate(weights[:most]):
        place = f"weights[{index}]"
        first = metrics.index(metric)
        known = valid.one_of(metric, f"{place}.metric", METRIC_NAMES)
        once = valid.require(first == index, f"{place}.metric", f"must be given once; weights[{first}] is {metric} too")
        # Not a number compares as false.
        share = valid.require(0 <= weight <= 1, f"{place}.weight", f"must be 0 to 1, got {weight:g}")
        sound = sound and known and once and share
    if sound:
        total = math.fsum(weight for _, weight in weights)
        valid.require(abs(total - 1) <= WEIGHTS_TOLERANCE, "weights", f"must sum to 1, got {total:.7g}")


def _check_numbers(plan: Plan, valid: Validation) -> None:
    for name, least, most in (
        ("repeats", domain.MIN_REPEATS, domain.MAX_REPEATS),
        ("seed", 0, domain.MAX_SEED),
        ("votes_per_pair", domain.MIN_VOTES_PER_PAIR, domain.MAX_VOTES_PER_PAIR),
        ("listening_days", domain.MIN_LISTENING_DAYS, domain.MAX_LISTENING_DAYS),
        ("audio_retention_days", domain.MIN_RETENTION_DAYS, domain.MAX_RETENTION_DAYS),
    ):
        value = getattr(plan, name)
        valid.require(value is None or least <= value <= most, name, f"must be {least} to {most}, got {value}")
