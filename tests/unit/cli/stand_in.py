"""A stand-in mesh: servicers of the public API on a real grpc.aio server, with responses that a test sets."""

# ruff: noqa: N802 - RPCs are named by the protos.
from __future__ import annotations

import asyncio
import copy
from collections.abc import AsyncIterator
from typing import Any

import grpc
from google.api.httpbody_pb2 import HttpBody
from google.rpc import code_pb2
from voicearena.auth.v1 import auth_pb2, auth_service_pb2, auth_service_pb2_grpc
from voicearena.elo.v1 import (
    battle_service_pb2_grpc,
    elo_pb2,
    elo_service_pb2,
    elo_service_pb2_grpc,
    leaderboard_service_pb2_grpc,
    scenario_service_pb2_grpc,
)
from voicearena.experiments.v1 import (
    experiment_pb2,
    experiment_service_pb2,
    experiment_service_pb2_grpc,
    listening_pb2,
    listening_service_pb2,
    listening_service_pb2_grpc,
    results_pb2,
    webhook_pb2,
    webhook_service_pb2,
    webhook_service_pb2_grpc,
)
from voicearena.mesh.v1 import mesh_pb2, mesh_service_pb2, mesh_service_pb2_grpc
from voicearena.scoring.v1 import (
    evaluation_service_pb2_grpc,
    scoring_pb2,
    scoring_service_pb2,
    scoring_service_pb2_grpc,
)
from voicearena.scoring.v1.evaluation_service_pb2 import WatchEvaluationResponse
from voicearena.tts.v1 import tts_pb2, tts_service_pb2, tts_service_pb2_grpc

from tests.unit.cli.refusals import refuse
from tests.unit.cli.stand_in_battles import CROAK, FAST, BattlesStandIn
from tests.unit.cli.stand_in_cards import CardsStandIn
from tests.unit.cli.stand_in_leaderboard import LeaderboardStandIn
from tests.unit.cli.stand_in_scenarios import ScenariosStandIn

KEY = "kc_right"
EXPERIMENT_ID = "exp_" + "0" * 32
PCM_TYPE = "audio/l16;rate=16000;channels=1"
WatchResponse = experiment_service_pb2.WatchExperimentResponse
METRICS = [
    scoring_pb2.Metric(name="duration_seconds", unit="s", label="Length", summary="avg_duration_seconds", column=4),
    scoring_pb2.Metric(name="silence_ratio", label="Silence", summary="avg_silence_ratio", column=3),
    scoring_pb2.Metric(name="peak", label="Peak"),
    scoring_pb2.Metric(name="ttfb_ms", unit="ms", label="TTFB", summary="avg_ttfb_ms", column=1),
    scoring_pb2.Metric(name="generation_time_ms", unit="ms", label="Total", summary="avg_generation_time_ms", column=2),
    scoring_pb2.Metric(name="ttfa_ms", unit="ms", label="First sound", summary="median_ttfa_ms"),
    scoring_pb2.Metric(name="naturalness_mos", unit="MOS", label="Natural", summary="avg_naturalness_mos", column=5),
    scoring_pb2.Metric(name="charm_ratio", label="Charm", summary="avg_charm_ratio", column=6),
]
"""The metrics of a mesh that is newer than these messages, which have no field for charm."""


async def require_key(context: Any) -> None:
    """Refuses a call without the one valid key."""
    sent = dict(context.invocation_metadata()).get("authorization")
    if sent is None:
        await refuse(context, code_pb2.UNAUTHENTICATED, "CREDENTIALS_MISSING", "This call needs an API key.")
    if sent != f"Bearer {KEY}":
        await refuse(context, code_pb2.UNAUTHENTICATED, "CREDENTIALS_INVALID", "The API key is not valid.")


