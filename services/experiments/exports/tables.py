"""The tables that can be exported: trials, results by model, and pairs of models. That of votes is in `votes`.

Columns are named as in the API. What a message nests is flattened: a part of the composite score is `component_ttfb`,
its weight `weight_ttfb`. `audio_url` is left out, since a link expires and a file does not.
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
from services.experiments.exports.columns import Column, Filled, Kind, Value, fill
from services.experiments.verdict import METHOD_VERSION, METRIC_NAMES
from services.shared.metrics import COMPARED, METRICS

_KINDS = {float: Kind.REAL, int: Kind.INTEGER, bool: Kind.FLAG, str: Kind.TEXT}


def _of(kind: Kind, *names: str) -> list[Column]:
    """Columns that are attributes of the row's object."""
    return [Column(name, kind, attrgetter(name)) for name in names]


TRIALS: Sequence[Column] = (
    *_of(Kind.TEXT, "id", "experiment_id"),
    *_of(Kind.INTEGER, "prompt_index", "model_index", "repeat_index", "position"),
    *_of(Kind.TEXT, "prompt_text", "provider", "voice_id", "model_id"),
    *_of(Kind.REAL, "speed"),
    *_of(Kind.TEXT, "language"),
    *_of(Kind.INTEGER, "seed"),
    Column("status", Kind.TEXT, lambda trial: str(trial.status)),
    *_of(Kind.INTEGER, "attempts", "provider_requests"),
    *_of(Kind.TEXT, "error_kind", "error_message"),
    *_of(Kind.MOMENT, "created_at", "ended_at", "audio_deleted_at"),
    *(Column(metric.name, _KINDS[metric.kind], attrgetter(f"measurements.{metric.name}")) for metric in METRICS),
)
"""A row is a `Trial`."""


@dataclass(frozen=True, slots=True)
class _Line:
    """A row of the results: one model, or one pair of models, and the verdict around it."""

    results: Results
    its: ModelRanking | HeadToHead


def _columns(kind: Kind, *names: str, at: str, prefix: str = "") -> list[Column]:
    """Columns that are fields of a message: `at` is where it lies in the line, such as `its.votes`."""
    return [Column(f"{prefix}{name}", kind, _field(*at.split("."), name)) for name in names]


_its = partial(_columns, at="its")
_verdict = partial(_columns, at="results")
_votes = partial(_columns, at="its.votes", prefix="votes_")
_listeners = partial(_columns, at="results.votes", prefix="votes_")


def _field(of: str, *path: str) -> Callable[[Any], Value]:
    """Reads a field of a message: None where it or the message is absent, the name of an enum's value, the moment of a
    timestamp.
    """

    def value(line: Any) -> Value:
        found = getattr(line, of)
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
    def value(line: Any) -> Value:
        return next((part.score for part in line.its.components if part.metric == metric), None)

    return Column(f"component_{metric}", Kind.REAL, value)


def _weight(metric: str) -> Column:
    def value(line: Any) -> Value:
        return next((part.weight for part in line.results.composite.weights if part.metric == metric), None)

    return Column(f"weight_{metric}", Kind.REAL, value)


_ABOUT = (
    *_verdict(Kind.TEXT, "winner", "confidence", "leader", "gap_level", "evidence_level"),
    Column("reasons", Kind.TEXT, lambda line: " ".join(line.results.reasons)),
    *_verdict(Kind.REAL, "p_winner", "minimum_detectable_effect"),
    *_verdict(Kind.TEXT, "primary_metric"),
    Column("profile", Kind.TEXT, lambda line: line.results.composite.name),
    Column("profile_version", Kind.INTEGER, lambda line: line.results.composite.version),
    *map(_weight, METRIC_NAMES),
    *_verdict(Kind.TEXT, "method_version", "inputs_digest"),
    *_verdict(Kind.MOMENT, "computed_at"),
)

RESULTS: Sequence[Column] = (
    *_verdict(Kind.TEXT, "experiment_id"),
    *_its(Kind.INTEGER, "rank"),
    *_its(Kind.TEXT, "provider", "voice_id", "model_id"),
    *_its(Kind.REAL, "composite_score", "score_low", "score_high", "preference_share"),
    *_its(Kind.INTEGER, "trials_completed", "trials_failed", "trials_unmeasured"),
    *_its(Kind.REAL, "reliability", *(metric.summary_field for metric in COMPARED)),
    *map(_component, METRIC_NAMES),
    *_ABOUT,
    *_listeners(Kind.INTEGER, "listeners", "votes", "both_bad", "excluded", "supervised", "unknown"),
    *_listeners(Kind.REAL, "largest_address_share"),
    *_listeners(Kind.TEXT, "leader"),
    *_listeners(Kind.REAL, "p_winner"),
    *_listeners(Kind.TEXT, "evidence_level"),
)
"""A row is a model of the ranking, with the verdict repeated in each."""

PAIRS: Sequence[Column] = (
    *_verdict(Kind.TEXT, "experiment_id"),
    *_its(Kind.TEXT, "model_a", "model_b"),
    *_its(Kind.INTEGER, "pairs", "a_wins", "b_wins", "ties"),
    *_its(Kind.REAL, "effect", "effect_low", "effect_high"),
    *_its(Kind.TEXT, "favours"),
    *_its(Kind.REAL, "p_value", "p_holm"),
    *_votes(Kind.INTEGER, "a", "b", "ties", "both_bad", "listeners"),
    *_votes(Kind.REAL, "p_value", "p_holm"),
    *_verdict(Kind.TEXT, "primary_metric", "method_version", "inputs_digest"),
    *_verdict(Kind.MOMENT, "computed_at"),
)
"""A row is a pair of models."""


def trials_table(experiment_id: str, trials: Sequence[Trial]) -> Filled:
    """Returns trials as a table, in the order given."""
    return fill(TRIALS, trials, _metadata(experiment_id, METHOD_VERSION))


def results_table(results: Results) -> Filled:
    """Returns the ranking as a table."""
    lines = [_Line(results, ranking) for ranking in results.rankings]
    return fill(RESULTS, lines, _metadata(results.experiment_id, results.method_version))


def pairs_table(results: Results) -> Filled:
    """Returns the pairs of models as a table."""
    lines = [_Line(results, pair) for pair in results.head_to_head]
    return fill(PAIRS, lines, _metadata(results.experiment_id, results.method_version))


def _metadata(experiment_id: str, method_version: str) -> dict[str, str]:
    return {"experiment_id": experiment_id, "method_version": method_version}
