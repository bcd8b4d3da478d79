"""Follows an experiment through whatever happens to the mesh meanwhile."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Collection
from typing import Any

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
        """Creates and runs an experiment, once, though the mesh may not have got over the last fault yet."""
        request.request_id = secrets.token_hex(16)
        experiment: experiment_pb2.Experiment = await self._insist(self._stub.CreateExperiment, request, ())
        run = experiment_service_pb2.RunExperimentRequest(id=experiment.id)
        # It runs already where only the answer was lost.
        await self._insist(self._stub.RunExperiment, run, {grpc.StatusCode.ABORTED})
        return experiment

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

    async def cancel(self, experiment_id: str, after_seconds: float) -> None:
        """Cancels an experiment after a while, in whatever trouble the mesh is; one that has ended stays as it is."""
        await asyncio.sleep(after_seconds)
        request = experiment_service_pb2.CancelExperimentRequest(id=experiment_id)
        await self._insist(self._stub.CancelExperiment, request, {grpc.StatusCode.ABORTED})

    async def delete(self, experiment_id: str) -> None:
        """Deletes an experiment; when the answer is lost and it is gone, that is well."""
        request = experiment_service_pb2.DeleteExperimentRequest(id=experiment_id)
        await self._insist(self._stub.DeleteExperiment, request, {grpc.StatusCode.NOT_FOUND})

    async def _insist(self, method: Any, request: Any, accepted: Collection[grpc.StatusCode]) -> Any:
        """Makes a call until it is answered; None if with a status that is accepted."""
        while True:
            try:
                return await method(request, metadata=self._metadata, timeout=CALL_SECONDS)
            except grpc.aio.AioRpcError as error:
                if error.code() in accepted:
                    return None
                if error.code() not in IN_TROUBLE:
                    raise
                await asyncio.sleep(RETRY_SECONDS)

    async def trials(self, experiment_id: str) -> list[experiment_pb2.Trial]:
        """Returns all trials of an experiment."""
        request = experiment_service_pb2.ListTrialsRequest(id=experiment_id, page_size=100)
        answer = await self._insist(self._stub.ListTrials, request, ())
        return list(answer.trials)