class StandIn(
    CardsStandIn,
    BattlesStandIn,
    LeaderboardStandIn,
    ScenariosStandIn,
    mesh_service_pb2_grpc.MeshServiceServicer,
    auth_service_pb2_grpc.AuthServiceServicer,
    tts_service_pb2_grpc.TtsServiceServicer,
    elo_service_pb2_grpc.EloServiceServicer,
    experiment_service_pb2_grpc.ExperimentServiceServicer,
    scoring_service_pb2_grpc.ScoringServiceServicer,
    evaluation_service_pb2_grpc.EvaluationServiceServicer,
    webhook_service_pb2_grpc.WebhookServiceServicer,
    listening_service_pb2_grpc.ListeningServiceServicer,
):
    """All services in one class. `streams` are the responses of the calls of WatchExperiment, one after another."""

    def __init__(self) -> None:
        super().__init__()
        self.down: dict[str, str] = {}
        self.model_lists: list[Any] = []
        """The requests for voice models, which many commands make to find one by its voice."""
        self.keys_unavailable = False
        self.scoring_down = False
        self.status = mesh_service_pb2.GetStatusResponse(
            services=[
                mesh_pb2.ServiceStatus(
                    name=name, serving=True, processes=[mesh_pb2.ProcessStatus(serving=True, version="1.2.3")]
                )
                for name in ("auth", "experiments", "tts", "scoring", "elo")
            ]
        )
        self.voices = [tts_pb2.Voice(provider="espeak", voice_id=f"v{n}", sample_rate_hz=22050) for n in range(130)]
        self.chunks = [HttpBody(content_type=PCM_TYPE, data=b"\x01\x00" * 8000), HttpBody(data=b"\x02\x00" * 8000)]
        self.experiment = experiment_pb2.Experiment(
            id=EXPERIMENT_ID,
            name="Greeting",
            scenario="general",
            eval_mode=experiment_pb2.Experiment.automated,
            status=experiment_pb2.Experiment.created,
            prompts=["Hello."],
            total_trials=2,
        )
        self.models = [copy.deepcopy(CROAK), copy.deepcopy(FAST)]
        self.trials: list[experiment_pb2.Trial] = []
        self.results = results_pb2.Results()
        self.streams: list[list[WatchResponse]] = []
        self.endpoint = webhook_pb2.WebhookEndpoint(id="whe_1", url="https://example.com/hook", enabled=True)
        self.deliveries: list[webhook_pb2.WebhookDelivery] = []
        self.link = listening_pb2.ListeningLink(
            id="lnk_1", experiment_id=EXPERIMENT_ID, listeners=3, votes=12, excluded_votes=5
        )
        self.link.expires_at.FromJsonString("2999-01-01T00:00:00Z")
        self.api_key = auth_pb2.ApiKey(id="key_1", name="ci", prefix="kc_abcdefgh", scopes=["experiments:read"])
        self.exported = [
            HttpBody(content_type="text/csv", data=b"id,status\r\n"),
            HttpBody(data=b"trl_1,completed\r\n"),
        ]
        self.report = [b"<html>", b"</html>"]
        self.report_breaks = False
        """Whether reports end with an error after their last piece."""
        self.audit_messages: list[Any] = []
        self.uploaded = b""
        self.evaluation_streams: list[list[WatchEvaluationResponse]] = []
        """The responses of the calls of WatchEvaluation, one after another."""
        self.evaluations: dict[str, scoring_pb2.Evaluation] = {}
        self.calls_refused = 0
        """The number of calls of GetResults that are refused before one succeeds."""

    async def GetHealth(self, request: Any, context: Any) -> Any:
        if self.down:
            message = f"Not serving: {', '.join(self.down)}."
            await refuse(context, code_pb2.UNAVAILABLE, "UNAVAILABLE", message, metadata=self.down)
        return mesh_service_pb2.GetHealthResponse(status="ok")

    async def GetStatus(self, request: Any, context: Any) -> Any:
        if self.keys_unavailable:
            await refuse(context, code_pb2.UNAVAILABLE, "UNAVAILABLE", "Keys can't be verified.")
        await require_key(context)
        return self.status

    async def RegisterDeveloper(self, request: Any, context: Any) -> Any:
        if request.email == "taken@example.com":
            await refuse(context, code_pb2.ALREADY_EXISTS, "ALREADY_EXISTS", "That e-mail address is registered.")
        return auth_service_pb2.RegisterDeveloperResponse(
            id="dev_1", name=request.name, email=request.email, api_key=KEY
        )

    async def GetCurrentDeveloper(self, request: Any, context: Any) -> Any:
        await require_key(context)
        return auth_pb2.Developer(id="dev_1", name="Ada", email="ada@example.com")

    async def ListProviders(self, request: Any, context: Any) -> Any:
        return tts_service_pb2.ListProvidersResponse(
            providers=[
                tts_pb2.Provider(id="espeak", available=True),
                tts_pb2.Provider(id="cartesia", unavailable_reason="set CARTESIA_API_KEY"),
            ]
        )

    async def ListVoices(self, request: Any, context: Any) -> Any:
        start = int(request.page_token or 0)
        end = start + request.page_size
        token = str(end) if end < len(self.voices) else ""
        return tts_service_pb2.ListVoicesResponse(voices=self.voices[start:end], next_page_token=token)

    async def SynthesizeSpeech(self, request: Any, context: Any) -> AsyncIterator[HttpBody]:
        await require_key(context)
        self.requests.append(request)
        for chunk in self.chunks:
            yield chunk

    async def ListVoiceModels(self, request: Any, context: Any) -> Any:
        self.model_lists.append(request)
        return elo_service_pb2.ListVoiceModelsResponse(models=self.models)

    async def GetVoiceModel(self, request: Any, context: Any) -> Any:
        for model in self.models:
            if model.id == request.id:
                return model
        await refuse(context, code_pb2.NOT_FOUND, "NOT_FOUND", f"There is no model {request.id}.")

    async def CreateVoiceModel(self, request: Any, context: Any) -> Any:
        await require_key(context)
        self.requests.append(request)
        return elo_pb2.VoiceModel(id="mdl_2", name=request.name, provider=request.provider, config=request.config)

    async def UpdateVoiceModel(self, request: Any, context: Any) -> Any:
        await require_key(context)
        self.requests.append(request)
        return elo_pb2.VoiceModel(id=request.id, name="Fast", awaits_approval=True)

    async def ApproveVoiceModel(self, request: Any, context: Any) -> Any:
        await require_key(context)
        self.requests.append(request)
        return elo_pb2.VoiceModel(id=request.id, name="Fast")

    async def CreateExperiment(self, request: Any, context: Any) -> Any:
        await require_key(context)
        self.requests.append(request)
        if request.scenario == "cooking":
            violations = {"scenario": "must be one of general, medical", "models": "must be 2 to 4"}
            await refuse(context, code_pb2.INVALID_ARGUMENT, "INVALID_INPUT", "2 fields are invalid.", violations)
        self.experiment.models.extend(request.models)
        return self.experiment

    async def RunExperiment(self, request: Any, context: Any) -> Any:
        await require_key(context)
        if self.experiment.status != experiment_pb2.Experiment.created:
            await refuse(context, code_pb2.ABORTED, "WRONG_STATE", "The experiment is running, not created.")
        self.experiment.status = experiment_pb2.Experiment.running
        return self.experiment

    async def ListExperiments(self, request: Any, context: Any) -> Any:
        await require_key(context)
        self.requests.append(request)
        return experiment_service_pb2.ListExperimentsResponse(experiments=[self.experiment])

    async def GetResults(self, request: Any, context: Any) -> Any:
        if self.calls_refused:
            self.calls_refused -= 1
            await refuse(context, code_pb2.RESOURCE_EXHAUSTED, "RATE_LIMITED", "Too many calls.")
        if request.id != EXPERIMENT_ID:
            await refuse(context, code_pb2.NOT_FOUND, "NOT_FOUND", f"There is no experiment {request.id}.")
        self.requests.append(request)
        return self.results

    async def ListMetrics(self, request: Any, context: Any) -> Any:
        if self.scoring_down:
            await refuse(context, code_pb2.UNAVAILABLE, "UNAVAILABLE", "scoring is not reachable.")
        return scoring_service_pb2.ListMetricsResponse(metrics=METRICS)

    async def RunMetricAudit(self, request: Any, context: Any) -> AsyncIterator[Any]:
        await require_key(context)
        self.requests.append(request)
        for message in self.audit_messages:
            yield message

    async def ListTrials(self, request: Any, context: Any) -> Any:
        return experiment_service_pb2.ListTrialsResponse(trials=self.trials)

    async def GetExperiment(self, request: Any, context: Any) -> Any:
        return self.experiment

    async def _changed(self, request: Any, context: Any) -> Any:
        await require_key(context)
        self.requests.append(request)
        return self.experiment

    CancelExperiment = RetryExperiment = CloneExperiment = CloseListening = _changed

    async def DeleteExperiment(self, request: Any, context: Any) -> Any:
        await require_key(context)
        self.requests.append(request)
        return experiment_service_pb2.DeleteExperimentResponse(id=request.id, trials=2)

    async def ExportExperiment(self, request: Any, context: Any) -> AsyncIterator[HttpBody]:
        self.requests.append(request)
        for chunk in self.exported:
            yield chunk

    async def GetReport(self, request: Any, context: Any) -> AsyncIterator[HttpBody]:
        self.requests.append(request)
        for piece in self.report:
            yield HttpBody(data=piece)
        if self.report_breaks:
            await refuse(context, code_pb2.UNAVAILABLE, "UNAVAILABLE", "The audio store can't be read.")
        if request.max_audio_mb == 1:
            words = "must be at least 2 for the audio of this experiment"
            violations = {"max_audio_mb": words}
            await refuse(context, code_pb2.INVALID_ARGUMENT, "INVALID_INPUT", f"max_audio_mb: {words}", violations)

    async def _with_secret(self, request: Any, context: Any) -> Any:
        self.requests.append(request)
        return webhook_service_pb2.WebhookEndpointWithSecret(endpoint=self.endpoint, secret="whsec_once")

    CreateWebhookEndpoint = RotateWebhookSecret = _with_secret

    async def ListWebhookEndpoints(self, request: Any, context: Any) -> Any:
        return webhook_service_pb2.ListWebhookEndpointsResponse(endpoints=[self.endpoint])

    async def EnableWebhookEndpoint(self, request: Any, context: Any) -> Any:
        self.requests.append(request)
        return self.endpoint

    async def DeleteWebhookEndpoint(self, request: Any, context: Any) -> Any:
        return webhook_service_pb2.DeleteWebhookEndpointResponse(id=request.id)

    async def ListWebhookDeliveries(self, request: Any, context: Any) -> Any:
        return webhook_service_pb2.ListWebhookDeliveriesResponse(deliveries=self.deliveries)

    async def RedeliverWebhook(self, request: Any, context: Any) -> Any:
        self.requests.append(request)
        return self.deliveries[0]

    async def CreateListeningLink(self, request: Any, context: Any) -> Any:
        self.requests.append(request)
        return listening_service_pb2.CreateListeningLinkResponse(
            link=self.link, token="t0ken", url="https://arena.example/#/listen/t0ken"
        )

    async def ListListeningLinks(self, request: Any, context: Any) -> Any:
        return listening_service_pb2.ListListeningLinksResponse(links=[self.link])

    async def RevokeListeningLink(self, request: Any, context: Any) -> Any:
        self.requests.append(request)
        return self.link

    async def _with_key(self, request: Any, context: Any) -> Any:
        self.requests.append(request)
        return auth_service_pb2.CreateApiKeyResponse(api_key=self.api_key, key="kc_once")

    CreateApiKey = RotateApiKey = _with_key

    async def ListApiKeys(self, request: Any, context: Any) -> Any:
        return auth_service_pb2.ListApiKeysResponse(api_keys=[self.api_key])

    async def RevokeApiKey(self, request: Any, context: Any) -> Any:
        self.requests.append(request)
        return self.api_key

    async def WatchExperiment(self, request: Any, context: Any) -> AsyncIterator[WatchResponse]:
        for message in self.streams.pop(0):
            yield message
        if message.kind != WatchResponse.end:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "the service is draining")

    async def UploadEvaluation(self, request_iterator: Any, context: Any) -> Any:
        await require_key(context)
        self.uploaded = b""
        async for message in request_iterator:
            if message.HasField("request"):
                self.requests.append(message.request)
            self.uploaded += message.audio
        if self.calls_refused:
            self.calls_refused -= 1
            await refuse(context, code_pb2.RESOURCE_EXHAUSTED, "RATE_LIMITED", "Too many calls.")
        if not self.uploaded.startswith(b"RIFF"):
            violations = {"audio": "must be a recording"}
            await refuse(context, code_pb2.INVALID_ARGUMENT, "INVALID_INPUT", "audio: must be a recording", violations)
        return scoring_pb2.Evaluation(id="evl_1", status=scoring_pb2.Evaluation.pending)

    async def GetEvaluation(self, request: Any, context: Any) -> scoring_pb2.Evaluation:
        if request.id not in self.evaluations:
            await refuse(context, code_pb2.NOT_FOUND, "NOT_FOUND", f"There is no evaluation {request.id}.")
        return self.evaluations[request.id]

    async def WatchEvaluation(self, request: Any, context: Any) -> AsyncIterator[WatchEvaluationResponse]:
        for message in self.evaluation_streams.pop(0):
            yield message
        if message.kind != WatchEvaluationResponse.end:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "the service is draining")


