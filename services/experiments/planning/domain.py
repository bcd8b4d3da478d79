"""The plan of a new experiment, and the rules that it must follow."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from services.experiments import domain
from services.experiments.domain import EvalMode, Experiment, ModelSpec, first_equal_prompts, spoken_form
from services.experiments.verdict import (
    METRIC_NAMES,
    PRIMARY_METRICS,
    PROFILES,
    QUALITY,
    CompositeProfile,
)
from services.experiments.verdict.profiles import CUSTOM_PROFILE, WEIGHTS_TOLERANCE
from services.experiments.webhooks.ssrf_guard.policy import SsrfPolicy
from services.experiments.webhooks.ssrf_guard.urls import check_url
from services.runtime.errors import QuotaExceeded
from services.runtime.validation import Validation

DEFAULT_RETENTION_DAYS = 30


def _public_url_fault(url: str) -> str | None:
    return check_url(url, SsrfPolicy())


@dataclass(frozen=True, slots=True)
class ResolvedModels:
    """The voice models that the catalogue has for model specs."""

    models: Sequence[ModelSpec]
    max_text_characters: Sequence[int]
    """The longest text that each model accepts, 0 if unknown."""
    languages: Sequence[str] = ()
    """The BCP 47 tag of the language that each model speaks, empty if unknown. No tags if none is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a developer asks for in a request.

    `eval_mode` is None if the request has an unknown value. Any other None means that the request leaves it out.
    """

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
    composite: CompositeProfile | None = None
    """The profile of a cloned experiment, which its clone keeps. None if the plan names another one or none."""
    primary_metric: str = ""
    seed: int | None = None
    votes_per_pair: int | None = None
    listening_days: int | None = None
    audio_retention_days: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRules:
    """The limits and defaults of this installation."""

    webhook_fault: Callable[[str], str | None] = _public_url_fault
    """Returns what is wrong with a webhook URL, None if nothing is."""
    audio_retention_days: int = DEFAULT_RETENTION_DAYS
    """The retention time of plans that leave it out."""
    max_running: int = 10
    """The number of experiments that a developer can run at the same time."""
    max_unfinished: int = 500
    """The number of unfinished experiments that a developer can have."""
    quality: CompositeProfile = QUALITY
    """The profile `quality` with this installation's weights."""


def plan_of(experiment: Experiment) -> Plan:
    """Returns the plan for a clone of an experiment, without its request id and seed."""
    composite = experiment.composite
    custom = composite.name == CUSTOM_PROFILE
    return Plan(
        name=experiment.name,
        scenario=experiment.scenario,
        eval_mode=experiment.eval_mode,
        models=[ModelSpec(model.provider, model.voice_id) for model in experiment.models],
        prompts=experiment.prompts,
        webhook_url=experiment.webhook_url,
        request_id="",
        repeats=experiment.repeats,
        composite=None if custom else composite,
        weights=tuple(composite.weights.items()) if custom else (),
        primary_metric=experiment.primary_metric,
        votes_per_pair=experiment.votes_per_pair,
        listening_days=experiment.listening_days,
        audio_retention_days=experiment.audio_retention_days,
    )


def check(plan: Plan, rules: PlanRules, *, known_prompts: Sequence[str] = ()) -> EvalMode:
    """Checks a plan and returns who judges. Raises InvalidInput that names every invalid field.

    `known_prompts` are the prompts of a cloned experiment. A clone can keep them even if some are equal: experiments
    that were created before equal prompts were refused can have them.
    """
    valid = Validation()
    valid.text(plan.name, "name", max_characters=domain.MAX_NAME_CHARACTERS)
    valid.one_of(plan.scenario, "scenario", domain.SCENARIOS)
    valid.require(plan.eval_mode is not None, "eval_mode", f"must be one of {', '.join(EvalMode)}")
    _check_models(plan, valid)
    _check_prompts(plan, valid, known_prompts)
    if plan.webhook_url and valid.text(plan.webhook_url, "webhook_url", max_characters=domain.MAX_URL_CHARACTERS):
        fault = rules.webhook_fault(plan.webhook_url)
        valid.require(fault is None, "webhook_url", fault or "")
    valid.request_id(plan.request_id)
    _check_score(plan, valid)
    _check_numbers(plan, valid)
    valid.finish()
    return plan.eval_mode or EvalMode.AUTOMATED


def check_running(running: int, limit: int) -> None:
    """Raises QuotaExceeded if `limit` experiments of a developer are running."""
    if running >= limit:
        raise QuotaExceeded(
            f"You already have {running} running experiments; the limit is {limit}. "
            "Wait until one completes, or cancel one.",
            limit=str(limit),
        )


def check_unfinished(unfinished: int, limit: int) -> None:
    """Raises QuotaExceeded if a developer has `limit` unfinished experiments."""
    if unfinished >= limit:
        raise QuotaExceeded(
            f"You already have {unfinished} unfinished experiments; the limit is {limit}. "
            "Run, cancel or delete some first.",
            limit=str(limit),
        )


