"""Calls to the public API through the gateway."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, BinaryIO

from gateway.cli.connection import CALL_TIMEOUT_SECONDS, PAGE_SIZE, Connection

if TYPE_CHECKING:
    from google.api.httpbody_pb2 import HttpBody
    from voicearena.auth.v1.auth_pb2 import ApiKey, Developer
    from voicearena.auth.v1.auth_service_pb2 import CreateVoterResponse, RegisterDeveloperResponse
    from voicearena.auth.v1.auth_service_pb2_grpc import AuthServiceStub
    from voicearena.elo.v1.battle_service_pb2_grpc import BattleServiceStub
    from voicearena.elo.v1.elo_pb2 import VoiceModel
    from voicearena.elo.v1.elo_service_pb2 import CreateVoiceModelRequest
    from voicearena.elo.v1.elo_service_pb2_grpc import EloServiceStub
    from voicearena.elo.v1.leaderboard_service_pb2_grpc import LeaderboardServiceStub
    from voicearena.elo.v1.scenario_service_pb2_grpc import ScenarioServiceStub
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

SPEECH_TIMEOUT_SECONDS = 120.0
# As long as the gateway waits for the end of an upload.
UPLOAD_TIMEOUT_SECONDS = 300.0
UPLOAD_PIECE_BYTES = 512 * 1024
# A watch is opened again after this time, so that a stream that died silently is noticed.
MAX_STREAM_SECONDS = 120.0


class ArenaClient(Connection):
    """The calls that the command line makes."""

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

    def voice_model(self, model_id: str) -> VoiceModel:
        """Returns one voice model."""
        from voicearena.elo.v1.elo_service_pb2 import GetVoiceModelRequest

        return self.call(self.elo_stub.GetVoiceModel, GetVoiceModelRequest(id=model_id))

    def create_voice_model(self, request: CreateVoiceModelRequest) -> VoiceModel:
        """Registers a voice model that belongs to the caller in the catalogue."""
        return self.call(self.elo_stub.CreateVoiceModel, request)

    def speech(self, request: SynthesizeSpeechRequest) -> Iterator[HttpBody]:
        """Speaks a text and yields the audio in chunks as they arrive."""
        return self.stream(self.tts_stub.SynthesizeSpeech, request, SPEECH_TIMEOUT_SECONDS)

    def create_voter(self) -> CreateVoterResponse:
        """Creates an anonymous voter's session."""
        from voicearena.auth.v1.auth_service_pb2 import CreateVoterRequest

        return self.call(self.auth_stub.CreateVoter, CreateVoterRequest())

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
        from voicearena.scoring.v1.evaluation_service_pb2 import UploadEvaluationRequest

        def messages() -> Iterator[UploadEvaluationRequest]:
            file.seek(0)
            yield UploadEvaluationRequest(request=request)
            while piece := file.read(UPLOAD_PIECE_BYTES):
                yield UploadEvaluationRequest(audio=piece)

        return self.send(self.evaluation_stub.UploadEvaluation, messages, UPLOAD_TIMEOUT_SECONDS)

    def evaluation(self, evaluation_id: str) -> Evaluation:
        """Returns an evaluation with its steps and metrics, also that of a trial."""
        from voicearena.scoring.v1.scoring_service_pb2 import GetEvaluationRequest

        return self.call(self.scoring_stub.GetEvaluation, GetEvaluationRequest(id=evaluation_id))

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

    @property
    def mesh_stub(self) -> MeshServiceStub:
        """Health and status of the mesh."""
        from voicearena.mesh.v1.mesh_service_pb2_grpc import MeshServiceStub

        return MeshServiceStub(self.channel())

    @property
    def auth_stub(self) -> AuthServiceStub:
        """Developers and API keys."""
        from voicearena.auth.v1.auth_service_pb2_grpc import AuthServiceStub

        return AuthServiceStub(self.channel())

    @property
    def tts_stub(self) -> TtsServiceStub:
        """Providers, voices and speech."""
        from voicearena.tts.v1.tts_service_pb2_grpc import TtsServiceStub

        return TtsServiceStub(self.channel())

    @property
    def elo_stub(self) -> EloServiceStub:
        """The catalogue."""
        from voicearena.elo.v1.elo_service_pb2_grpc import EloServiceStub

        return EloServiceStub(self.channel())

    @property
    def battle_stub(self) -> BattleServiceStub:
        """Battles and votes."""
        from voicearena.elo.v1.battle_service_pb2_grpc import BattleServiceStub

        return BattleServiceStub(self.channel())

    @property
    def scenario_stub(self) -> ScenarioServiceStub:
        """Scenarios of battles."""
        from voicearena.elo.v1.scenario_service_pb2_grpc import ScenarioServiceStub

        return ScenarioServiceStub(self.channel())

    @property
    def leaderboard_stub(self) -> LeaderboardServiceStub:
        """Published boards."""
        from voicearena.elo.v1.leaderboard_service_pb2_grpc import LeaderboardServiceStub

        return LeaderboardServiceStub(self.channel())

    @property
    def scoring_stub(self) -> ScoringServiceStub:
        """Metrics."""
        from voicearena.scoring.v1.scoring_service_pb2_grpc import ScoringServiceStub

        return ScoringServiceStub(self.channel())

    @property
    def evaluation_stub(self) -> EvaluationServiceStub:
        """Evaluations of recordings."""
        from voicearena.scoring.v1.evaluation_service_pb2_grpc import EvaluationServiceStub

        return EvaluationServiceStub(self.channel())

    @property
    def experiment_stub(self) -> ExperimentServiceStub:
        """Experiments."""
        from voicearena.experiments.v1.experiment_service_pb2_grpc import ExperimentServiceStub

        return ExperimentServiceStub(self.channel())

    @property
    def webhook_stub(self) -> WebhookServiceStub:
        """Webhook endpoints and deliveries."""
        from voicearena.experiments.v1.webhook_service_pb2_grpc import WebhookServiceStub

        return WebhookServiceStub(self.channel())

    @property
    def listening_stub(self) -> ListeningServiceStub:
        """Listening links."""
        from voicearena.experiments.v1.listening_service_pb2_grpc import ListeningServiceStub

        return ListeningServiceStub(self.channel())
