"""The client of elo, which keeps the catalogue of voice models."""

from typing import Protocol

from voicearena.elo.v1 import elo_service_pb2, elo_service_pb2_grpc

from services.runtime.error_status import unexpected
from services.runtime.errors import FieldViolation, InvalidInput, NotFound


class ModelChecker(Protocol):
    """Knows which voice models exist."""

    async def check(self, model_id: str) -> None:
        """Raises InvalidInput unless the voice model is in the catalogue."""


class EloModelChecker:
    """Asks elo."""

    def __init__(self, stub: "elo_service_pb2_grpc.EloServiceAsyncStub") -> None:
        self._stub = stub

    async def check(self, model_id: str) -> None:
        try:
            await self._stub.GetVoiceModel(elo_service_pb2.GetVoiceModelRequest(id=model_id))
        except Exception as error:
            if isinstance(unexpected(error), InvalidInput | NotFound):
                description = "must be the id of a voice model in the catalogue, as in /api/v1/models"
                raise InvalidInput.of(FieldViolation("model_id", description)) from None
            raise
