"""The tables of the experiments service, and the conversion of rows to domain objects."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from services.experiments.domain import (
    EvalMode,
    Experiment,
    ExperimentStatus,
    ModelSpec,
    Trial,
    TrialStatus,
)
from services.experiments.verdict import CompositeProfile
from services.shared.clips.domain import HeardSpeech
from services.shared.metrics import METRICS, Measurements

# The channel of change notifications. Code that changes an experiment or one of its trials sends the experiment's id.
CHANGED = "experiments_changed"
METADATA = sa.MetaData()
EXPERIMENTS = sa.Table(
    "experiments",
    METADATA,
    sa.Column("id", sa.Text),
    sa.Column("developer_id", sa.Text),
    sa.Column("request_id", sa.Text),
    sa.Column("request_fingerprint", sa.LargeBinary),
    sa.Column("name", sa.Text),
    sa.Column("scenario", sa.Text),
    sa.Column("eval_mode", sa.Text),
    sa.Column("status", sa.Text),
    sa.Column("models", JSONB),
    sa.Column("prompts", JSONB),
    sa.Column("webhook_url", sa.Text),
    sa.Column("primary_metric", sa.Text),
    sa.Column("composite", JSONB),
    sa.Column("listens", sa.Boolean),
    sa.Column("repeats", sa.Integer),
    sa.Column("seed", sa.BigInteger),
    sa.Column("votes_per_pair", sa.Integer),
    sa.Column("listening_days", sa.Integer),
    sa.Column("listening_until", sa.DateTime(timezone=True)),
    sa.Column("votes_received", sa.Integer),
    sa.Column("votes_needed", sa.Integer),
    sa.Column("audio_retention_days", sa.Integer),
    sa.Column("audio_deleted_at", sa.DateTime(timezone=True)),
    sa.Column("cloned_from", sa.Text),
    sa.Column("traceparent", sa.Text),
    sa.Column("total_trials", sa.Integer),
    sa.Column("completed_trials", sa.Integer),
    sa.Column("failed_trials", sa.Integer),
    sa.Column("error_message", sa.Text),
    sa.Column("results", JSONB),
    sa.Column("created_at", sa.DateTime(timezone=True)),
    sa.Column("started_at", sa.DateTime(timezone=True)),
    sa.Column("progressed_at", sa.DateTime(timezone=True)),
    sa.Column("ended_at", sa.DateTime(timezone=True)),
)
EXPERIMENT_COLUMNS = [EXPERIMENTS.c[f.name] for f in dataclasses.fields(Experiment)]

_TYPES: Mapping[type, type[sa.types.TypeEngine[Any]]] = {
    float: sa.Double,
    int: sa.Integer,
    bool: sa.Boolean,
    str: sa.Text,
}
_MEASUREMENTS = [metric.name for metric in METRICS]
TRIALS = sa.Table(
    "trials",
    METADATA,
    sa.Column("id", sa.Text),
    sa.Column("experiment_id", sa.Text),
    sa.Column("prompt_index", sa.Integer),
    sa.Column("model_index", sa.Integer),
    sa.Column("repeat_index", sa.Integer),
    sa.Column("position", sa.Integer),
    sa.Column("prompt_text", sa.Text),
    sa.Column("provider", sa.Text),
    sa.Column("voice_id", sa.Text),
    sa.Column("model_id", sa.Text),
    sa.Column("speed", sa.Double),
    sa.Column("language", sa.Text),
    sa.Column("seed", sa.BigInteger),
    sa.Column("spoken_language", sa.Text),
    sa.Column("status", sa.Text),
    sa.Column("attempts", sa.Integer),
    sa.Column("attempts_before", sa.Integer),
    sa.Column("moved_in", sa.BigInteger),
    sa.Column("provider_requests", sa.Integer),
    sa.Column("requested_at", sa.DateTime(timezone=True)),
    sa.Column("released_at", sa.DateTime(timezone=True)),
    sa.Column("audio_name", sa.Text),
    sa.Column("audio_deleted_at", sa.DateTime(timezone=True)),
    sa.Column("error_kind", sa.Text),
    sa.Column("error_message", sa.Text),
    sa.Column("created_at", sa.DateTime(timezone=True)),
    sa.Column("ended_at", sa.DateTime(timezone=True)),
    sa.Column("heard_speech", JSONB(none_as_null=True)),
    *(sa.Column(metric.name, _TYPES[metric.kind]) for metric in METRICS),
)
PROVIDERS = sa.Table(
    "providers",
    METADATA,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("max_concurrency", sa.Integer),
    sa.Column("local", sa.Boolean),
    sa.Column("updated_at", sa.DateTime(timezone=True)),
    sa.Column("share", sa.Integer),
    sa.Column("shared_until", sa.DateTime(timezone=True)),
)

_TRIAL_FIELDS = [f.name for f in dataclasses.fields(Trial) if f.name != "measurements"]
TRIAL_COLUMNS = [TRIALS.c[name] for name in (*_TRIAL_FIELDS, *_MEASUREMENTS)]


def experiment_from(row: Sequence[Any]) -> Experiment:
    """Returns the experiment in a row of EXPERIMENT_COLUMNS."""
    values = dict(zip((c.name for c in EXPERIMENT_COLUMNS), row, strict=True))
    values["eval_mode"] = EvalMode(values["eval_mode"])
    values["status"] = ExperimentStatus(values["status"])
    values["models"] = [ModelSpec(**model) for model in values["models"]]
    values["composite"] = CompositeProfile(**values["composite"])
    return Experiment(**values)


def experiment_values(experiment: Experiment) -> dict[str, Any]:
    """Returns the column values of an experiment."""
    values = {name.name: getattr(experiment, name.name) for name in EXPERIMENT_COLUMNS}
    values["models"] = [dataclasses.asdict(model) for model in experiment.models]
    values["prompts"] = list(experiment.prompts)
    values["composite"] = dataclasses.asdict(experiment.composite)
    return values


def trial_from(row: Sequence[Any]) -> Trial:
    """Returns the trial in a row of TRIAL_COLUMNS."""
    count = len(_TRIAL_FIELDS)
    values = dict(zip(_TRIAL_FIELDS, row[:count], strict=True))
    values["status"] = TrialStatus(values["status"])
    if values["heard_speech"] is not None:
        values["heard_speech"] = HeardSpeech(**values["heard_speech"])
    measurements = Measurements(**dict(zip(_MEASUREMENTS, row[count:], strict=True)))
    return Trial(**values, measurements=measurements)


def trial_values(trial: Trial) -> dict[str, Any]:
    """Returns the column values of a trial without measurements."""
    values = {name: getattr(trial, name) for name in _TRIAL_FIELDS}
    values["heard_speech"] = dataclasses.asdict(trial.heard_speech) if trial.heard_speech else None
    return values
