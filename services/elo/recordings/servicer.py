"""RecordingService: converts requests, calls the use case and converts its result."""

from voicearena.elo.v1 import recording_service_pb2 as pb
from voicearena.elo.v1 import recording_service_pb2_grpc

from services.elo.recordings.usecases import Recordings
from services.runtime.rpc import Context


class RecordingServicer(recording_service_pb2_grpc.RecordingServiceServicer):
    """Implements RecordingService. The proto describes the RPC."""

    def __init__(self, recordings: Recordings) -> None:
        self._recordings = recordings

    async def CheckRecording(self, request: pb.CheckRecordingRequest, context: Context) -> pb.CheckRecordingResponse:
        found = await self._recordings.check(request.model_id, request.scenario_id)
        return pb.CheckRecordingResponse(text=found.text, language=found.language, takes_part=found.takes_part)
