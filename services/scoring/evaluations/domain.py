"""What developers want evaluated, and what became of it."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from services.runtime.errors import Busy, QuotaExceeded
from services.runtime.validation import Validation
from services.scoring.domain import Status
from services.scoring.metrics.signal import SignalMetrics
from services.scoring.pipeline.step import StepOutcome
from services.scoring.pipeline.work import CHANNELS, SPLIT

PREFIX = "evl"
"""Ids of evaluations of recordings begin with it. The evaluation of a job has the job's id."""
DEFAULT_LANGUAGE = "en"
MAX_ID_CHARACTERS = 200
"""In ids and names of audio, which are shorter."""
MAX_REFERENCE_CHARACTERS = 100_000
MAX_SPEAKERS = 20
MAX_NAMES = 100
MAX_NAME_CHARACTERS = 200
MAX_URL_CHARACTERS = 2000
MAX_WAITING = 20_000
"""Evaluations of all developers that wait. More would wait for days."""
MAX_TRIES = 3
"""A recording whose evaluation has ended the whole process this often is not evaluated again."""
WAV = "audio/wav"
ANY_BYTES = "application/octet-stream"
_EMPTY = "must be empty, because a recording that takes part in battles is measured with"
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")
_AUDIO_TYPE = re.compile(r"(audio|video)/[a-z0-9][a-z0-9.+-]{0,60}")


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationPlan:
    """What a developer wants evaluated."""

    audio_name: str = ""
    """The name of stored audio. Empty for an upload."""
    model_id: str = ""
    """The voice model that speaks. Empty if unknown."""
    scenario_id: str = ""
    reference_text: str = ""
    """What should be spoken. Empty if unknown."""
    language: str = ""
    """BCP 47. DEFAULT_LANGUAGE if empty."""
    num_speakers: int | None = None
    """None if it is to be recognised."""
    channels: str = ""
    """One of CHANNELS. SPLIT if empty."""
    steps: Sequence[str] = ()
    """The steps to run. All if empty."""
    conditions: Sequence[str] = ()
    """Further versions of the recording to evaluate."""
    names: Sequence[str] = ()
    """Words that must come through exactly, besides those that are found by rule."""
    request_id: str = ""
    webhook_url: str = ""


@dataclass(frozen=True, slots=True)
class RecordedScenario:
    """What has to be spoken in the recording of a scenario."""

    text: str
    language: str
    """A BCP 47 tag."""
    takes_part: bool
    """Whether the recording can take part in battles, because its voice model is `recorded`."""


