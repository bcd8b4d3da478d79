"""EvaluationService: converts requests, calls use cases and converts their results."""

from collections.abc import AsyncIterator
from contextlib import aclosing

from google.api.httpbody_pb2 import HttpBody
from voicearena.scoring.v1 import evaluation_service_pb2 as pb
from voicearena.scoring.v1 import evaluation_service_pb2_grpc, scoring_pb2

from services.runtime.errors import ArenaError
from services.runtime.file_responses import file_pieces
from services.runtime.http_uploads import Upload
from services.runtime.rpc import Context
from services.scoring.evaluations import convert
from services.scoring.evaluations.domain import Evaluation
from services.scoring.evaluations.exporting import Exporting
from services.scoring.evaluations.incoming import GrpcUpload, HttpUpload
from services.scoring.evaluations.peaks import RecordingPeaks
from services.scoring.evaluations.uploads import Uploads
from services.scoring.evaluations.usecases import Evaluations
from services.scoring.evaluations.watching import Watching


class EvaluationServicer(evaluation_service_pb2_grpc.EvaluationServiceServicer):
    """Implements EvaluationService. The proto describes the RPCs."""

    def __init__(
        self,
        evaluations: Evaluations,
        uploads: Uploads,
        watching: Watching,
        exporting: Exporting,
        peaks: RecordingPeaks,
    ) -> None:
        self._evaluations = evaluations
        self._uploads = uploads
        self._watching = watching
        self._exporting = exporting
        self._peaks = peaks

    async def CreateEvaluation(self, request: pb.CreateEvaluationRequest, context: Context) -> scoring_pb2.Evaluation:
        return await self._created(await self._evaluations.create(convert.plan(request)))

    async def UploadEvaluation(
        self, request_iterator: AsyncIterator[pb.UploadEvaluationRequest], context: Context
    ) -> scoring_pb2.Evaluation:
        upload = GrpcUpload(request_iterator)
        try:
            return await self._created(await self._uploads.receive(upload))
        except ArenaError:
            await upload.discard()
            raise

    async def take_upload(self, upload: Upload) -> scoring_pb2.Evaluation:
        """Answers an upload over HTTP as CreateEvaluation does."""
        return await self._created(await self._uploads.receive(HttpUpload(upload)))

    async def ListEvaluations(self, request: pb.ListEvaluationsRequest, context: Context) -> pb.ListEvaluationsResponse:
        found, token = await self._evaluations.page(
            request.model_id,
            request.scenario_id,
            convert.status_filter(request.status),
            request.page_size,
            request.page_token,
        )
        return pb.ListEvaluationsResponse(evaluations=map(convert.listed, found), next_page_token=token)

    async def WatchEvaluation(
        self, request: pb.WatchEvaluationRequest, context: Context
    ) -> AsyncIterator[pb.WatchEvaluationResponse]:
        async with aclosing(self._watching.watch(request.id)) as messages:
            async for seen in messages:
                yield convert.watched(seen)

    async def GetEvaluationAudio(
        self, request: pb.GetEvaluationAudioRequest, context: Context
    ) -> AsyncIterator[HttpBody]:
        content_type, pieces = await self._evaluations.audio(request.id)
        async for piece in pieces:
            yield HttpBody(content_type=content_type, data=piece)
            # HTTP takes the type from the first message only.
            content_type = ""

    async def GetEvaluationPeaks(
        self, request: pb.GetEvaluationPeaksRequest, context: Context
    ) -> pb.GetEvaluationPeaksResponse:
        found = await self._peaks.peaks(request.id)
        return pb.GetEvaluationPeaksResponse(duration_seconds=found.duration_seconds, low=found.low, high=found.high)

    async def ExportEvaluation(self, request: pb.ExportEvaluationRequest, context: Context) -> AsyncIterator[HttpBody]:
        async with (
            self._exporting.export(request.id, convert.export_format(request.format)) as export,
            aclosing(file_pieces(context, export.name, export.content_type, export.pieces())) as pieces,
        ):
            async for piece in pieces:
                yield piece

    async def RetryEvaluation(self, request: pb.RetryEvaluationRequest, context: Context) -> scoring_pb2.Evaluation:
        return convert.evaluation(await self._evaluations.retry(request.id))

    async def CancelEvaluation(self, request: pb.CancelEvaluationRequest, context: Context) -> scoring_pb2.Evaluation:
        return convert.evaluation(await self._evaluations.cancel(request.id))

    async def DeleteEvaluation(
        self, request: pb.DeleteEvaluationRequest, context: Context
    ) -> pb.DeleteEvaluationResponse:
        await self._evaluations.delete(request.id)
        return pb.DeleteEvaluationResponse(id=request.id)

    async def _created(self, evaluation: Evaluation) -> scoring_pb2.Evaluation:
        message = convert.evaluation(evaluation)
        message.webhook_secret = await self._evaluations.secret_to_show(evaluation)
        return message
