"""Evaluations of recordings during faults: uploaded and watched by a client that retries."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from typing import Any

import grpc
import psutil
from voicearena.elo.v1 import (
    elo_pb2,
    elo_service_pb2,
    elo_service_pb2_grpc,
    scenario_service_pb2,
    scenario_service_pb2_grpc,
)
from voicearena.scoring.v1 import evaluation_service_pb2, evaluation_service_pb2_grpc, scoring_pb2

from deploy.local.mesh import Mesh
from services.scoring.evaluations.signatures import HEAD_BYTES
from tests.chaos.retrying_client import RETRY_SECONDS, TEMPORARY_CODES, watched
from tests.mesh import Developer

Watched = evaluation_service_pb2.WatchEvaluationResponse
UPLOAD_SECONDS = 20.0
SCORING, WORKER, MODEL_OWNER = "scoring", "evaluation_worker", "model_owner"


class RecordingClient:
    """A developer's client for evaluations. It retries what fails with one of TEMPORARY_CODES."""

    def __init__(self, developer: Developer, channel: grpc.aio.Channel, recording: bytes, reference_text: str) -> None:
        self._stub: Any = evaluation_service_pb2_grpc.EvaluationServiceStub(channel)
        self._models: Any = elo_service_pb2_grpc.EloServiceStub(channel)
        self._scenarios: Any = scenario_service_pb2_grpc.ScenarioServiceStub(channel)
        self._metadata = (("authorization", f"Bearer {developer.api_key}"),)
        self._recording = recording
        self._reference_text = reference_text

    async def upload(self, webhook_url: str = "", conditions: Sequence[str] = ()) -> str:
        """Uploads the recording exactly once and returns the id of its evaluation."""
        request = evaluation_service_pb2.CreateEvaluationRequest(
            reference_text=self._reference_text, conditions=conditions, webhook_url=webhook_url
        )
        return await self._upload(request)

    async def upload_for_battles(self, webhook_url: str) -> str:
        """Uploads the recording for a new recorded model and a scenario, and returns the id of its evaluation."""
        id_ = secrets.token_hex(16)
        registered = elo_service_pb2.CreateVoiceModelRequest(
            name=f"Agent {id_}", kind=elo_pb2.VoiceModel.recorded, language="en", request_id=id_
        )
        model = await self._call(self._models.CreateVoiceModel, registered)
        scenarios = await self._call(self._scenarios.ListScenarios, scenario_service_pb2.ListScenariosRequest())
        request = evaluation_service_pb2.CreateEvaluationRequest(
            model_id=model.id, scenario_id=scenarios.scenarios[0].id, webhook_url=webhook_url
        )
        return await self._upload(request)

    async def _call(self, method: Any, request: Any) -> Any:
        while True:
            try:
                return await method(request, metadata=self._metadata, timeout=UPLOAD_SECONDS)
            except grpc.aio.AioRpcError as error:
                if error.code() not in TEMPORARY_CODES:
                    raise
                await asyncio.sleep(RETRY_SECONDS)

    async def _upload(self, request: evaluation_service_pb2.CreateEvaluationRequest) -> str:
        request.request_id = secrets.token_hex(16)
        while True:
            messages = [
                evaluation_service_pb2.UploadEvaluationRequest(request=request, audio=self._recording[:HEAD_BYTES]),
                evaluation_service_pb2.UploadEvaluationRequest(audio=self._recording[HEAD_BYTES:]),
            ]
            try:
                call = self._stub.UploadEvaluation(iter(messages), metadata=self._metadata, timeout=UPLOAD_SECONDS)
                return str((await call).id)
            except grpc.aio.AioRpcError as error:
                if error.code() not in TEMPORARY_CODES:
                    raise
                await asyncio.sleep(RETRY_SECONDS)

    def watch(self, evaluation_id: str) -> AsyncIterator[Watched]:
        """Yields all updates until the end. After an interruption it watches again, which repeats the current state."""
        request = evaluation_service_pb2.WatchEvaluationRequest(id=evaluation_id)
        return watched(lambda: self._stub.WatchEvaluation(request, metadata=self._metadata), Watched.end)

    async def wait_for_step(self, evaluation_id: str, step: str) -> None:
        """Waits until a step has started, or until the evaluation has ended."""
        async for seen in self.watch(evaluation_id):
            known = [seen.step] if seen.kind == Watched.progress else seen.evaluation.steps
            if any(one.name == step and one.status not in (one.status_unspecified, one.pending) for one in known):
                return

    async def wait_for_end(self, evaluation_id: str) -> scoring_pb2.Evaluation:
        """Waits for the end and returns the final evaluation."""
        last = [seen async for seen in self.watch(evaluation_id)][-1]
        return last.evaluation


def kill_child(mesh: Mesh, module: str) -> int:
    """Kills the processes of scoring that run a module. Returns how many there were."""
    killed = 0
    with suppress(psutil.Error):
        for child in psutil.Process(mesh.processes[SCORING].pid).children():
            if any(part.endswith(f".{module}") for part in child.cmdline()):
                os.kill(child.pid, signal.SIGKILL)
                killed += 1
    return killed


async def kill_in_step(mesh: Mesh, client: RecordingClient, process: str, evaluation_id: str, step: str) -> None:
    """Kills scoring or its processes with this module when a step of an evaluation has started."""
    await client.wait_for_step(evaluation_id, step)
    if process == SCORING:
        await mesh.kill(SCORING)
        await mesh.wait_restarted(SCORING)
        await mesh.wait_serving()
    else:
        kill_child(mesh, process)
