"""The export tables of trials, results by model, and pairs of models. The table of votes is in `votes`.

Columns have the names of the API. Nested messages are flattened: a part of the composite score is `component_ttfb`, its
weight is `weight_ttfb`. `audio_url` is left out, because the link expires and the file does not. `words` are one text
with marks, `marked_words`. `listening_backends` is left out, because it has many parts.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC
from functools import partial
from operator import attrgetter
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from voicearena.experiments.v1.results_pb2 import HeadToHead, ModelRanking, Results

from services.experiments.domain import Trial
from services.experiments.exports.columns import Column, ColumnType, DataTable, Value, make_table
from services.experiments.exports.marked_words import marked_words
from services.experiments.verdict import METHOD_VERSION, METRIC_NAMES
from services.shared.metrics import METRICS, VERDICT_METRICS

_TYPES = {float: ColumnType.FLOAT, int: ColumnType.INTEGER, bool: ColumnType.BOOLEAN, str: ColumnType.TEXT}


def _attributes(type_: ColumnType, *names: str) -> list[Column]:
    """Returns columns that are attributes of the row's object."""
    return [Column(name, type_, attrgetter(name)) for name in names]


TRIALS: Sequence[Column] = (
    *_attributes(ColumnType.TEXT, "id", "experiment_id"),
    *_attributes(ColumnType.INTEGER, "prompt_index", "model_index", "repeat_index", "position"),
    *_attributes(ColumnType.TEXT, "prompt_text", "provider", "voice_id", "model_id"),
    *_attributes(ColumnType.FLOAT, "speed"),
    *_attributes(ColumnType.TEXT, "language"),
    *_attributes(ColumnType.INTEGER, "seed"),
    Column("status", ColumnType.TEXT, lambda trial: str(trial.status)),
    *_attributes(ColumnType.INTEGER, "attempts", "provider_requests"),
    *_attributes(ColumnType.TEXT, "error_kind", "error_message"),
    *_attributes(ColumnType.TIMESTAMP, "created_at", "ended_at", "audio_deleted_at"),
    *(Column(metric.name, _TYPES[metric.kind], attrgetter(f"measurements.{metric.name}")) for metric in METRICS),
    Column("transcript", ColumnType.TEXT, lambda trial: trial.heard_speech and trial.heard_speech.transcript),
    Column(
        "marked_words", ColumnType.TEXT, lambda trial: trial.heard_speech and marked_words(trial.heard_speech.words)
    ),
)
"""Each row is a `Trial`."""


@dataclass(frozen=True, slots=True)
class _Row:
    """A row of results: one model or one pair of models, with the whole verdict."""

    results: Results
    item: ModelRanking | HeadToHead


def _columns(type_: ColumnType, *names: str, at: str, prefix: str = "") -> list[Column]:
    """Returns columns that are fields of a message. `at` is its path in the row, such as `item.votes`."""
    return [Column(f"{prefix}{name}", type_, _field(*at.split("."), name)) for name in names]


_item = partial(_columns, at="item")
_verdict = partial(_columns, at="results")
_votes = partial(_columns, at="item.votes", prefix="votes_")
_listeners = partial(_columns, at="results.votes", prefix="votes_")


def _field(first: str, *path: str) -> Callable[[Any], Value]:
    """Returns a function that reads a field of a message.

    It returns None if the field or the message is absent, the name of an enum value, and a datetime for a timestamp.
    """

    def value(row: Any) -> Value:
        found = getattr(row, first)
        for name in path:
            field = found.DESCRIPTOR.fields_by_name[name]
            if field.has_presence and not found.HasField(name):
                return None
            found = getattr(found, name)
        if field.enum_type is not None:
            return str(field.enum_type.values_by_number[found].name)
        return found.ToDatetime(UTC) if isinstance(found, Timestamp) else found

    return value


def _component(metric: str) -> Column:
    def value(row: Any) -> Value:
        return next((part.score for part in row.item.components if part.metric == metric), None)

    return Column(f"component_{metric}", ColumnType.FLOAT, value)


