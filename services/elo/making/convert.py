"""Converts requests for battles."""

from voicearena.elo.v1 import battle_service_pb2

from services.elo.making.new_battle import NewBattle


def new_battle(request: battle_service_pb2.CreateBattleRequest) -> NewBattle:
    """Returns what a developer wants to compare."""
    return NewBattle(
        model_a_id=request.model_a_id,
        model_b_id=request.model_b_id,
        scenario_id=request.scenario_id,
        category=request.category,
        private=request.private,
        webhook_url=request.webhook_url,
        request_id=request.request_id,
    )
