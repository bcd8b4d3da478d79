"""ExperimentService: proto in, use case, proto out."""

from collections.abc import AsyncIterator
from contextlib import aclosing

from voicearena.experiments.v1 import (
    experiment_pb2,
    experiment_service_pb2,
    experiment_service_pb2_grpc,
    results_pb2,
)

from services.experiments import convert, results_convert
from services.experiments.usecases.planning import Planning
from services.experiments.usecases.reading import Reading
from services.experiments.usecases.watching import Watching
from services.runtime.audio_store import AudioLinks
from services.runtime.rpc import Context

Watched = experiment_service_pb2.WatchExperimentResponse


class ExperimentServicer(experiment_service_pb2_grpc.ExperimentServiceServicer):
    """Implements ExperimentService; the RPCs are described in the proto."""

    def __init__(self, planning: Planning, reading: Reading, watching: Watching[Watched], links: AudioLinks) -> None:
        self._planning = planning
        self._reading = reading
        self._watching = watching
        self._links = links

    async def CreateExperiment(
        self, request: experiment_service_pb2.CreateExperimentRequest, context: Context
    ) -> experiment_pb2.Experiment:
        return convert.experiment(await self._planning.create(convert.plan(request)))

    async def RunExperiment(
        self, request: experiment_service_pb2.RunExperimentRequest, context: Context
    ) -> experiment_pb2.Experiment:
        return convert.experiment(await self._planning.run(request.id))

    async def CancelExperiment(
        self, request: experiment_service_pb2.CancelExperimentRequest, context: Context
    ) -> experiment_pb2.Experiment:
        return convert.experiment(await self._planning.cancel(request.id))

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
        return results_convert.results(await self._reading.results(request.id))

    async def ListTrials(
        self, request: experiment_service_pb2.ListTrialsRequest, context: Context
    ) -> experiment_service_pb2.ListTrialsResponse:
        trials, token = await self._reading.trials(request.id, request.page_size, request.page_token)
        return experiment_service_pb2.ListTrialsResponse(
            trials=[convert.trial(trial, self._links) for trial in trials], next_page_token=token
        )

    async def WatchExperiment(
        self, request: experiment_service_pb2.WatchExperimentRequest, context: Context
    ) -> AsyncIterator[Watched]:
        async with aclosing(self._watching.watch(request.id)) as messages:
            async for message in messages:
                yield message