async def serve(stand_in: StandIn, port: int = 0) -> tuple[grpc.aio.Server, int]:
    """Starts a server on a port of this machine, 0 for a free one, and returns it with its port."""
    server = grpc.aio.server()
    mesh_service_pb2_grpc.add_MeshServiceServicer_to_server(stand_in, server)
    auth_service_pb2_grpc.add_AuthServiceServicer_to_server(stand_in, server)
    tts_service_pb2_grpc.add_TtsServiceServicer_to_server(stand_in, server)
    elo_service_pb2_grpc.add_EloServiceServicer_to_server(stand_in, server)
    battle_service_pb2_grpc.add_BattleServiceServicer_to_server(stand_in, server)
    leaderboard_service_pb2_grpc.add_LeaderboardServiceServicer_to_server(stand_in, server)
    scenario_service_pb2_grpc.add_ScenarioServiceServicer_to_server(stand_in, server)
    experiment_service_pb2_grpc.add_ExperimentServiceServicer_to_server(stand_in, server)
    scoring_service_pb2_grpc.add_ScoringServiceServicer_to_server(stand_in, server)
    evaluation_service_pb2_grpc.add_EvaluationServiceServicer_to_server(stand_in, server)
    webhook_service_pb2_grpc.add_WebhookServiceServicer_to_server(stand_in, server)
    listening_service_pb2_grpc.add_ListeningServiceServicer_to_server(stand_in, server)
    port = server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    return server, port


async def run_arena(*arguments: str, stdin: str = "") -> CommandResult:
    """Runs one command line in a thread, because the server needs the event loop."""
    return await asyncio.to_thread(_run, arguments, stdin)


class CommandResult:
    """The output of a command and its exit code."""

    def __init__(self, exit_code: int, out: bytes, err: str) -> None:
        self.exit_code = exit_code
        self.bytes = out
        self.err = err

    @property
    def out(self) -> str:
        """The output on stdout."""
        return self.bytes.decode()


def _run(arguments: tuple[str, ...], stdin: str) -> CommandResult:
    import io
    import sys

    from gateway.cli.main import run

    before = sys.stdin, sys.stdout, sys.stderr
    raw, errors = io.BytesIO(), io.StringIO()
    sys.stdin, sys.stdout, sys.stderr = io.TextIOWrapper(io.BytesIO(stdin.encode())), io.TextIOWrapper(raw), errors
    try:
        exit_code = run(arguments)
        sys.stdout.flush()
        return CommandResult(exit_code, raw.getvalue(), errors.getvalue())
    finally:
        sys.stdin, sys.stdout, sys.stderr = before
