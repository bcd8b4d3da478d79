"""Calls to the public API through the gateway: a deadline on each, every failure as a CliError."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Self, TypeVar

from gateway.cli.address import GatewayAddress
from gateway.cli.errors import CliError, ExitCode, from_rpc

if TYPE_CHECKING:
    import grpc
    from google.api.httpbody_pb2 import HttpBody
    from voicearena.auth.v1.auth_pb2 import Developer
    from voicearena.auth.v1.auth_service_pb2 import RegisterDeveloperResponse
    from voicearena.auth.v1.auth_service_pb2_grpc import AuthServiceStub
    from voicearena.elo.v1.elo_pb2 import VoiceModel
    from voicearena.elo.v1.elo_service_pb2 import CreateVoiceModelRequest
    from voicearena.experiments.v1.experiment_pb2 import Experiment, Trial
    from voicearena.experiments.v1.experiment_service_pb2 import CreateExperimentRequest, WatchExperimentResponse
    from voicearena.experiments.v1.experiment_service_pb2_grpc import ExperimentServiceStub
    from voicearena.experiments.v1.listening_service_pb2_grpc import ListeningServiceStub
    from voicearena.experiments.v1.results_pb2 import Results
    from voicearena.experiments.v1.webhook_service_pb2_grpc import WebhookServiceStub
    from voicearena.mesh.v1.mesh_service_pb2 import GetStatusResponse
    from voicearena.tts.v1.tts_pb2 import Provider, Voice
    from voicearena.tts.v1.tts_service_pb2 import SynthesizeSpeechRequest

CALL_SECONDS = 15.0
SPEECH_SECONDS = 120.0
# A watch is opened anew this often: a stream that died without a word is noticed no later.
STREAM_SECONDS = 120.0
PAGE_SIZE = 100
# A key may make more calls after a second, says the gateway; a command of many calls waits for it.
RATE_LIMIT_SECONDS = 1.0
RATE_LIMIT_TRIES = 10
# A list longer than this many pages is cut rather than fetched for ever from a server that repeats itself.
MAX_PAGES = 200

Item = TypeVar("Item")
Request = TypeVar("Request")
Response = TypeVar("Response")


class ArenaClient:
    """One connection to a gateway, for one caller. Use it as a context manager; it connects at the first call."""

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

    def health(self, timeout: float = CALL_SECONDS) -> None:
        """Returns when every service is serving."""
        from voicearena.mesh.v1 import mesh_service_pb2, mesh_service_pb2_grpc

        stub = mesh_service_pb2_grpc.MeshServiceStub(self._connected())
        self.call(stub.GetHealth, mesh_service_pb2.GetHealthRequest(), timeout)

    def status(self) -> GetStatusResponse:
        """How each service is, and whether it keeps up."""
        from voicearena.mesh.v1 import mesh_service_pb2, mesh_service_pb2_grpc

        stub = mesh_service_pb2_grpc.MeshServiceStub(self._connected())
        return self.call(stub.GetStatus, mesh_service_pb2.GetStatusRequest())

    def register_developer(self, name: str, email: str) -> RegisterDeveloperResponse:
        """Creates a developer with a first API key."""
        from voicearena.auth.v1 import auth_service_pb2, auth_service_pb2_grpc

        stub = auth_service_pb2_grpc.AuthServiceStub(self._connected())
        return self.call(stub.RegisterDeveloper, auth_service_pb2.RegisterDeveloperRequest(name=name, email=email))

    def current_developer(self) -> Developer:
        """The developer whose key this client sends."""
        from voicearena.auth.v1 import auth_service_pb2, auth_service_pb2_grpc

        stub = auth_service_pb2_grpc.AuthServiceStub(self._connected())
        return self.call(stub.GetCurrentDeveloper, auth_service_pb2.GetCurrentDeveloperRequest())

    def providers(self) -> Sequence[Provider]:
        """Every provider, those that can't be used now too."""
        from voicearena.tts.v1 import tts_service_pb2, tts_service_pb2_grpc

        stub = tts_service_pb2_grpc.TtsServiceStub(self._connected())
        return self.call(stub.ListProviders, tts_service_pb2.ListProvidersRequest()).providers

    def voices(self, provider: str = "") -> list[Voice]:
        """All voices, or all of one provider."""
        from voicearena.tts.v1 import tts_service_pb2, tts_service_pb2_grpc

        stub = tts_service_pb2_grpc.TtsServiceStub(self._connected())

        def page(token: str) -> tuple[Sequence[Voice], str]:
            request = tts_service_pb2.ListVoicesRequest(provider=provider, page_size=PAGE_SIZE, page_token=token)
            response = self.call(stub.ListVoices, request)
            return response.voices, response.next_page_token

        return every_page(page)

    def voice_models(self) -> list[VoiceModel]:
        """The catalogue's entries that new experiments may use."""
        from voicearena.elo.v1 import elo_service_pb2, elo_service_pb2_grpc

        stub = elo_service_pb2_grpc.EloServiceStub(self._connected())

        def page(token: str) -> tuple[Sequence[VoiceModel], str]:
            request = elo_service_pb2.ListVoiceModelsRequest(active_only=True, page_size=PAGE_SIZE, page_token=token)
            response = self.call(stub.ListVoiceModels, request)
            return response.models, response.next_page_token

        return every_page(page)

    def create_voice_model(self, request: CreateVoiceModelRequest) -> VoiceModel:
        """Registers a voice model of the caller's own in the catalogue."""
        from voicearena.elo.v1 import elo_service_pb2_grpc

        return self.call(elo_service_pb2_grpc.EloServiceStub(self._connected()).CreateVoiceModel, request)

    def speech(self, request: SynthesizeSpeechRequest) -> Iterator[HttpBody]:
        """Speaks a text; the audio comes in chunks as it is made."""
        from voicearena.tts.v1 import tts_service_pb2_grpc

        stub = tts_service_pb2_grpc.TtsServiceStub(self._connected())
        return self.stream(stub.SynthesizeSpeech, request, SPEECH_SECONDS)

    def create_experiment(self, request: CreateExperimentRequest) -> Experiment:
        """Plans an experiment."""
        return self.call(self.experiment_stub.CreateExperiment, request)

    def experiment(self, experiment_id: str) -> Experiment:
        """One experiment."""
        from voicearena.experiments.v1.experiment_service_pb2 import GetExperimentRequest

        return self.call(self.experiment_stub.GetExperiment, GetExperimentRequest(id=experiment_id))

    def run_experiment(self, experiment_id: str) -> Experiment:
        """Starts an experiment."""
        from voicearena.experiments.v1.experiment_service_pb2 import RunExperimentRequest

        return self.call(self.experiment_stub.RunExperiment, RunExperimentRequest(id=experiment_id))

    def experiments(self, status: str = "", scenario: str = "", limit: int = PAGE_SIZE) -> list[Experiment]:
        """The caller's newest experiments, at most `limit`."""
        from voicearena.experiments.v1.experiment_pb2 import Experiment
        from voicearena.experiments.v1.experiment_service_pb2 import ListExperimentsRequest

        stub = self.experiment_stub
        wanted = Experiment.Status.Value(status or "status_unspecified")

        def page(token: str) -> tuple[Sequence[Experiment], str]:
            response = self.call(
                stub.ListExperiments,
                ListExperimentsRequest(
                    status=wanted, scenario=scenario, page_size=min(limit, PAGE_SIZE), page_token=token
                ),
            )
            return response.experiments, response.next_page_token

        return every_page(page, limit)

    def results(self, experiment_id: str, *, recompute: bool = False) -> Results:
        """The verdict of a completed experiment, reached again if wanted."""
        from voicearena.experiments.v1.experiment_service_pb2 import GetResultsRequest

        return self.call(self.experiment_stub.GetResults, GetResultsRequest(id=experiment_id, recompute=recompute))

    def trials(self, experiment_id: str) -> list[Trial]:
        """All trials of an experiment, by prompt, then in the order of its models."""
        from voicearena.experiments.v1.experiment_service_pb2 import ListTrialsRequest

        stub = self.experiment_stub

        def page(token: str) -> tuple[Sequence[Trial], str]:
            request = ListTrialsRequest(id=experiment_id, page_size=PAGE_SIZE, page_token=token)
            response = self.call(stub.ListTrials, request)
            return response.trials, response.next_page_token

        return every_page(page)

    def watch_experiment(
        self, experiment_id: str, timeout: float = STREAM_SECONDS
    ) -> Iterator[WatchExperimentResponse]:
        """One stream of an experiment's progress; `watching.follow` opens it again after a drop."""
        from voicearena.experiments.v1.experiment_service_pb2 import WatchExperimentRequest

        request = WatchExperimentRequest(id=experiment_id)
        return self.stream(self.experiment_stub.WatchExperiment, request, min(timeout, STREAM_SECONDS))

    def audio(self, name: str) -> bytes:
        """Stored audio of the caller's own, by its name in the store."""
        from voicearena.tts.v1 import tts_service_pb2, tts_service_pb2_grpc

        stub = tts_service_pb2_grpc.TtsServiceStub(self._connected())
        chunks = self.stream(stub.GetAudio, tts_service_pb2.GetAudioRequest(name=name), SPEECH_SECONDS)
        return b"".join(chunk.data for chunk in chunks)

    @property
    def auth_stub(self) -> AuthServiceStub:
        """API keys."""
        from voicearena.auth.v1 import auth_service_pb2_grpc

        return auth_service_pb2_grpc.AuthServiceStub(self._connected())

    @property
    def experiment_stub(self) -> ExperimentServiceStub:
        """Experiments."""
        from voicearena.experiments.v1 import experiment_service_pb2_grpc

        return experiment_service_pb2_grpc.ExperimentServiceStub(self._connected())

    @property
    def webhook_stub(self) -> WebhookServiceStub:
        """Webhook endpoints and deliveries."""
        from voicearena.experiments.v1 import webhook_service_pb2_grpc

        return webhook_service_pb2_grpc.WebhookServiceStub(self._connected())

    @property
    def listening_stub(self) -> ListeningServiceStub:
        """Listening links."""
        from voicearena.experiments.v1 import listening_service_pb2_grpc

        return listening_service_pb2_grpc.ListeningServiceStub(self._connected())

    def _connected(self) -> grpc.Channel:
        import grpc

        if self._channel is None:
            options: list[tuple[str, int]] = [("grpc.keepalive_time_ms", 30_000), ("grpc.keepalive_timeout_ms", 10_000)]
            if self.address.is_this_machine:
                # A proxy that the environment names can't reach this machine's own ports.
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
        self, method: grpc.UnaryUnaryMultiCallable[Request, Response], request: Request, timeout: float = CALL_SECONDS
    ) -> Response:
        """Makes a call of any stub and returns its answer; CliError says in people's words what failed."""
        import grpc

        for left in reversed(range(RATE_LIMIT_TRIES)):
            try:
                return method(request, timeout=timeout, metadata=self._metadata())
            except grpc.RpcError as error:
                self._wait_or_raise(from_rpc(error, str(self.address)), left)
        raise AssertionError("the last try returns or raises")

    def stream(
        self, method: grpc.UnaryStreamMultiCallable[Request, Response], request: Request, timeout: float
    ) -> Iterator[Response]:
        """Yields the answers of a streaming call of any stub, which ends with the generator; CliError as for `call`."""
        import grpc

        # A call over the limit is refused before its first answer, so none is yielded twice.
        for left in reversed(range(RATE_LIMIT_TRIES)):
            call = method(request, timeout=timeout, metadata=self._metadata())
            try:
                yield from call
            except grpc.RpcError as error:
                self._wait_or_raise(from_rpc(error, str(self.address)), left)
            else:
                return
            finally:
                call.cancel()

    def _wait_or_raise(self, error: CliError, tries_left: int) -> None:
        """Waits for the limit of calls to give way; raises any other error, and this one after many tries."""
        if error.reason != "RATE_LIMITED" or not tries_left:
            raise error
        time.sleep(RATE_LIMIT_SECONDS)


def every_page(page: Callable[[str], tuple[Sequence[Item], str]], limit: int | None = None) -> list[Item]:
    """Fetches page after page, each named by the token of the one before, until the last or until `limit` items."""
    items: list[Item] = []
    token = ""
    for _ in range(MAX_PAGES):
        more, token = page(token)
        items += more
        if not token or (limit is not None and len(items) >= limit):
            return items[:limit]
    raise CliError(f"The list goes on after {MAX_PAGES} pages.", ExitCode.UNEXPECTED, hint="Narrow it with an option.")
