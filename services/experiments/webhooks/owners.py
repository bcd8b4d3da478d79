"""Checks that the subject of webhook deliveries belongs to the caller."""

from typing import Protocol

from voicearena.elo.v1 import battle_service_pb2, battle_service_pb2_grpc
from voicearena.scoring.v1 import scoring_service_pb2, scoring_service_pb2_grpc

from services.experiments.store import Store
from services.runtime import ids
from services.runtime.db import Database
from services.runtime.errors import NotFound
from services.runtime.identity import current_identity, owned


class OwnerCheck(Protocol):
    """Knows the subjects of one type."""

    async def check(self, subject_id: str) -> None:
        """Raises NotFound unless the subject belongs to the caller, and InvalidInput if it can't be its id."""


class OwnerOfExperiments:
    """Looks into the database of this service."""

    def __init__(self, database: Database, store: Store) -> None:
        self._database = database
        self._store = store

    async def check(self, subject_id: str) -> None:
        ids.check_id(subject_id, "exp", "experiment_id")
        async with self._database.reading() as connection:
            found = await self._store.get(connection, current_identity().developer_id, subject_id)
        owned(found, "experiment", subject_id)


class OwnerOfEvaluations:
    """Asks scoring."""

    def __init__(self, stub: "scoring_service_pb2_grpc.ScoringServiceAsyncStub") -> None:
        self._stub = stub

    async def check(self, subject_id: str) -> None:
        ids.check_id(subject_id, "evl", "evaluation_id")
        await self._stub.CheckEvaluation(scoring_service_pb2.CheckEvaluationRequest(id=subject_id))


class OwnerOfBattles:
    """Asks elo."""

    def __init__(self, stub: "battle_service_pb2_grpc.BattleServiceAsyncStub") -> None:
        self._stub = stub

    async def check(self, subject_id: str) -> None:
        ids.check_id(subject_id, "bat", "battle_id")
        battle = await self._stub.GetBattle(battle_service_pb2.GetBattleRequest(id=subject_id))
        # Everybody can read a public battle, but its deliveries name the receiver of its developer.
        if battle.developer_id != current_identity().developer_id:
            raise NotFound.of("battle", subject_id)