def check_lengths(prompts: Sequence[str], resolved: ResolvedModels) -> None:
    """Raises InvalidInput that names each prompt longer than the lowest limit of the models."""
    valid = Validation()
    known = [(limit, index) for index, limit in enumerate(resolved.max_text_characters) if limit]
    if known:
        limit, model = min(known)
        provider = resolved.models[model].provider
        for index, prompt in enumerate(prompts):
            valid.require(
                len(prompt) <= limit,
                f"prompts[{index}]",
                f"must be at most {limit} characters for models[{model}] of {provider}, got {len(prompt)}",
            )
    valid.finish()


def _check_models(plan: Plan, valid: Validation) -> None:
    minimum, maximum = domain.MIN_MODELS, domain.MAX_MODELS
    count = len(plan.models)
    valid.require(minimum <= count <= maximum, "models", f"must be {minimum} to {maximum} models, got {count}")
    for index, model in enumerate(plan.models[:maximum]):
        valid.text(model.provider, f"models[{index}].provider", max_characters=domain.MAX_PROVIDER_CHARACTERS)
        valid.text(
            model.voice_id, f"models[{index}].voice_id", max_characters=domain.MAX_VOICE_CHARACTERS, min_characters=0
        )
        same = plan.models.index(model)
        valid.require(
            same == index, f"models[{index}]", f"must differ from the other models, but is the same as models[{same}]"
        )


def _check_prompts(plan: Plan, valid: Validation, known: Sequence[str]) -> None:
    minimum, maximum = domain.MIN_PROMPTS, domain.MAX_PROMPTS
    count = len(plan.prompts)
    valid.require(minimum <= count <= maximum, "prompts", f"must be {minimum} to {maximum} prompts, got {count}")
    prompts = plan.prompts[:maximum]
    texts_valid = [
        valid.text(text, f"prompts[{index}]", max_characters=domain.MAX_PROMPT_CHARACTERS)
        for index, text in enumerate(prompts)
    ]
    if count > maximum or not all(texts_valid):
        # The violations are already noted. Texts of unlimited length are not compared.
        return
    for index, first in enumerate(first_equal_prompts(prompts)):
        field = f"prompts[{index}]"
        if valid.require(bool(spoken_form(prompts[index])), field, "must have a visible character"):
            valid.require(
                first == index or list(prompts) == list(known),
                field,
                f"must differ from the other prompts, but is spoken like prompts[{first}] (letter case, white space "
                "and Unicode variants make no difference); equal prompts count once as evidence, so use `repeats` to "
                "speak a prompt more than once",
            )


def _check_score(plan: Plan, valid: Validation) -> None:
    if plan.profile:
        valid.require(not plan.weights, "profile", "must be empty if weights are given")
        valid.one_of(plan.profile, "profile", tuple(PROFILES))
    if plan.weights:
        _check_weights(plan.weights, valid)
    if plan.primary_metric:
        valid.one_of(plan.primary_metric, "primary_metric", tuple(PRIMARY_METRICS))


def _check_weights(weights: Sequence[tuple[str, float]], valid: Validation) -> None:
    limit = len(METRIC_NAMES)
    weights_valid = valid.require(
        len(weights) <= limit, "weights", f"must be at most {limit} weights, got {len(weights)}"
    )
    metrics = [metric for metric, _ in weights]
    for index, (metric, weight) in enumerate(weights[:limit]):
        item = f"weights[{index}]"
        first = metrics.index(metric)
        known = valid.one_of(metric, f"{item}.metric", METRIC_NAMES)
        once = valid.require(
            first == index, f"{item}.metric", f"must be given once, but weights[{first}] is also {metric}"
        )
        # NaN fails every comparison.
        in_range = valid.require(0 <= weight <= 1, f"{item}.weight", f"must be 0 to 1, got {weight:g}")
        weights_valid = weights_valid and known and once and in_range
    if weights_valid:
        total = math.fsum(weight for _, weight in weights)
        valid.require(abs(total - 1) <= WEIGHTS_TOLERANCE, "weights", f"must sum to 1, got {total:.7g}")


def _check_numbers(plan: Plan, valid: Validation) -> None:
    for name, minimum, maximum in (
        ("repeats", domain.MIN_REPEATS, domain.MAX_REPEATS),
        ("seed", 0, domain.MAX_SEED),
        ("votes_per_pair", domain.MIN_VOTES_PER_PAIR, domain.MAX_VOTES_PER_PAIR),
        ("listening_days", domain.MIN_LISTENING_DAYS, domain.MAX_LISTENING_DAYS),
        ("audio_retention_days", domain.MIN_RETENTION_DAYS, domain.MAX_RETENTION_DAYS),
    ):
        value = getattr(plan, name)
        valid.require(
            value is None or minimum <= value <= maximum, name, f"must be {minimum} to {maximum}, got {value}"
        )
