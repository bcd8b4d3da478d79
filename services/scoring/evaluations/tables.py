"""The tables of evaluations of recordings, and the conversion of rows to domain objects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from services.scoring.domain import Status
from services.scoring.evaluations.domain import Evaluation
from services.scoring.metrics.signal import SignalMetrics
from services.scoring.pipeline.outcome_json import result_from_json, to_json
from services.scoring.pipeline.step import StepOutcome, StepStatus

METADATA = sa.MetaData()
EVALUATIONS = sa.Table(
    "evaluations",
    METADATA,
    sa.Column("id", sa.Text),
    sa.Column("attempt", sa.Integer),
    sa.Column("developer_id", sa.Text),
    sa.Column("audio_name", sa.Text),
    sa.Column("status", sa.Text),
    sa.Column("signal_metrics", JSONB(none_as_null=True)),
    sa.Column("error_message", sa.Text),
    sa.Column("created_at", sa.DateTime(timezone=True)),
    sa.Column("completed_at", sa.DateTime(timezone=True)),
    sa.Column("model_id", sa.Text),
    sa.Column("scenario_id", sa.Text),
    sa.Column("reference_text", sa.Text),
    sa.Column("language", sa.Text),
    sa.Column("num_speakers", sa.Integer),
    sa.Column("channels", sa.Text),
    sa.Column("names", JSONB),
    sa.Column("steps", JSONB),
    sa.Column("conditions", JSONB),
    sa.Column("webhook_url", sa.Text),
    sa.Column("content_type", sa.Text),
    sa.Column("uploaded", sa.Boolean),
    sa.Column("duration_seconds", sa.Double),
    sa.Column("audio_deleted_at", sa.DateTime(timezone=True)),
    sa.Column("traceparent", sa.Text),
    sa.Column("request_id", sa.Text),
    sa.Column("request_fingerprint", sa.LargeBinary),
    sa.Column("queued_at", sa.DateTime(timezone=True)),
    sa.Column("run", sa.Integer),
    sa.Column("tries", sa.Integer),
    sa.Column("claimed_until", sa.DateTime(timezone=True)),
    sa.Column("requester", sa.Text),
)
STEPS = sa.Table(
    "evaluation_steps",
    METADATA,
    sa.Column("evaluation_id", sa.Text),
    sa.Column("condition", sa.Text),
    sa.Column("step", sa.Text),
    sa.Column("position", sa.Integer),
    sa.Column("status", sa.Text),
    sa.Column("seconds", sa.Double),
    sa.Column("reason", sa.Text),
    sa.Column("backend", sa.Text),
    sa.Column("result", JSONB(none_as_null=True)),
)
UNUSED = sa.Table(
    "unused_recordings",
    METADATA,
    sa.Column("name", sa.Text),
    sa.Column("delete_at", sa.DateTime(timezone=True)),
)

FIELDS = [field.name for field in fields(Evaluation)]
COLUMNS = [EVALUATIONS.c[name] for name in FIELDS]
_LISTS = ("names", "steps", "conditions")


def evaluation_from(row: Sequence[Any]) -> Evaluation:
    """Returns the evaluation in a row of COLUMNS."""
    values = dict(zip(FIELDS, row, strict=True))
    values["status"] = Status(values["status"])
    values["signal_metrics"] = SignalMetrics(**values["signal_metrics"]) if values["signal_metrics"] else None
    return Evaluation(**{**values, **{name: tuple(values[name]) for name in _LISTS}})


def evaluation_values(evaluation: Evaluation) -> dict[str, Any]:
    """Returns the column values of an evaluation."""
    values = {name: getattr(evaluation, name) for name in FIELDS}
    values["status"] = evaluation.status.value
    return {**values, **{name: list(values[name]) for name in _LISTS}}


def outcome_from(row: Mapping[str, Any]) -> StepOutcome:
    """Returns the outcome in a row of STEPS. It has no result if the row has none."""
    return StepOutcome(
        row["step"],
        StepStatus(row["status"]),
        seconds=row["seconds"],
        reason=row["reason"],
        backend=row["backend"],
        result=result_from_json(row["step"], row.get("result")),
        condition=row["condition"],
    )


def outcome_values(outcome: StepOutcome) -> dict[str, Any]:
    """Returns the column values of an outcome."""
    return {
        "condition": outcome.condition,
        "step": outcome.step,
        "status": outcome.status.value,
        "seconds": outcome.seconds,
        "reason": outcome.reason,
        "backend": outcome.backend,
        "result": to_json(outcome.result),
    }
