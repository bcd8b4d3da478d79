"""The gRPC service ExperimentService: converts requests, calls use cases, converts results."""

from collections.abc import AsyncIterator
from contextlib import aclosing

from google.api.httpbody_pb2 import HttpBody
from voicearena.experiments.v1 import (
    experiment_pb2,
    experiment_service_pb2,
    experiment_service_pb2_grpc,
    results_pb2,
)

from services.experiments import convert
from services.experiments.domain import Experiment
from services.experiments.exports.usecases import Exporting
from services.experiments.planning import convert as planning_convert
from services.experiments.planning.lifecycle import Lifecycle
from services.experiments.planning.usecases import Planning
from services.experiments.report.usecases import CONTENT_TYPE, DEFAULT_AUDIO_MB, Reporting
from services.experiments.results import convert as results_convert
from services.experiments.results.card import verdict_card
from services.experiments.results.usecases import Reading, Recomputing
from services.experiments.running.watching import WatchExperiment
from services.experiments.webhooks.usecases import WebhookEndpoints
from services.runtime.audio_store import AudioLinks
from services.runtime.file_responses import file_pieces
from services.runtime.rpc import Context
from services.shared.cards.painter import Painter
from services.shared.cards.responses import respond

WatchResponse = experiment_service_pb2.WatchExperimentResponse


class ExperimentServicer(experiment_service_pb2_grpc.ExperimentServiceServicer):
    """Implements ExperimentService. The proto describes the RPCs."""

    def __init__(
        self,
        planning: Planning,
        lifecycle: Lifecycle,
        reading: Reading,
        watching: WatchExperiment[WatchResponse],
        recomputing: Recomputing,
        exporting: Exporting,
        reporting: Reporting,
        endpoints: WebhookEndpoints,
        links: AudioLinks,
        painter: Painter,
    ) -> None:
        self._planning = planning
        self._lifecycle = lifecycle
        self._reading = reading
        self._watching = watching
        self._recomputing = recomputing
        self._exporting = exporting
        self._reporting = reporting
        self._endpoints = endpoints
        self._links = links
        self._painter = painter

    async def CreateExperiment(
        self, request: experiment_service_pb2.CreateExperimentRequest, context: Context
    ) -> experiment_pb2.Experiment:
        return await self._created(await self._planning.create(planning_convert.plan(request)))

    async def RunExperiment(
        self, request: experiment_service_pb2.RunExperimentRequest, context: Context
    ) -> experiment_pb2.Experiment:
        return convert.experiment(await self._planning.run(request.id))

    async def CancelExperiment(
        self, request: experiment_service_pb2.CancelExperimentRequest, context: Context
    ) -> experiment_pb2.Experiment:
        return convert.experiment(await self._planning.cancel(request.id))

    async def RetryExperiment(
        self, request: experiment_service_pb2.RetryExperimentRequest, context: Context
    ) -> experiment_pb2.Experiment:
        return convert.experiment(await self._lifecycle.retry(request.id))

    async def CloneExperiment(
        self, request: experiment_service_pb2.CloneExperimentRequest, context: Context
    ) -> experiment_pb2.Experiment:
        clone = await self._lifecycle.clone(
            request.id, lambda original: planning_convert.changed_plan(original, request)
        )
        return await self._created(clone)

    async def _created(self, experiment: Experiment) -> experiment_pb2.Experiment:
        message = convert.experiment(experiment)
        message.webhook_secret = await self._endpoints.secret_to_show(experiment)
        return message

    async def DeleteExperiment(
        self, request: experiment_service_pb2.DeleteExperimentRequest, context: Context
    ) -> experiment_service_pb2.DeleteExperimentResponse:
        trials = await self._lifecycle.delete(request.id)
        return experiment_service_pb2.DeleteExperimentResponse(id=request.id, trials=trials)

    async def GetExperiment(
        self, request: experiment_service_pb2.GetExperimentRequest, context: Context
    ) -> experiment_pb2.Experiment:
        return convert.experiment(await self._reading.get(request.id))

    async def ListExperiments(
        self, request: experiment_service_pb2.ListExperimentsRequest, context: Context
    ) -> experiment_service_pb2.ListExperimentsResponse:
        experiments, token = await self._reading.page(
            convert.status_filter(request.status), request.scenario, request.page_size, request.page_token
        )
        return experiment_service_pb2.ListExperimentsResponse(
            experiments=map(convert.experiment, experiments), next_page_token=token
        )

    async def GetResults(
        self, request: experiment_service_pb2.GetResultsRequest, context: Context
    ) -> results_pb2.Results:
        results = self._recomputing.results if request.recompute else self._reading.results
        return results_convert.results(await results(request.id))

    async def GetVerdictCard(self, request: experiment_service_pb2.GetVerdictCardRequest, context: Context) -> HttpBody:
        results = results_convert.results(await self._reading.results(request.id))
        experiment = convert.experiment(await self._reading.get(request.id))
        picture = await self._painter.png(verdict_card(experiment, results))
        return await respond(context, picture, experiment.id, private=True)

    async def ExportExperiment(
        self, request: experiment_service_pb2.ExportExperimentRequest, context: Context
    ) -> AsyncIterator[HttpBody]:
        names, bom = results_convert.export_names(request), request.bom or not request.HasField("bom")
        async with (
            self._exporting.export(request.id, *names, byte_order_mark=bom) as export,
            aclosing(file_pieces(context, export.name, export.content_type, export.pieces())) as pieces,
        ):
            async for piece in pieces:
                yield piece

    async def GetReport(
        self, request: experiment_service_pb2.GetReportRequest, context: Context
    ) -> AsyncIterator[HttpBody]:
        with_audio = request.audio or not request.HasField("audio")
        max_audio_mb = request.max_audio_mb if request.HasField("max_audio_mb") else DEFAULT_AUDIO_MB
        async with (
            self._reporting.report(request.id, with_audio=with_audio, max_audio_mb=max_audio_mb) as report,
            aclosing(file_pieces(context, report.name, CONTENT_TYPE, report.pieces())) as pieces,
        ):
            async for piece in pieces:
                yield piece

    async def ListTrials(
        self, request: experiment_service_pb2.ListTrialsRequest, context: Context
    ) -> experiment_service_pb2.ListTrialsResponse:
        trials, token = await self._reading.trials(request.id, request.page_size, request.page_token)
        return experiment_service_pb2.ListTrialsResponse(
            trials=[convert.trial(trial, self._links) for trial in trials], next_page_token=token
        )

    async def WatchExperiment(
        self, request: experiment_service_pb2.WatchExperimentRequest, context: Context
    ) -> AsyncIterator[WatchResponse]:
        async with aclosing(self._watching.watch(request.id)) as messages:
            async for message in messages:
                yield message
