"""The dispatcher: which experiment gets a slot at a provider, and that no slot stays free while trials wait."""

import asyncio
import dataclasses
import heapq
from collections.abc import Callable
from datetime import timedelta

import pytest
from prometheus_client import REGISTRY
from sqlalchemy.exc import OperationalError
from voicearena.tts.v1.events_pb2 import SynthesisRequested

from services.experiments.domain import ModelSpec, Trial, TrialStatus
from services.runtime.clock import now
from services.shared.clips import dispatching
from services.shared.clips.queue_store import Provider
from services.shared.metrics import Measurements
from tests.fakes.memory_database import table
from tests.unit.experiments.conftest import World

PROMPTS = [f"Prompt {number}." for number in range(20)]
DOWN = OperationalError("select", {}, ConnectionError("no PostgreSQL"))


class SimulatedProviders:
    """Simulates the results of providers and scoring in order of time, without waiting."""

    def __init__(self, world: World, seconds: Callable[[Trial], float]) -> None:
        self.world = world
        self.ends: dict[str, float] = {}
        """When the synthesis of each trial ended, in seconds."""
        self.max_concurrent: dict[str, int] = {}
        self.failing: set[str] = set()
        """The providers whose every synthesis fails."""
        self._seconds = seconds
        self._now = 0.0
        self._in_progress: list[tuple[float, str]] = []
        self._seen: set[str] = set()

    async def play(self, until: Callable[[], bool] = lambda: False) -> None:
        """Answers requests until none is in progress, or until `until` returns true."""
        await self._take_requests()
        while self._in_progress and not until():
            self._now, trial_id = heapq.heappop(self._in_progress)
            trial = await self._trial(trial_id)
            if trial.provider in self.failing:
                await self.world.progress.failed(
                    self.world.event_id(), trial.id, 1, TrialStatus.SYNTHESIZING, "no", kind="provider_unavailable"
                )
            else:
                await self.world.speak(trial)
                await self.world.score(trial)
            self.ends[trial.id] = self._now
            await self._take_requests()

    async def _take_requests(self) -> None:
        concurrent: dict[str, int] = {}
        for request in self.world.database.published():
            if isinstance(request, SynthesisRequested) and request.job_id not in self._seen:
                self._seen.add(request.job_id)
                trial = await self._trial(request.job_id)
                heapq.heappush(self._in_progress, (self._now + self._seconds(trial), trial.id))
        for _, trial_id in self._in_progress:
            provider = (await self._trial(trial_id)).provider
            concurrent[provider] = concurrent.get(provider, 0) + 1
        for provider, count in concurrent.items():
            self.max_concurrent[provider] = max(count, self.max_concurrent.get(provider, 0))

    async def _trial(self, trial_id: str) -> Trial:
        async with self.world.database.reading() as connection:
            trial: Trial = table(connection, "trials")[trial_id]
        return trial

    async def end_of(self, experiment_id: str) -> float:
        """Returns when the last synthesis of an experiment ended. Asserts that all its trials have ended."""
        trials = await self.world.trials(experiment_id)
        assert all(trial.status.ended for trial in trials)
        return max(self.ends[trial.id] for trial in trials)


def hosted(name: str, slots: int) -> Provider:
    return Provider(id=name, max_concurrency=slots, local=False)


async def add_providers(world: World, *providers: Provider) -> None:
    for provider in providers:
        world.catalogue.voices[provider.id] = ["a", "b", "c", "d"]
        await world.dispatcher.record_provider(provider, now())


def four_voices(provider: str) -> list[ModelSpec]:
    return [ModelSpec(provider, voice) for voice in "abcd"]


async def test_a_small_experiment_behind_a_large_one_takes_about_as_long_as_its_own_work(world: World) -> None:
    await add_providers(world, hosted("acme", 4))
    providers = SimulatedProviders(world, lambda trial: 1.0)
    large, _ = await world.start(models=four_voices("acme"), prompts=PROMPTS)
    small, _ = await world.start(models=four_voices("acme")[:2], prompts=["Hello."])
    await providers.play()
    # All four slots are taken when the small experiment starts. It gets two of the four that become free after 1 s.
    assert await providers.end_of(small) == 2.0
    assert await providers.end_of(large) == 21.0
    assert providers.max_concurrent == {"acme": 4}


