"""The client of elo, which keeps the catalogue of voice models, the scenarios and the battles."""

from typing import Protocol

from voicearena.elo.v1 import elo_service_pb2, elo_service_pb2_grpc, recording_service_pb2, recording_service_pb2_grpc

from services.runtime.error_status import unexpected
from services.runtime.errors import FieldViolation, InvalidInput, NotFound
from services.scoring.evaluations.domain import RecordedScenario


class Catalogue(Protocol):
    """Knows which voice models and scenarios exist."""

    async def check_model(self, model_id: str) -> None:
        """Raises InvalidInput unless the voice model is in the catalogue."""

    async def check_recording(self, model_id: str, scenario_id: str) -> RecordedScenario:
        """Returns what has to be spoken. The model is empty if unknown.

        Raises InvalidInput unless the caller can upload a recording of the scenario by the model, and WrongState if the
        recordings of both are fixed.
        """


class EloCatalogue:
    """Asks elo."""

    def __init__(
        self,
        models: "elo_service_pb2_grpc.EloServiceAsyncStub",
        recordings: "recording_service_pb2_grpc.RecordingServiceAsyncStub",
    ) -> None:
        self._models = models
        self._recordings = recordings

    async def check_model(self, model_id: str) -> None:
        try:
            await self._models.GetVoiceModel(elo_service_pb2.GetVoiceModelRequest(id=model_id))
        except Exception as error:
            if isinstance(unexpected(error), InvalidInput | NotFound):
                description = "must be the id of a voice model in the catalogue, as in /api/v1/models"
                raise InvalidInput.of(FieldViolation("model_id", description)) from None
            raise

    async def check_recording(self, model_id: str, scenario_id: str) -> RecordedScenario:
        request = recording_service_pb2.CheckRecordingRequest(model_id=model_id, scenario_id=scenario_id)
        found = await self._recordings.CheckRecording(request)
        return RecordedScenario(found.text, found.language, found.takes_part)
