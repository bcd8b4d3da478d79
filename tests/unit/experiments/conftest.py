"""The experiments service's use cases over a store in memory."""

import dataclasses
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest

from services.experiments.domain import EvalMode, ModelSpec, Trial
from services.experiments.planning.domain import Plan, PlanRules, ResolvedModels
from services.experiments.planning.profile_choice import Metrics, TrialMetric
from services.experiments.planning.usecases import Planning
from services.experiments.results.usecases import Reading
from services.experiments.running import clips as trial_clips
from services.experiments.running.feed import WatchUpdate
from services.experiments.running.finishing import Finishing
from services.experiments.running.watching import WatchExperiment
from services.experiments.tables import CHANGED
from services.experiments.webhooks.publisher import WebhookPublisher
from services.experiments.webhooks.secret_box import SecretBox
from services.experiments.webhooks.ssrf_guard.policy import SsrfPolicy
from services.experiments.webhooks.usecases import WebhookEndpoints
from services.runtime.changes import Changes
from services.runtime.errors import FieldViolation, InvalidInput
from services.runtime.identity import Caller, Identity, set_caller
from services.runtime.pages import Pages
from services.shared.clips.dispatching import Dispatcher
from services.shared.clips.progress import Progress
from services.shared.metrics import METRICS, Measurements, Source
from tests.fakes.memory_clip_store import MemoryClipStore
from tests.fakes.memory_database import MemoryDatabase
from tests.fakes.memory_experiments_store import MemoryExperimentsStore
from tests.fakes.memory_lifecycle_store import MemoryLifecycleStore
from tests.fakes.memory_listening_store import MemoryListeningStore
from tests.fakes.memory_queue_store import MemoryQueueStore
from tests.fakes.memory_vote_store import MemoryVoteStore
from tests.fakes.memory_webhook_store import MemoryWebhookStore

SYNTHESIS = Measurements(duration_seconds=2.0, ttfb_ms=100.0, generation_time_ms=300.0, ttfa_ms=110.0)
SIGNAL = Measurements(silence_ratio=0.2, trailing_silence_ms=5.0, peak=0.5, clipping_ratio=0.0, dc_offset=0.0)
HEARTBEAT_SECONDS = 30.0


class MemoryCatalogue:
    """A catalogue of voices in memory. A spec without a voice means the provider's first voice."""

    def __init__(self) -> None:
        self.voices = {"espeak": ["en", "de"], "flite": ["slt"]}
        self.model_id = ""
        self.parameters: dict[str, Any] = {}
        self.limits: dict[str, int] = {}
        """The longest text of a provider, if known."""
        self.languages: dict[str, str] = {}
        """The language of a voice, if known."""

    async def resolve(self, specs: Sequence[ModelSpec]) -> ResolvedModels:
        resolved = []
        for index, spec in enumerate(specs):
            voices = self.voices.get(spec.provider, [])
            voice_id = spec.voice_id or next(iter(voices), "")
            if voice_id not in voices:
                raise InvalidInput.of(FieldViolation(f"models[{index}].voice_id", "must be a voice in the catalogue"))
            resolved.append(dataclasses.replace(spec, voice_id=voice_id, model_id=self.model_id, **self.parameters))
        return ResolvedModels(
            resolved,
            [self.limits.get(spec.provider, 0) for spec in resolved],
            [self.languages.get(spec.voice_id, "") for spec in resolved],
        )


class MemoryMetrics:
    """What scoring says about the metrics of trials: nothing listens, until a test says otherwise."""

    MISSING = "The package listener is not installed. `make listening` installs it."

    def __init__(self) -> None:
        self.names: set[str] = set()
        """Those that can be measured by listening."""
        self.languages = frozenset({"en"})
        """The languages in which word errors and prosody can be measured."""
        self.audit_failures: dict[str, str] = {}

    async def trial_metrics(self) -> Metrics:
        return {
            name: TrialMetric(
                name,
                available=name in self.names,
                requirement="" if name in self.names else self.MISSING,
                languages=self.languages if name in ("word_error_rate", "prosody_score") else frozenset(),
                audit_failure=self.audit_failures.get(name, ""),
            )
            for name in (metric.name for metric in METRICS if metric.source is Source.LISTENING)
        }