async def test_experiments_of_equal_size_get_equal_shares(world: World) -> None:
    await add_providers(world, hosted("acme", 3))
    providers = SimulatedProviders(world, lambda trial: 1.0)
    ids = [(await world.start(models=four_voices("acme"), prompts=PROMPTS[:5]))[0] for _ in range(3)]
    await providers.play()
    ends = [await providers.end_of(each) for each in ids]
    assert max(ends) - min(ends) <= 2.0
    assert max(ends) == 20.0


async def test_slots_that_one_experiment_does_not_need_go_to_others(world: World) -> None:
    await add_providers(world, hosted("acme", 4))
    providers = SimulatedProviders(world, lambda trial: 1.0)
    small, _ = await world.start(models=four_voices("acme")[:2], prompts=["Hello."])
    large, _ = await world.start(models=four_voices("acme"), prompts=PROMPTS)
    await providers.play()
    assert await providers.end_of(small) == 1.0
    assert await providers.end_of(large) == 21.0


async def test_a_slow_provider_does_not_delay_another(world: World) -> None:
    await add_providers(world, hosted("slow", 2), hosted("quick", 2))
    providers = SimulatedProviders(world, lambda trial: 10.0 if trial.provider == "slow" else 1.0)
    _, trials = await world.start(models=[ModelSpec("slow", "a"), ModelSpec("quick", "a")], prompts=PROMPTS)
    await providers.play()
    ends = {name: max(providers.ends[t.id] for t in trials if t.provider == name) for name in ("slow", "quick")}
    assert ends == {"slow": 100.0, "quick": 10.0}


async def test_a_failing_provider_does_not_delay_another(world: World) -> None:
    await add_providers(world, hosted("failing", 1), hosted("quick", 2))
    providers = SimulatedProviders(world, lambda trial: 5.0 if trial.provider == "failing" else 1.0)
    providers.failing = {"failing"}
    experiment_id, trials = await world.start(
        models=[ModelSpec("failing", "a"), ModelSpec("quick", "a")], prompts=PROMPTS
    )
    await providers.play()
    assert max(providers.ends[t.id] for t in trials if t.provider == "quick") == 10.0
    experiment = await world.reading.get(experiment_id)
    assert (experiment.completed_trials, experiment.failed_trials) == (20, 20)


async def test_uneven_synthesis_times_end_close_to_the_possible_minimum(world: World) -> None:
    await add_providers(world, hosted("acme", 2))
    # Pseudo-random times from 1 to 4 seconds, the same in each run.
    providers = SimulatedProviders(world, lambda trial: 1 + (trial.prompt_index * 7 + trial.model_index * 13) % 31 / 10)
    _, trials = await world.start(models=four_voices("acme"), prompts=PROMPTS)
    await providers.play()
    work = sum(1 + (t.prompt_index * 7 + t.model_index * 13) % 31 / 10 for t in trials)
    assert max(providers.ends.values()) <= 1.05 * work / 2


async def test_cancelling_gives_slots_to_others_at_once(world: World) -> None:
    await add_providers(world, hosted("acme", 2))
    first, _ = await world.start(models=four_voices("acme"), prompts=["One."])
    second, trials = await world.start(models=four_voices("acme"), prompts=["One."])
    assert {trial.status for trial in trials} == {TrialStatus.PENDING}
    await world.planning.cancel(first)
    statuses = sorted(trial.status for trial in await world.trials(second))
    assert statuses == [TrialStatus.PENDING] * 2 + [TrialStatus.SYNTHESIZING] * 2


async def test_a_higher_concurrency_of_a_provider_is_used_at_once(world: World) -> None:
    world.catalogue.voices["acme"] = list("abcd")
    experiment_id, _ = await world.start(models=four_voices("acme"), prompts=["One.", "Two."])

    async def asked() -> int:
        return [t.status for t in await world.trials(experiment_id)].count(TrialStatus.SYNTHESIZING)

    assert await asked() == dispatching.UNKNOWN_CONCURRENCY
    await world.dispatcher.record_provider(hosted("acme", 5), now())
    assert await asked() == 5
    # Older information changes nothing.
    await world.dispatcher.record_provider(hosted("acme", 8), now() - timedelta(minutes=1))
    assert await asked() == 5


