"""Converts verdicts between the domain, their stored form and the API."""

from datetime import datetime
from typing import Any

from google.protobuf.json_format import MessageToDict, ParseDict
from voicearena.experiments.v1 import experiment_service_pb2, results_pb2

from services.experiments import convert
from services.experiments.verdict import (
    EXCLUSIONS,
    HeadToHead,
    Level,
    Model,
    ModelRanking,
    PairVotes,
    Verdict,
    VoteSummary,
)
from services.shared.metrics import VERDICT_METRICS

_LEVEL = results_pb2.Results.Level
_EXPORT = experiment_service_pb2.ExportExperimentRequest


def results_to_store(experiment_id: str, verdict: Verdict, at: datetime) -> dict[str, Any]:
    """Returns results as they are stored: as JSON, so that SQL can read them too."""
    message = results_pb2.Results(
        experiment_id=experiment_id,
        rankings=map(_ranking, verdict.rankings),
        head_to_head=map(_head_to_head, verdict.head_to_head),
        winner=_name(verdict.winner),
        confidence=_level(verdict.confidence),
        leader=_name(verdict.leader),
        gap_level=_level(verdict.gap_level),
        evidence_level=_level(verdict.evidence_level),
        reasons=verdict.reasons,
        p_winner=verdict.p_winner,
        minimum_detectable_effect=verdict.minimum_detectable_effect,
        primary_metric=verdict.primary_metric,
        composite=convert.composite(verdict.composite),
        method_version=verdict.method_version,
        inputs_digest=verdict.inputs_digest,
        votes=_summary(verdict.votes) if verdict.votes else None,
    )
    message.computed_at.FromDatetime(at)
    return MessageToDict(message, preserving_proto_field_name=True)


def results(stored: dict[str, Any]) -> results_pb2.Results:
    """Returns stored results as a message."""
    return ParseDict(stored, results_pb2.Results(), ignore_unknown_fields=True)


def export_names(request: experiment_service_pb2.ExportExperimentRequest) -> tuple[str, str]:
    """Returns the names of the requested format and table. An unknown number becomes a name that is refused."""
    formats, tables = _EXPORT.Format.DESCRIPTOR.values_by_number, _EXPORT.Table.DESCRIPTOR.values_by_number
    format_ = formats[request.format].name if request.format in formats else str(request.format)
    table = request.table or _EXPORT.trials
    return "" if not request.format else format_, tables[table].name if table in tables else str(table)


def _name(model: Model | None) -> str | None:
    return model.name if model else None


def _level(level: Level) -> results_pb2.Results.Level.ValueType:
    return _LEVEL.Value(level.name)


def _ranking(value: ModelRanking) -> results_pb2.ModelRanking:
    summaries: dict[str, Any] = {metric.summary_field: value.summaries.get(metric.name) for metric in VERDICT_METRICS}
    return results_pb2.ModelRanking(
        provider=value.model.provider,
        voice_id=value.model.voice_id,
        model_id=value.model.model_id,
        rank=value.rank,
        composite_score=value.composite_score,
        score_low=value.score_low,
        score_high=value.score_high,
        preference_share=value.preference_share,
        trials_completed=value.trials_completed,
        trials_failed=value.trials_failed,
        trials_unmeasured=value.trials_unmeasured,
        reliability=value.reliability,
        components=[
            results_pb2.CompositeComponent(metric=metric, score=score) for metric, score in value.components.items()
        ],
        ruled_out=value.ruled_out or None,
        **summaries,
    )


def _head_to_head(value: HeadToHead) -> results_pb2.HeadToHead:
    return results_pb2.HeadToHead(
        model_a=value.model_a.name,
        model_b=value.model_b.name,
        a_wins=value.a_wins,
        b_wins=value.b_wins,
        ties=value.ties,
        pairs=value.pairs,
        effect=value.effect,
        effect_low=value.effect_low,
        effect_high=value.effect_high,
        favours=_name(value.favours),
        p_value=value.p_value,
        p_holm=value.p_holm,
        votes=_pair_votes(value.votes) if value.votes else None,
    )


def _pair_votes(value: PairVotes) -> results_pb2.PairVotes:
    return results_pb2.PairVotes(
        a=value.a,
        b=value.b,
        ties=value.ties,
        both_bad=value.both_bad,
        listeners=value.listeners,
        p_value=value.p_value,
        p_holm=value.p_holm,
    )


def _summary(value: VoteSummary) -> results_pb2.VoteSummary:
    return results_pb2.VoteSummary(
        listeners=value.listeners,
        votes=value.votes,
        both_bad=value.both_bad,
        leader=_name(value.leader),
        p_winner=value.p_winner,
        evidence_level=_level(value.evidence_level),
        excluded=sum(value.excluded.values()),
        exclusions=[
            results_pb2.VoteExclusion(reason=reason, votes=count, description=EXCLUSIONS.get(reason, reason))
            for reason, count in sorted(value.excluded.items())
        ],
        supervised=value.supervised,
        unknown=value.unknown,
        largest_address_share=value.largest_address_share,
    )
