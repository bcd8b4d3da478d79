"""Calls to the public API through the gateway. Each call has a deadline, and each failure is a CliError."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, BinaryIO, Protocol, Self, TypeVar

from gateway.cli.address import GatewayAddress
from gateway.cli.errors import CliError, ExitCode, from_rpc

if TYPE_CHECKING:
    import grpc
    from google.api.httpbody_pb2 import HttpBody
    from voicearena.auth.v1.auth_pb2 import ApiKey, Developer
    from voicearena.auth.v1.auth_service_pb2 import RegisterDeveloperResponse
    from voicearena.auth.v1.auth_service_pb2_grpc import AuthServiceStub
    from voicearena.elo.v1.elo_pb2 import VoiceModel
    from voicearena.elo.v1.elo_service_pb2 import CreateVoiceModelRequest
    from voicearena.elo.v1.elo_service_pb2_grpc import EloServiceStub
    from voicearena.experiments.v1.experiment_pb2 import Experiment, Trial
    from voicearena.experiments.v1.experiment_service_pb2 import CreateExperimentRequest, WatchExperimentResponse
    from voicearena.experiments.v1.experiment_service_pb2_grpc import ExperimentServiceStub
    from voicearena.experiments.v1.listening_service_pb2_grpc import ListeningServiceStub
    from voicearena.experiments.v1.results_pb2 import Results
    from voicearena.experiments.v1.webhook_pb2 import WebhookEndpoint
    from voicearena.experiments.v1.webhook_service_pb2_grpc import WebhookServiceStub
    from voicearena.mesh.v1.mesh_service_pb2 import GetStatusResponse
    from voicearena.mesh.v1.mesh_service_pb2_grpc import MeshServiceStub
    from voicearena.scoring.v1.evaluation_service_pb2 import CreateEvaluationRequest, WatchEvaluationResponse
    from voicearena.scoring.v1.evaluation_service_pb2_grpc import EvaluationServiceStub
    from voicearena.scoring.v1.scoring_pb2 import Evaluation, Metric
    from voicearena.scoring.v1.scoring_service_pb2_grpc import ScoringServiceStub
    from voicearena.tts.v1.tts_pb2 import Provider, Voice
    from voicearena.tts.v1.tts_service_pb2 import SynthesizeSpeechRequest
    from voicearena.tts.v1.tts_service_pb2_grpc import TtsServiceStub

CALL_TIMEOUT_SECONDS = 15.0
SPEECH_TIMEOUT_SECONDS = 120.0
# As long as the gateway waits for the end of an upload.
UPLOAD_TIMEOUT_SECONDS = 300.0
UPLOAD_PIECE_BYTES = 512 * 1024
# A watch is opened again after this time, so that a stream that died silently is noticed.
MAX_STREAM_SECONDS = 120.0
PAGE_SIZE = 100
# The gateway allows more calls after one second. A command that makes many calls waits that long.
RATE_LIMIT_DELAY_SECONDS = 1.0
MAX_RATE_LIMITED_ATTEMPTS = 10
# Stops at this page, in case a server repeats its pages for ever.
MAX_PAGES = 200

Item = TypeVar("Item")
Request = TypeVar("Request")
Response = TypeVar("Response")


class _ListRequest(Protocol):
    page_size: int
    page_token: str


class _ListResponse(Protocol):
    next_page_token: str


ListRequest = TypeVar("ListRequest", bound=_ListRequest)
ListResponse = TypeVar("ListResponse", bound=_ListResponse)


class ArenaClient:
    """One connection to a gateway, for one caller. Use it as a context manager. It connects at the first call."""

    def __init__(self, address: GatewayAddress, api_key: str | None) -> None:
        self.address = address
        self._api_key = api_key
        self._channel: grpc.Channel | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._channel is not None:
            self._channel.close()
            self._channel = None

    def health(self, timeout: float = CALL_TIMEOUT_SECONDS) -> None:
        """Returns if every service is serving. Raises CliError otherwise."""
        from voicearena.mesh.v1.mesh_service_pb2 import GetHealthRequest

        self.call(self.mesh_stub.GetHealth, GetHealthRequest(), timeout)

    def status(self) -> GetStatusResponse:
        """Returns the status of each service: whether it serves, its faults and its queues."""
        from voicearena.mesh.v1.mesh_service_pb2 import GetStatusRequest

        return self.call(self.mesh_stub.GetStatus, GetStatusRequest())

    def register_developer(self, name: str, email: str) -> RegisterDeveloperResponse:
        """Registers a developer and returns them with their first API key."""
        from voicearena.auth.v1.auth_service_pb2 import RegisterDeveloperRequest

        return self.call(self.auth_stub.RegisterDeveloper, RegisterDeveloperRequest(name=name, email=email))

    def current_developer(self) -> Developer:
        """Returns the developer whose API key this client sends."""
        from voicearena.auth.v1.auth_service_pb2 import GetCurrentDeveloperRequest

        return self.call(self.auth_stub.GetCurrentDeveloper, GetCurrentDeveloperRequest())

    def api_keys(self) -> list[ApiKey]:
        """Returns all API keys of the caller, newest first."""
        from voicearena.auth.v1.auth_service_pb2 import ListApiKeysRequest

        return self.list_all(self.auth_stub.ListApiKeys, ListApiKeysRequest(), lambda page: page.api_keys)

    def providers(self) -> Sequence[Provider]:
        """Returns every provider, including those that are not available."""
        from voicearena.tts.v1.tts_service_pb2 import ListProvidersRequest

        return self.call(self.tts_stub.ListProviders, ListProvidersRequest()).providers

    def voices(self, provider: str = "") -> list[Voice]:
        """Returns all voices, or all voices of one provider."""
        from voicearena.tts.v1.tts_service_pb2 import ListVoicesRequest

        return self.list_all(self.tts_stub.ListVoices, ListVoicesRequest(provider=provider), lambda page: page.voices)

    def voice_models(self) -> list[VoiceModel]:
        """Returns the voice models that new experiments can use."""
        from voicearena.elo.v1.elo_service_pb2 import ListVoiceModelsRequest

        request = ListVoiceModelsRequest(active_only=True)
        return self.list_all(self.elo_stub.ListVoiceModels, request, lambda page: page.models)

    def create_voice_model(self, request: CreateVoiceModelRequest) -> VoiceModel:
        """Registers a voice model that belongs to the caller in the catalogue."""
        return self.call(self.elo_stub.CreateVoiceModel, request)

    def speech(self, request: SynthesizeSpeechRequest) -> Iterator[HttpBody]:
        """Speaks a text and yields the audio in chunks as they arrive."""
        return self.stream(self.tts_stub.SynthesizeSpeech, request, SPEECH_TIMEOUT_SECONDS)

    def create_experiment(self, request: CreateExperimentRequest) -> Experiment:
        """Creates an experiment, which is not started yet."""
        return self.call(self.experiment_stub.CreateExperiment, request)

    def experiment(self, experiment_id: str) -> Experiment:
        """Returns one experiment."""
        from voicearena.experiments.v1.experiment_service_pb2 import GetExperimentRequest

        return self.call(self.experiment_stub.GetExperiment, GetExperimentRequest(id=experiment_id))

    def run_experiment(self, experiment_id: str) -> Experiment:
        """Starts an experiment."""
        from voicearena.experiments.v1.experiment_service_pb2 import RunExperimentRequest

        return self.call(self.experiment_stub.RunExperiment, RunExperimentRequest(id=experiment_id))

    def experiments(self, status: str = "", scenario: str = "", limit: int = PAGE_SIZE) -> list[Experiment]:
        """Returns the caller's newest experiments, at most `limit`."""
        from voicearena.experiments.v1.experiment_pb2 import Experiment
        from voicearena.experiments.v1.experiment_service_pb2 import ListExperimentsRequest

        status_value = Experiment.Status.Value(status or "status_unspecified")
        request = ListExperimentsRequest(status=status_value, scenario=scenario)
        return self.list_all(self.experiment_stub.ListExperiments, request, lambda page: page.experiments, limit)

    def results(self, experiment_id: str, *, recompute: bool = False) -> Results:
        """Returns the results of a completed experiment. `recompute` computes the verdict again."""
        from voicearena.experiments.v1.experiment_service_pb2 import GetResultsRequest

        return self.call(self.experiment_stub.GetResults, GetResultsRequest(id=experiment_id, recompute=recompute))

    def metrics(self) -> Sequence[Metric]:
        """Returns the metrics of trials: their names, units and headings."""
        from voicearena.scoring.v1.scoring_service_pb2 import ListMetricsRequest

        return self.call(self.scoring_stub.ListMetrics, ListMetricsRequest()).metrics

    def trials(self, experiment_id: str) -> list[Trial]:
        """Returns all trials of an experiment, sorted by prompt, then by the order of its models."""
        from voicearena.experiments.v1.experiment_service_pb2 import ListTrialsRequest

        request = ListTrialsRequest(id=experiment_id)
        return self.list_all(self.experiment_stub.ListTrials, request, lambda page: page.trials)

    def watch_experiment(
        self, experiment_id: str, timeout: float = MAX_STREAM_SECONDS
    ) -> Iterator[WatchExperimentResponse]:
        """Yields the progress of an experiment from one stream. `watching.follow` opens it again if it drops."""
        from voicearena.experiments.v1.experiment_service_pb2 import WatchExperimentRequest

        request = WatchExperimentRequest(id=experiment_id)
        return self.stream(self.experiment_stub.WatchExperiment, request, min(timeout, MAX_STREAM_SECONDS))

    def upload_evaluation(self, request: CreateEvaluationRequest, file: BinaryIO) -> Evaluation:
        """Uploads a recording and returns its evaluation, which has just begun. Handles the rate limit as `call` does.

        The request needs a request id, because an upload whose response was lost is sent again.
        """
        import grpc
        from voicearena.scoring.v1.evaluation_service_pb2 import UploadEvaluationRequest

        def messages() -> Iterator[UploadEvaluationRequest]:
            file.seek(0)
            yield UploadEvaluationRequest(request=request)
            while piece := file.read(UPLOAD_PIECE_BYTES):
                yield UploadEvaluationRequest(audio=piece)

        for left in reversed(range(MAX_RATE_LIMITED_ATTEMPTS)):
            try:
                return self.evaluation_stub.UploadEvaluation(
                    messages(), timeout=UPLOAD_TIMEOUT_SECONDS, metadata=self._metadata()
                )
            except grpc.RpcError as error:
                self._wait_or_raise(from_rpc(error, str(self.address)), left)
        raise AssertionError("the last attempt returns or raises")

    def watch_evaluation(
        self, evaluation_id: str, timeout: float = MAX_STREAM_SECONDS
    ) -> Iterator[WatchEvaluationResponse]:
        """Yields the progress of an evaluation from one stream. `watching.follow_evaluation` opens it again."""
        from voicearena.scoring.v1.evaluation_service_pb2 import WatchEvaluationRequest

        request = WatchEvaluationRequest(id=evaluation_id)
        return self.stream(self.evaluation_stub.WatchEvaluation, request, min(timeout, MAX_STREAM_SECONDS))

    def webhook_endpoints(self) -> list[WebhookEndpoint]:
        """Returns all webhook endpoints of the caller, newest first."""
        from voicearena.experiments.v1.webhook_service_pb2 import ListWebhookEndpointsRequest

        request = ListWebhookEndpointsRequest()
        return self.list_all(self.webhook_stub.ListWebhookEndpoints, request, lambda page: page.endpoints)

    def audio(self, name: str) -> bytes:
        """Returns stored audio of the caller by its name in the store."""
        from voicearena.tts.v1.tts_service_pb2 import GetAudioRequest

        chunks = self.stream(self.tts_stub.GetAudio, GetAudioRequest(name=name), SPEECH_TIMEOUT_SECONDS)
        return b"".join(chunk.data for chunk in chunks)

    @property
    def mesh_stub(self) -> MeshServiceStub:
        """Health and status of the mesh."""
        from voicearena.mesh.v1.mesh_service_pb2_grpc import MeshServiceStub

        return MeshServiceStub(self._connected())

    @property
    def auth_stub(self) -> AuthServiceStub:
        """Developers and API keys."""
        from voicearena.auth.v1.auth_service_pb2_grpc import AuthServiceStub

        return AuthServiceStub(self._connected())

    @property
    def tts_stub(self) -> TtsServiceStub:
        """Providers, voices and speech."""
        from voicearena.tts.v1.tts_service_pb2_grpc import TtsServiceStub

        return TtsServiceStub(self._connected())

    @property
    def elo_stub(self) -> EloServiceStub:
        """The catalogue."""
        from voicearena.elo.v1.elo_service_pb2_grpc import EloServiceStub

        return EloServiceStub(self._connected())

    @property
    def scoring_stub(self) -> ScoringServiceStub:
        """Metrics."""
        from voicearena.scoring.v1.scoring_service_pb2_grpc import ScoringServiceStub

        return ScoringServiceStub(self._connected())

    @property
    def evaluation_stub(self) -> EvaluationServiceStub:
        """Evaluations of recordings."""
        from voicearena.scoring.v1.evaluation_service_pb2_grpc import EvaluationServiceStub

        return EvaluationServiceStub(self._connected())

    @property
    def experiment_stub(self) -> ExperimentServiceStub:
        """Experiments."""
        from voicearena.experiments.v1.experiment_service_pb2_grpc import ExperimentServiceStub

        return ExperimentServiceStub(self._connected())

    @property
    def webhook_stub(self) -> WebhookServiceStub:
        """Webhook endpoints and deliveries."""
        from voicearena.experiments.v1.webhook_service_pb2_grpc import WebhookServiceStub

        return WebhookServiceStub(self._connected())

    @property
    def listening_stub(self) -> ListeningServiceStub:
        """Listening links."""
        from voicearena.experiments.v1.listening_service_pb2_grpc import ListeningServiceStub

        return ListeningServiceStub(self._connected())

    def _connected(self) -> grpc.Channel:
        import grpc

        if self._channel is None:
            options: list[tuple[str, int]] = [("grpc.keepalive_time_ms", 30_000), ("grpc.keepalive_timeout_ms", 10_000)]
            if self.address.is_this_machine:
                # A proxy from the environment can't reach the ports of this machine.
                options.append(("grpc.enable_http_proxy", 0))
            self._channel = (
                grpc.secure_channel(self.address.target, grpc.ssl_channel_credentials(), options)
                if self.address.secure
                else grpc.insecure_channel(self.address.target, options)
            )
        return self._channel

    def _metadata(self) -> tuple[tuple[str, str], ...]:
        return (("authorization", f"Bearer {self._api_key}"),) if self._api_key else ()

    def call(
        self,
        method: grpc.UnaryUnaryMultiCallable[Request, Response],
        request: Request,
        timeout: float = CALL_TIMEOUT_SECONDS,
    ) -> Response:
        """Makes a call of any stub and returns its response. Raises CliError if the call fails.

        A call that exceeds the rate limit is made again, up to MAX_RATE_LIMITED_ATTEMPTS times.
        """
        import grpc

        for left in reversed(range(MAX_RATE_LIMITED_ATTEMPTS)):
            try:
                return method(request, timeout=timeout, metadata=self._metadata())
            except grpc.RpcError as error:
                self._wait_or_raise(from_rpc(error, str(self.address)), left)
        raise AssertionError("the last attempt returns or raises")

    def list_all(
        self,
        method: grpc.UnaryUnaryMultiCallable[ListRequest, ListResponse],
        request: ListRequest,
        items: Callable[[ListResponse], Iterable[Item]],
        limit: int | None = None,
    ) -> list[Item]:
        """Returns the items of all pages of a list, at most `limit`. `items` takes the items from a page."""
        found: list[Item] = []
        request.page_size = PAGE_SIZE if limit is None else min(limit, PAGE_SIZE)
        for _ in range(MAX_PAGES):
            page = self.call(method, request)
            found += items(page)
            request.page_token = page.next_page_token
            if not page.next_page_token or (limit is not None and len(found) >= limit):
                return found[:limit]
        hint = "Use the options of the command to get a shorter list."
        raise CliError(f"The list has more than {MAX_PAGES} pages.", ExitCode.UNEXPECTED, hint=hint)

    def stream(
        self, method: grpc.UnaryStreamMultiCallable[Request, Response], request: Request, timeout: float
    ) -> Iterator[Response]:
        """Yields the responses of a streaming call of any stub. Closing the generator cancels the call.

        Raises CliError if the call fails. Handles the rate limit as `call` does.
        """
        import grpc

        # A call over the rate limit is refused before its first response, so no response is yielded twice.
        for left in reversed(range(MAX_RATE_LIMITED_ATTEMPTS)):
            call = method(request, timeout=timeout, metadata=self._metadata())
            try:
                yield from call
            except grpc.RpcError as error:
                self._wait_or_raise(from_rpc(error, str(self.address)), left)
            else:
                return
            finally:
                call.cancel()

    def _wait_or_raise(self, error: CliError, attempts_left: int) -> None:
        """Waits if the call exceeded the rate limit and attempts are left. Otherwise raises the error."""
        if error.reason != "RATE_LIMITED" or not attempts_left:
            raise error
        time.sleep(RATE_LIMIT_DELAY_SECONDS)
