"""A client that retries each call until the mesh has recovered from a fault."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Collection
from typing import Any

import grpc
from voicearena.experiments.v1 import experiment_pb2, experiment_service_pb2, experiment_service_pb2_grpc

from deploy.local.mesh import Mesh
from tests.mesh import Developer

Watched = experiment_service_pb2.WatchExperimentResponse
# The errors that a mesh may return during a fault. Any other error fails the test.
TEMPORARY_CODES = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.INTERNAL}
CALL_SECONDS = 10.0
RETRY_SECONDS = 0.1


async def watched(watch: Callable[[], Any], end: int) -> AsyncIterator[Any]:
    """Yields the updates of a stream until one has the kind `end`. After an interruption it calls `watch` again."""
    while True:
        call = watch()
        try:
            async for seen in call:
                yield seen
                if seen.kind == end:
                    return
        except grpc.aio.AioRpcError as error:
            if error.code() not in TEMPORARY_CODES:
                raise
        finally:
            call.cancel()
        await asyncio.sleep(RETRY_SECONDS)


class RetryingClient:
    """The client of a developer. It retries a call that fails with one of TEMPORARY_CODES."""

    def __init__(self, mesh: Mesh, developer: Developer, channel: grpc.aio.Channel) -> None:
        self._stub = experiment_service_pb2_grpc.ExperimentServiceStub(channel)
        self._metadata = (("authorization", f"Bearer {developer.api_key}"),)

    async def run(self, request: experiment_service_pb2.CreateExperimentRequest) -> experiment_pb2.Experiment:
        """Creates and runs an experiment exactly once."""
        request.request_id = secrets.token_hex(16)
        experiment: experiment_pb2.Experiment = await self._call(self._stub.CreateExperiment, request, ())
        run = experiment_service_pb2.RunExperimentRequest(id=experiment.id)
        # If only the response was lost, the experiment is running already.
        await self._call(self._stub.RunExperiment, run, {grpc.StatusCode.ABORTED})
        return experiment

    def watch(self, experiment_id: str) -> AsyncIterator[Watched]:
        """Yields all updates until the end. After an interruption it watches again, which repeats the current state."""
        request = experiment_service_pb2.WatchExperimentRequest(id=experiment_id)
        return watched(lambda: self._stub.WatchExperiment(request, metadata=self._metadata), Watched.end)

    async def wait_for_trials(self, experiment_id: str, ended_trials: int) -> None:
        """Waits until this number of trials has ended."""
        async for seen in self.watch(experiment_id):
            if seen.experiment.completed_trials + seen.experiment.failed_trials >= ended_trials:
                return

    async def wait_for_end(self, experiment_id: str) -> experiment_pb2.Experiment:
        """Waits for the end and returns the final experiment."""
        last = [seen async for seen in self.watch(experiment_id)][-1]
        return last.experiment

    async def cancel(self, experiment_id: str, after_seconds: float) -> None:
        """Cancels an experiment after a delay. One that has already ended stays unchanged."""
        await asyncio.sleep(after_seconds)
        request = experiment_service_pb2.CancelExperimentRequest(id=experiment_id)
        await self._call(self._stub.CancelExperiment, request, {grpc.StatusCode.ABORTED})

    async def delete(self, experiment_id: str) -> None:
        """Deletes an experiment. If only the response was lost, NOT_FOUND is accepted."""
        request = experiment_service_pb2.DeleteExperimentRequest(id=experiment_id)
        await self._call(self._stub.DeleteExperiment, request, {grpc.StatusCode.NOT_FOUND})

    async def _call(self, method: Any, request: Any, accepted: Collection[grpc.StatusCode]) -> Any:
        """Repeats a call until it gets a response. Returns None for a status in `accepted`."""
        while True:
            try:
                return await method(request, metadata=self._metadata, timeout=CALL_SECONDS)
            except grpc.aio.AioRpcError as error:
                if error.code() in accepted:
                    return None
                if error.code() not in TEMPORARY_CODES:
                    raise
                await asyncio.sleep(RETRY_SECONDS)

    async def trials(self, experiment_id: str) -> list[experiment_pb2.Trial]:
        """Returns all trials of an experiment."""
        request = experiment_service_pb2.ListTrialsRequest(id=experiment_id, page_size=100)
        response = await self._call(self._stub.ListTrials, request, ())
        return list(response.trials)