async def test_a_share_in_a_result_leaves_the_other_slots_to_other_requesters(world: World) -> None:
    await add_providers(world, hosted("acme", 3))
    experiment_id, _ = await world.start(models=four_voices("acme"), prompts=["One.", "Two.", "Three."])

    async def in_flight() -> list[Trial]:
        return [t for t in await world.trials(experiment_id) if t.status is TrialStatus.SYNTHESIZING]

    first, second, third = await in_flight()
    await world.progress.synthesized(world.event_id(), first.id, 1, "a.wav", Measurements(), share=1)
    failed = {"kind": "timed_out", "share": 1}
    await world.progress.failed(world.event_id(), second.id, 1, TrialStatus.SYNTHESIZING, "no", **failed)  # type: ignore[arg-type]
    assert await in_flight() == [third]
    # Polling keeps to the share. A result with a larger share takes effect at once.
    await world.dispatcher.release_all()
    assert await in_flight() == [third]
    await world.progress.failed(
        world.event_id(), third.id, 1, TrialStatus.SYNTHESIZING, "no", kind="timed_out", share=3
    )
    assert len(await in_flight()) == 3


async def test_trials_that_a_crash_left_waiting_are_found_by_polling(world: World) -> None:
    world.catalogue.voices["acme"] = list("abcd")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(world.dispatcher, "release", nothing)
        experiment_id, trials = await world.start(models=four_voices("acme"), prompts=["One."])
    assert {trial.status for trial in trials} == {TrialStatus.PENDING}
    await world.dispatcher.release_all()
    statuses = [trial.status for trial in await world.trials(experiment_id)]
    assert statuses.count(TrialStatus.SYNTHESIZING) == dispatching.UNKNOWN_CONCURRENCY


async def nothing(*_: object) -> int:
    return 0


async def test_polling_updates_the_gauges_of_unfinished_trials(world: World) -> None:
    world.catalogue.voices["acme"] = list("abcd")
    await world.start(models=four_voices("acme"), prompts=["One."])
    await world.dispatcher.release_all()
    labels = {"provider": "acme", "status": "pending"}
    assert REGISTRY.get_sample_value("voicearena_trials_unfinished", labels) == 2
    labels["status"] = "synthesizing"
    assert REGISTRY.get_sample_value("voicearena_trials_unfinished", labels) == 2
    waited = REGISTRY.get_sample_value("voicearena_trials_longest_wait_seconds", {"provider": "acme"})
    assert waited is not None
    assert 0 <= waited < 5


async def test_an_experiment_runs_although_no_trial_can_be_released_now(world: World) -> None:
    made = await world.planning.create(world.plan())
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(world.dispatcher._store, "release", raising)
        await world.planning.run(made.id)
        assert await world.dispatcher.release(["espeak"]) == 0
    assert await world.dispatcher.release(["espeak", "flite", "espeak"]) == 2


async def raising(*_: object, **__: object) -> int:
    raise DOWN


async def test_simultaneous_releases_are_combined(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await add_providers(world, hosted("acme", 1))
    await world.start(models=four_voices("acme"), prompts=["One."])
    calls = counting(world, monkeypatch)
    await asyncio.gather(*(world.dispatcher.release(["acme"]) for _ in range(50)))
    assert calls.times == 1


async def test_a_release_requested_during_another_one_follows_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await add_providers(world, hosted("acme", 1))
    await world.start(models=four_voices("acme"), prompts=["One."])
    calls = counting(world, monkeypatch)
    proceed = asyncio.Event()
    calls.hold = proceed
    first = asyncio.create_task(world.dispatcher.release(["acme"]))
    await calls.began.wait()
    others = [asyncio.create_task(world.dispatcher.release(["acme"])) for _ in range(10)]
    proceed.set()
    await asyncio.gather(first, *others)
    assert calls.times == 2


@dataclasses.dataclass
class ReleaseCalls:
    """Counts the store's releases, and can hold them up."""

    times: int = 0
    began: asyncio.Event = dataclasses.field(default_factory=asyncio.Event)
    hold: asyncio.Event | None = None


def counting(world: World, monkeypatch: pytest.MonkeyPatch) -> ReleaseCalls:
    calls = ReleaseCalls()
    release = world.dispatcher._store.release

    async def counted(connection: object, provider: str, *args: object, **options: object) -> object:
        calls.times += 1
        calls.began.set()
        if calls.hold is not None:
            await calls.hold.wait()
        return await release(connection, provider, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(world.dispatcher._store, "release", counted)
    return calls