def _weight(metric: str) -> Column:
    def value(row: Any) -> Value:
        return next((part.weight for part in row.results.composite.weights if part.metric == metric), None)

    return Column(f"weight_{metric}", ColumnType.FLOAT, value)


_VERDICT = (
    *_verdict(ColumnType.TEXT, "winner", "confidence", "leader", "gap_level", "evidence_level"),
    Column("reasons", ColumnType.TEXT, lambda row: " ".join(row.results.reasons)),
    *_verdict(ColumnType.FLOAT, "p_winner", "minimum_detectable_effect"),
    *_verdict(ColumnType.TEXT, "primary_metric"),
    Column("profile", ColumnType.TEXT, lambda row: row.results.composite.name),
    Column("profile_version", ColumnType.INTEGER, lambda row: row.results.composite.version),
    *map(_weight, METRIC_NAMES),
    *_verdict(ColumnType.TEXT, "method_version", "inputs_digest"),
    *_verdict(ColumnType.TIMESTAMP, "computed_at"),
)

RESULTS: Sequence[Column] = (
    *_verdict(ColumnType.TEXT, "experiment_id"),
    *_item(ColumnType.INTEGER, "rank"),
    *_item(ColumnType.TEXT, "provider", "voice_id", "model_id"),
    *_item(ColumnType.FLOAT, "composite_score", "score_low", "score_high", "preference_share"),
    *_item(ColumnType.INTEGER, "trials_completed", "trials_failed", "trials_unmeasured"),
    *_item(ColumnType.TEXT, "ruled_out"),
    *_item(ColumnType.FLOAT, "reliability", *(metric.summary_field for metric in VERDICT_METRICS)),
    *map(_component, METRIC_NAMES),
    *_VERDICT,
    *_listeners(ColumnType.INTEGER, "listeners", "votes", "both_bad", "excluded", "supervised", "unknown"),
    *_listeners(ColumnType.FLOAT, "largest_address_share"),
    *_listeners(ColumnType.TEXT, "leader"),
    *_listeners(ColumnType.FLOAT, "p_winner"),
    *_listeners(ColumnType.TEXT, "evidence_level"),
)
"""Each row is a model of the ranking. The verdict is repeated in each row."""

PAIRS: Sequence[Column] = (
    *_verdict(ColumnType.TEXT, "experiment_id"),
    *_item(ColumnType.TEXT, "model_a", "model_b"),
    *_item(ColumnType.INTEGER, "pairs", "a_wins", "b_wins", "ties"),
    *_item(ColumnType.FLOAT, "effect", "effect_low", "effect_high"),
    *_item(ColumnType.TEXT, "favours"),
    *_item(ColumnType.FLOAT, "p_value", "p_holm"),
    *_votes(ColumnType.INTEGER, "a", "b", "ties", "both_bad", "listeners"),
    *_votes(ColumnType.FLOAT, "p_value", "p_holm"),
    *_verdict(ColumnType.TEXT, "primary_metric", "method_version", "inputs_digest"),
    *_verdict(ColumnType.TIMESTAMP, "computed_at"),
)
"""Each row is a pair of models."""


def trials_table(experiment_id: str, trials: Sequence[Trial]) -> DataTable:
    """Returns trials as a table, in the order given."""
    return make_table(TRIALS, trials, _metadata(experiment_id, METHOD_VERSION))


def results_table(results: Results) -> DataTable:
    """Returns the ranking as a table."""
    rows = [_Row(results, ranking) for ranking in results.rankings]
    return make_table(RESULTS, rows, _metadata(results.experiment_id, results.method_version))


def pairs_table(results: Results) -> DataTable:
    """Returns the pairs of models as a table."""
    rows = [_Row(results, pair) for pair in results.head_to_head]
    return make_table(PAIRS, rows, _metadata(results.experiment_id, results.method_version))


def _metadata(experiment_id: str, method_version: str) -> dict[str, str]:
    return {"experiment_id": experiment_id, "method_version": method_version}
