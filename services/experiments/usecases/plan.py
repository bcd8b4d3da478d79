"""What a developer asks for, and whether it can be had."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from services.experiments import domain
from services.experiments.domain import EvalMode, ModelSpec
from services.runtime.validation import Validation


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a developer asks for; `eval_mode` is None if it is none that there is."""

    name: str
    scenario: str
    eval_mode: EvalMode | None
    models: Sequence[ModelSpec]
    prompts: Sequence[str]
    webhook_url: str
    request_id: str


def check(plan: Plan) -> EvalMode:
    """Returns who judges; InvalidInput names every field that is out of range."""
    valid = Validation()
    valid.text(plan.name, "name", longest=domain.LONGEST_NAME)
    valid.one_of(plan.scenario, "scenario", domain.SCENARIOS)
    valid.require(plan.eval_mode is not None, "eval_mode", f"must be one of {', '.join(EvalMode)}")
    few, most = domain.FEWEST_MODELS, domain.MOST_MODELS
    count = len(plan.models)
    valid.require(few <= count <= most, "models", f"must be {few} to {most} models, got {count}")
    for index, model in enumerate(plan.models[:most]):
        valid.text(model.provider, f"models[{index}].provider", longest=domain.LONGEST_PROVIDER)
        valid.text(model.voice_id, f"models[{index}].voice_id", longest=domain.LONGEST_VOICE, shortest=0)
        same = plan.models.index(model)
        valid.require(
            same == index, f"models[{index}]", f"must differ from the others; it is the same as models[{same}]"
        )
    few, most = domain.FEWEST_PROMPTS, domain.MOST_PROMPTS
    count = len(plan.prompts)
    valid.require(few <= count <= most, "prompts", f"must be {few} to {most} prompts, got {count}")
    for index, prompt in enumerate(plan.prompts[:most]):
        valid.text(prompt, f"prompts[{index}]", longest=domain.LONGEST_PROMPT)
    if plan.webhook_url and valid.text(plan.webhook_url, "webhook_url", longest=domain.LONGEST_URL):
        valid.require(_is_url(plan.webhook_url), "webhook_url", "must be an http or https URL")
    valid.text(plan.request_id, "request_id", longest=domain.LONGEST_REQUEST_ID, shortest=0)
    valid.finish()
    return plan.eval_mode or EvalMode.AUTOMATED


def _is_url(value: str) -> bool:
    # Without this check urlsplit would drop line breaks and let spaces pass.
    if not value.isprintable() or " " in value:
        return False
    try:
        parts = urlsplit(value)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return False