@dataclass(frozen=True, slots=True)
class StoredRecording:
    """A recording in the audio store."""

    name: str
    content_type: str = WAV
    uploaded: bool = False
    """Whether it was stored for this evaluation alone and is deleted with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """The evaluation of a recording, without the outcomes of its steps."""

    id: str
    developer_id: str
    status: Status
    audio_name: str
    error_message: str = ""
    """Why it failed. Empty if it did not fail."""
    created_at: datetime
    completed_at: datetime | None = None
    """When it ended. None before."""
    requester: str = ""
    """The service that asked for the evaluation of a job. Empty for recordings, and for jobs of earlier versions."""
    attempt: int = 1
    """The number of the latest request for a job."""
    signal_metrics: SignalMetrics | None = None
    """Of the evaluation of a job, whose samples are measured without a step."""
    model_id: str = ""
    scenario_id: str = ""
    reference_text: str = ""
    language: str = ""
    num_speakers: int | None = None
    channels: str = SPLIT
    names: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()
    """The steps to run, with those that they need, in the order of reports. None for a job to which nothing listens."""
    conditions: tuple[str, ...] = ()
    webhook_url: str = ""
    content_type: str = ""
    uploaded: bool = False
    duration_seconds: float | None = None
    audio_deleted_at: datetime | None = None
    traceparent: str = ""
    """The trace of the call that created it."""
    run: int = 0
    """The number of the latest run. An earlier run changes nothing any more."""
    tries: int = 0
    """How many runs were begun and neither ended nor handed back."""

    @property
    def of_job(self) -> bool:
        """Whether another service asked for it, such as experiments for a trial."""
        return not self.id.startswith(f"{PREFIX}_")

    @property
    def copy_name(self) -> str:
        """The name of the copy of the recording from which elo makes a side of battles. Empty if none is made."""
        return f"{self.id}.wav" if self.model_id and self.scenario_id else ""

    @property
    def ended(self) -> bool:
        """Whether it is completed, failed or cancelled."""
        return self.status not in (Status.pending, Status.running)


@dataclass(frozen=True, slots=True)
class EvaluationDetails:
    """An evaluation with its steps."""

    evaluation: Evaluation
    outcomes: Sequence[StepOutcome] = field(default=())
    """Of all steps, those of the recording itself first, in the order of reports."""

    def outcome(self, step: str, condition: str = "") -> StepOutcome | None:
        """Returns how a step stands, None if it is not part of the evaluation."""
        return next((one for one in self.outcomes if (one.step, one.condition) == (step, condition)), None)


def check(plan: EvaluationPlan, *, steps: Collection[str], conditions: Collection[str]) -> None:
    """Checks a plan against the steps and conditions that exist. Raises InvalidInput that names every invalid field."""
    valid = Validation()
    valid.text(plan.scenario_id, "scenario_id", max_characters=MAX_ID_CHARACTERS, min_characters=0)
    valid.text(plan.reference_text, "reference_text", max_characters=MAX_REFERENCE_CHARACTERS, min_characters=0)
    if plan.language and valid.text(plan.language, "language", max_characters=35, min_characters=2):
        description = "must be a BCP 47 tag, such as en or de-AT"
        valid.require(_LANGUAGE.fullmatch(plan.language) is not None, "language", description)
    if plan.num_speakers is not None:
        valid.require(1 <= plan.num_speakers <= MAX_SPEAKERS, "num_speakers", f"must be 1 to {MAX_SPEAKERS}")
    if plan.channels:
        valid.one_of(plan.channels, "channels", CHANNELS)
    for index, step in enumerate(plan.steps):
        valid.one_of(step, f"steps[{index}]", tuple(steps))
    for index, condition in enumerate(plan.conditions):
        valid.one_of(condition, f"conditions[{index}]", tuple(conditions))
    description = f"must have at most {MAX_NAMES} entries, got {len(plan.names)}"
    if valid.require(len(plan.names) <= MAX_NAMES, "names", description):
        for index, name in enumerate(plan.names):
            valid.text(name, f"names[{index}]", max_characters=MAX_NAME_CHARACTERS)
    if plan.webhook_url and valid.text(plan.webhook_url, "webhook_url", max_characters=MAX_URL_CHARACTERS):
        is_http = plan.webhook_url.startswith(("http://", "https://"))
        valid.require(is_http, "webhook_url", "must be an http or https URL")
    valid.request_id(plan.request_id)
    valid.finish()


def of_scenario(plan: EvaluationPlan, scenario: RecordedScenario) -> EvaluationPlan:
    """Returns a plan with the text and the language of its scenario, unless it has its own.

    A recording that takes part in battles is measured as every other one. Raises InvalidInput that names every field
    that would change its metrics.
    """
    if scenario.takes_part:
        valid = Validation()
        same_language = plan.language.lower() in ("", scenario.language.lower())
        same_text = plan.reference_text in ("", scenario.text)
        valid.require(same_text, "reference_text", f"{_EMPTY} the text of its scenario")
        valid.require(same_language, "language", f"{_EMPTY} the language of its scenario")
        valid.require(not plan.steps, "steps", f"{_EMPTY} every step")
        valid.require(not plan.names, "names", f"{_EMPTY} the names in the text of its scenario")
        valid.finish()
    return replace(
        plan, reference_text=plan.reference_text or scenario.text, language=plan.language or scenario.language
    )


def check_quota(kept: int, waiting: int, max_evaluations: int) -> None:
    """Raises QuotaExceeded if a developer has too many evaluations, and Busy if too many of all developers wait."""
    if kept >= max_evaluations:
        raise QuotaExceeded(
            f"You have {kept} evaluations, which is the limit. Delete one first.", limit=str(max_evaluations)
        )
    if waiting >= MAX_WAITING:
        raise Busy(f"{waiting} evaluations wait already. Try again later.")


def safe_content_type(content_type: str) -> str:
    """Returns a content type with which a browser plays a recording or saves it, and never runs it."""
    plain = content_type.partition(";")[0].strip().lower()
    return plain if _AUDIO_TYPE.fullmatch(plain) else ANY_BYTES
