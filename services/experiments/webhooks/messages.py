"""Which facts are sent to webhooks, and their messages. To add one, add a row to MESSAGE_TYPES."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from google.protobuf.message import Message
from voicearena.elo.v1.battle_pb2 import Battle
from voicearena.elo.v1.events_pb2 import BattleDecided, BattleVoided
from voicearena.experiments.v1.events_pb2 import ExperimentCancelled, ExperimentCompleted, ExperimentFailed
from voicearena.scoring.v1.events_pb2 import RecordingEvaluated, RecordingEvaluationFailed

from services.experiments.domain import Experiment, ExperimentStatus
from services.experiments.webhooks.ssrf_guard.urls import canonical
from services.runtime import bus

# Receivers may rely on this limit. Texts of unlimited length, such as an experiment's prompts, are left out.
MAX_BODY_BYTES = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookMessage:
    """The message about one fact, and the endpoint of its subject."""

    subject_id: str
    developer_id: str
    webhook_url: str
    """Empty if the subject has no webhook."""
    occurred_at: datetime
    data: Mapping[str, Any]
    traceparent: str = ""
    """The trace of the subject's run. Used if the fact was recorded outside any trace."""

    def body(self, message_type: str) -> bytes:
        """Returns the message as JSON."""
        timestamp = self.occurred_at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        message = {"type": message_type, "timestamp": timestamp, "data": self.data}
        return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()


class MessageType(NamedTuple):
    """How the message about one kind of fact is made."""

    type: str
    """The message's `type`: the type of the subject, a dot, and what happened to it."""
    build: Callable[[Any, Any, str], WebhookMessage]
    """Takes the fact, its source and the public URL that links begin with. The source is the experiment for facts of
    this service, because an experiment's texts are not in its events. For other facts it is the event as received."""

    @property
    def subject_type(self) -> str:
        return self.type.partition(".")[0]


def _experiment_ended(
    fact: ExperimentCompleted | ExperimentFailed | ExperimentCancelled, experiment: Experiment, public_url: str
) -> WebhookMessage:
    if experiment.ended_at is None:
        raise ValueError(f"experiment {experiment.id} has not ended")
    completed = experiment.status is ExperimentStatus.COMPLETED
    return WebhookMessage(
        subject_id=experiment.id,
        developer_id=experiment.developer_id,
        webhook_url=experiment.webhook_url,
        occurred_at=experiment.ended_at,
        traceparent=experiment.traceparent,
        data={
            "experiment_id": experiment.id,
            "name": experiment.name,
            "status": str(experiment.status),
            "winner": getattr(fact, "winner", "") or None,
            "total_trials": experiment.total_trials,
            "completed_trials": experiment.completed_trials,
            "failed_trials": experiment.failed_trials,
            "error_message": experiment.error_message,
            "results_url": f"{public_url}/api/v1/experiments/{experiment.id}/results" if completed else None,
        },
    )


def _evaluation_ended(
    fact: RecordingEvaluated | RecordingEvaluationFailed, delivery: bus.EventMetadata, public_url: str
) -> WebhookMessage:
    failed = isinstance(fact, RecordingEvaluationFailed)
    return WebhookMessage(
        subject_id=fact.evaluation_id,
        developer_id=fact.developer_id,
        webhook_url=canonical(fact.webhook_url),
        occurred_at=delivery.occurred_at,
        data={
            "evaluation_id": fact.evaluation_id,
            "status": "failed" if failed else "completed",
            "model_id": fact.model_id,
            "scenario_id": fact.scenario_id,
            "duration_seconds": None if isinstance(fact, RecordingEvaluationFailed) else fact.duration_seconds,
            "error_message": fact.message if isinstance(fact, RecordingEvaluationFailed) else "",
            "evaluation_url": f"{public_url}/api/v1/evaluations/{fact.evaluation_id}",
        },
    )


def _battle_ended(fact: BattleDecided | BattleVoided, delivery: bus.EventMetadata, public_url: str) -> WebhookMessage:
    void = isinstance(fact, BattleVoided)
    return WebhookMessage(
        subject_id=fact.battle_id,
        developer_id=fact.developer_id,
        webhook_url=canonical(fact.webhook_url),
        occurred_at=delivery.occurred_at,
        data={
            "battle_id": fact.battle_id,
            "status": "void" if void else "decided",
            "scenario_id": fact.scenario_id,
            "model_a_id": None if isinstance(fact, BattleVoided) else fact.model_a_id,
            "model_b_id": None if isinstance(fact, BattleVoided) else fact.model_b_id,
            "winner": None if isinstance(fact, BattleVoided) else Battle.Winner.Name(fact.winner),
            "vote_source": None if isinstance(fact, BattleVoided) else Battle.VoteSource.Name(fact.vote_source),
            "elo_delta": None if isinstance(fact, BattleVoided) else fact.elo_delta,
            "error_message": fact.reason if isinstance(fact, BattleVoided) else "",
            "battle_url": f"{public_url}/api/v1/battles/{fact.battle_id}",
        },
    )


MESSAGE_TYPES: Mapping[type[Message], MessageType] = {
    ExperimentCompleted: MessageType("experiment.completed", _experiment_ended),
    ExperimentFailed: MessageType("experiment.failed", _experiment_ended),
    ExperimentCancelled: MessageType("experiment.cancelled", _experiment_ended),
    RecordingEvaluated: MessageType("evaluation.completed", _evaluation_ended),
    RecordingEvaluationFailed: MessageType("evaluation.failed", _evaluation_ended),
    BattleDecided: MessageType("battle.decided", _battle_ended),
    BattleVoided: MessageType("battle.void", _battle_ended),
}
