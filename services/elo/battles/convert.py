"""Converts battles to protos."""

from google.protobuf.json_format import ParseDict
from voicearena.elo.v1 import battle_pb2, battle_service_pb2

from services.elo.battles.domain import Battle, BattleStatus
from services.elo.battles.views import BattleFilters, BattleView, SpokenSide
from services.elo.enums import enum_of
from services.runtime.clock import now, timestamp

_STATUS, _WINNER, _SOURCE = battle_pb2.Battle.Status, battle_pb2.Battle.Winner, battle_pb2.Battle.VoteSource
_SIDE_FIELDS = [name for name in battle_pb2.SideMetrics.DESCRIPTOR.fields_by_name if name != "transcript"]


def filters(request: battle_service_pb2.ListBattlesRequest) -> BattleFilters:
    """Returns the filters of a list. Raises InvalidInput if the status is unknown."""
    status = enum_of(BattleStatus, _STATUS, request.status, "status")
    return BattleFilters(model_id=request.model_id, scenario_id=request.scenario_id, status=status)


def battle(view: BattleView) -> battle_pb2.Battle:
    """Returns the proto of a battle, without what its viewer must not know."""
    value = view.battle
    message = battle_pb2.Battle(
        id=value.id,
        status=_STATUS.Value(value.status),
        scenario_id=value.scenario_id,
        category=value.category,
        language=value.language,
        winner=_WINNER.Value(value.winner) if value.winner else None,
        vote_source=_SOURCE.Value(value.vote_source) if value.vote_source else None,
        rated=value.rated,
        unrated_reason=value.unrated_reason,
        private=value.private,
        developer_id=value.developer_id,
        method_version=value.method_version,
        void_reason=value.void_reason,
        created_at=timestamp(value.created_at),
        # A control battle opens as soon as it is created, by which it could be recognized.
        opened_at=timestamp(value.opened_at) if view.knows_models else None,
        closes_at=timestamp(value.closes_at) if view.knows_models else None,
        decided_at=timestamp(value.decided_at),
        own_board=not value.public_board,
    )
    if view.knows_models:
        _add_models(message, view)
    return message


def _add_models(message: battle_pb2.Battle, view: BattleView) -> None:
    value = view.battle
    message.model_a_id, message.model_b_id = value.model_a_id, value.model_b_id
    if view.side_a is not None:
        message.eval_a_id, message.clip_a_hash = view.side_a.evaluation_id, _hash(view.side_a)
        message.metrics_a.CopyFrom(_metrics(view.side_a))
    if view.side_b is not None:
        message.eval_b_id, message.clip_b_hash = view.side_b.evaluation_id, _hash(view.side_b)
        message.metrics_b.CopyFrom(_metrics(view.side_b))
    if value.metric_vote is not None:
        ParseDict(dict(value.metric_vote), message.metric_vote, ignore_unknown_fields=True)
    message.draw.CopyFrom(_draw(value))
    if value.status is BattleStatus.DECIDED:
        # Before, they would tell a voter whether their own vote counts.
        for name in ("votes_a", "votes_b", "votes_tie", "votes_both_bad", "elo_delta"):
            if (count := getattr(value, name)) is not None:
                setattr(message, name, count)


def _draw(value: Battle) -> battle_pb2.BattleDraw:
    return battle_pb2.BattleDraw(
        chosen_by_developer=value.models_chosen,
        candidates=value.candidates,
        probability=value.probability,
        window_points=value.window_points,
        inside_window=value.inside_window,
    )


def _hash(side: SpokenSide) -> str:
    return f"sha256:{side.audio_sha256.hex()}" if side.audio_sha256 else ""


def _metrics(side: SpokenSide) -> battle_pb2.SideMetrics:
    values = {name: getattr(side.measured, name) for name in _SIDE_FIELDS}
    return battle_pb2.SideMetrics(transcript=side.transcript, **values)


def watched(view: BattleView | None) -> battle_service_pb2.WatchBattleResponse:
    """Returns a message for a watcher, a heartbeat if `view` is None."""
    message = battle_service_pb2.WatchBattleResponse(sent_at=timestamp(now()))
    if view is not None:
        message.battle.CopyFrom(battle(view))
    return message
