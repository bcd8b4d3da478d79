"""Follows an experiment through whatever happens to the mesh meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import grpc
from voicearena.experiments.v1 import experiment_pb2, experiment_service_pb2, experiment_service_pb2_grpc

from deploy.local.mesh import Mesh
from tests.mesh import Developer

Watched = experiment_service_pb2.WatchExperimentResponse
# What a mesh in trouble may answer; anything else is a fault.
IN_TROUBLE = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.INTERNAL}
CALL_SECONDS = 10.0
RETRY_SECONDS = 0.1


class Follower:
    """A developer's client that tries again for as long as the mesh is in trouble."""

    def __init__(self, mesh: Mesh, developer: Developer, channel: grpc.aio.Channel) -> None:
        self._stub = experiment_service_pb2_grpc.ExperimentServiceStub(channel)
        self._metadata = (("authorization", f"Bearer {developer.api_key}"),)

    async def run(self, request: experiment_service_pb2.CreateExperimentRequest) -> experiment_pb2.Experiment:
        """Creates and runs an experiment in a mesh that is well."""
        experiment = await self._stub.CreateExperiment(request, metadata=self._metadata, timeout=CALL_SECONDS)
        run = experiment_service_pb2.RunExperimentRequest(id=experiment.id)
        return await self._stub.RunExperiment(run, metadata=self._metadata, timeout=CALL_SECONDS)

    async def watch(self, experiment_id: str) -> AsyncIterator[Watched]:
        """Yields what is seen until the end, watching again after each break; states are then seen again."""
        request = experiment_service_pb2.WatchExperimentRequest(id=experiment_id)
        while True:
            call = self._stub.WatchExperiment(request, metadata=self._metadata)
            try:
                async for seen in call:
                    yield seen
                    if seen.kind == Watched.end:
                        return
            except grpc.aio.AioRpcError as error:
                if error.code() not in IN_TROUBLE:
                    raise
            finally:
                call.cancel()
            await asyncio.sleep(RETRY_SECONDS)

    async def reaches(self, experiment_id: str, ended: int) -> None:
        """Waits until so many trials have ended."""
        async for seen in self.watch(experiment_id):
            if seen.experiment.completed_trials + seen.experiment.failed_trials >= ended:
                return

    async def end(self, experiment_id: str) -> experiment_pb2.Experiment:
        """Waits for the end and returns the experiment as it then is."""
        last = [seen async for seen in self.watch(experiment_id)][-1]
        return last.experiment

    async def trials(self, experiment_id: str) -> list[experiment_pb2.Trial]:
        """Returns all trials of an experiment."""
        request = experiment_service_pb2.ListTrialsRequest(id=experiment_id, page_size=100)
        answer = await self._stub.ListTrials(request, metadata=self._metadata, timeout=CALL_SECONDS)
        return list(answer.trials)