class World:
    """The use cases over stores in memory, and shortcuts for tests."""

    def __init__(self) -> None:
        self.database = MemoryDatabase("experiments")
        self.store = MemoryExperimentsStore()
        self.clips = MemoryClipStore()
        self.catalogue = MemoryCatalogue()
        self.changes = Changes(self.database, CHANGED)
        self.webhook_store = MemoryWebhookStore()
        self.endpoints = WebhookEndpoints(
            self.database, self.webhook_store, SecretBox("a secret"), Pages("a secret"), SsrfPolicy()
        )
        publisher = WebhookPublisher(self.database, self.webhook_store, "https://arena.example.com")
        self.listening = MemoryListeningStore()
        self.finishing = Finishing(self.store, self.clips, self.listening, MemoryVoteStore(), publisher)
        self.metrics = MemoryMetrics()
        self.rules = PlanRules(max_running=3, max_unfinished=50)
        self.dispatcher = Dispatcher(self.database, MemoryQueueStore(), trial_clips.USER)
        self.planning = Planning(
            self.database,
            self.store,
            self.catalogue,
            self.metrics,
            self.finishing,
            self.endpoints,
            self.dispatcher,
            self.rules,
        )
        self.progress = Progress(
            self.database,
            self.clips,
            self.dispatcher,
            trial_clips.USER,
            trial_clips.on_end(self.store, self.finishing),
        )
        self.reading = Reading(self.database, self.store, Pages("a secret"))
        self.lifecycle_store = MemoryLifecycleStore()
        self.following = WatchExperiment(
            self.database,
            self.store,
            self.lifecycle_store,
            self.changes,
            HEARTBEAT_SECONDS,
            lambda seen: seen,
        )
        self._events = 0

    def plan(self, **changed: object) -> Plan:
        plain = Plan(
            name="a comparison",
            scenario="general",
            eval_mode=EvalMode.AUTOMATED,
            models=[ModelSpec("espeak", "en"), ModelSpec("flite", "slt")],
            prompts=["Hello."],
            webhook_url="",
            request_id="",
        )
        return dataclasses.replace(plain, **changed)  # type: ignore[arg-type]

    async def start(self, **changed: object) -> tuple[str, list[Trial]]:
        """Runs a new experiment. Returns its id and trials."""
        experiment = await self.planning.create(self.plan(**changed))
        await self.planning.run(experiment.id)
        return experiment.id, await self.trials(experiment.id)

    async def trials(self, experiment_id: str) -> list[Trial]:
        async with self.database.reading() as connection:
            return list(await self.store.trials(connection, experiment_id))

    def event_id(self) -> str:
        """Returns a new event id."""
        self._events += 1
        return f"evt_{self._events}"

    async def speak(self, trial: Trial) -> None:
        """Reports that the trial's audio is synthesized."""
        await self.progress.synthesized(self.event_id(), trial.id, trial.attempts, f"{trial.id}.wav", SYNTHESIS)

    async def score(self, trial: Trial) -> None:
        """Reports that the trial's audio is measured."""
        await self.progress.evaluated(self.event_id(), trial.id, 1, SIGNAL)

    async def finish(self, *trials: Trial) -> None:
        """Reports both steps of the trials."""
        for trial in trials:
            await self.speak(trial)
            await self.score(trial)

    @asynccontextmanager
    async def watching(self, experiment_id: str) -> AsyncIterator[AsyncIterator[WatchUpdate]]:
        """Watches an experiment."""
        async with aclosing(self.following.watch(experiment_id)) as seen:  # type: ignore[type-var]
            yield seen


def call_as(developer_id: str) -> None:
    set_caller(Caller(Identity(developer_id, frozenset()), "a token"))


@pytest.fixture
def world() -> Iterator[World]:
    call_as("dev_a")
    yield World()
    set_caller(None)
