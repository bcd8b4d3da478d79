"""The dispatcher: who gets a place at a provider, and that nobody waits for a place that is free."""

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
from tests.unit.experiments.conftest import Desk

PROMPTS = [f"Prompt {number}." for number in range(20)]
DOWN = OperationalError("select", {}, ConnectionError("no PostgreSQL"))


class Theatre:
    """Plays what providers and scoring would answer, in order of time, without waiting for it."""

    def __init__(self, desk: Desk, seconds: Callable[[Trial], float]) -> None:
        self.desk = desk
        self.ends: dict[str, float] = {}
        """When each trial's speech was there."""
        self.most_at_once: dict[str, int] = {}
        self.failing: set[str] = set()
        """Providers that fail everything."""
        self._seconds = seconds
        self._now = 0.0
        self._under_way: list[tuple[float, str]] = []
        self._asked: set[str] = set()

    async def play(self, until: Callable[[], bool] = lambda: False) -> None:
        """Answers what has been asked for until nothing is under way, or as said."""
        await self._ask()
        while self._under_way and not until():
            self._now, trial_id = heapq.heappop(self._under_way)
            trial = await self._trial(trial_id)
            if trial.provider in self.failing:
                await self.desk.progress.failed(
                    self.desk.event_id(), trial.id, 1, TrialStatus.SYNTHESIZING, "no", kind="provider_unavailable"
                )
            else:
                await self.desk.speak(trial)
                await self.desk.score(trial)
            self.ends[trial.id] = self._now
            await self._ask()

    async def _ask(self) -> None:
        at_once: dict[str, int] = {}
        for request in self.desk.database.published():
            if isinstance(request, SynthesisRequested) and request.job_id not in self._asked:
                self._asked.add(request.job_id)
                trial = await self._trial(request.job_id)
                heapq.heappush(self._under_way, (self._now + self._seconds(trial), trial.id))
        for _, trial_id in self._under_way:
            provider = (await self._trial(trial_id)).provider
            at_once[provider] = at_once.get(provider, 0) + 1
        for provider, count in at_once.items():
            self.most_at_once[provider] = max(count, self.most_at_once.get(provider, 0))

    async def _trial(self, trial_id: str) -> Trial:
        async with self.desk.database.reading() as connection:
            trial: Trial = table(connection, "trials")[trial_id]
        return trial

    async def end_of(self, experiment_id: str) -> float:
        """Returns when an experiment's last speech was there; it has to be complete."""
        trials = await self.desk.trials(experiment_id)
        assert all(trial.status.ended for trial in trials)
        return max(self.ends[trial.id] for trial in trials)


def hosted(name: str, places: int) -> Provider:
    return Provider(id=name, max_concurrency=places, local=False)


async def know(desk: Desk, *providers: Provider) -> None:
    for provider in providers:
        desk.catalogue.voices[provider.id] = ["a", "b", "c", "d"]
        await desk.dispatcher.learn(provider, now())


def four_voices(provider: str) -> list[ModelSpec]:
    return [ModelSpec(provider, voice) for voice in "abcd"]


async def test_a_small_experiment_behind_a_large_one_takes_about_the_time_of_its_own_work(desk: Desk) -> None:
    await know(desk, hosted("acme", 4))
    theatre = Theatre(desk, lambda trial: 1.0)
    large, _ = await desk.start(models=four_voices("acme"), prompts=PROMPTS)
    small, _ = await desk.start(models=four_voices("acme")[:2], prompts=["Hello."])
    await theatre.play()
    # All four places are taken when it comes; two of the four that become free after a second are its own.
    assert await theatre.end_of(small) == 2.0
    assert await theatre.end_of(large) == 21.0
    assert theatre.most_at_once == {"acme": 4}


async def test_experiments_that_want_as_much_get_as_much(desk: Desk) -> None:
    await know(desk, hosted("acme", 3))
    theatre = Theatre(desk, lambda trial: 1.0)
    ids = [(await desk.start(models=four_voices("acme"), prompts=PROMPTS[:5]))[0] for _ in range(3)]
    await theatre.play()
    ends = [await theatre.end_of(each) for each in ids]
    assert max(ends) - min(ends) <= 2.0
    assert max(ends) == 20.0


async def test_a_place_that_somebody_does_not_need_is_given_to_others(desk: Desk) -> None:
    await know(desk, hosted("acme", 4))
    theatre = Theatre(desk, lambda trial: 1.0)
    small, _ = await desk.start(models=four_voices("acme")[:2], prompts=["Hello."])
    large, _ = await desk.start(models=four_voices("acme"), prompts=PROMPTS)
    await theatre.play()
    assert await theatre.end_of(small) == 1.0
    assert await theatre.end_of(large) == 21.0


async def test_a_slow_provider_delays_no_other(desk: Desk) -> None:
    await know(desk, hosted("slow", 2), hosted("quick", 2))
    theatre = Theatre(desk, lambda trial: 10.0 if trial.provider == "slow" else 1.0)
    _, trials = await desk.start(models=[ModelSpec("slow", "a"), ModelSpec("quick", "a")], prompts=PROMPTS)
    await theatre.play()
    ends = {name: max(theatre.ends[t.id] for t in trials if t.provider == name) for name in ("slow", "quick")}
    assert ends == {"slow": 100.0, "quick": 10.0}


async def test_a_failing_provider_delays_no_other(desk: Desk) -> None:
    await know(desk, hosted("failing", 1), hosted("quick", 2))
    theatre = Theatre(desk, lambda trial: 5.0 if trial.provider == "failing" else 1.0)
    theatre.failing = {"failing"}
    experiment_id, trials = await desk.start(
        models=[ModelSpec("failing", "a"), ModelSpec("quick", "a")], prompts=PROMPTS
    )
    await theatre.play()
    assert max(theatre.ends[t.id] for t in trials if t.provider == "quick") == 10.0
    experiment = await desk.reading.get(experiment_id)
    assert (experiment.completed_trials, experiment.failed_trials) == (20, 20)


async def test_uneven_times_come_close_to_the_least_that_is_possible(desk: Desk) -> None:
    await know(desk, hosted("acme", 2))
    # Times from 1 to 4 seconds, that look like chance and are the same each time.
    theatre = Theatre(desk, lambda trial: 1 + (trial.prompt_index * 7 + trial.model_index * 13) % 31 / 10)
    _, trials = await desk.start(models=four_voices("acme"), prompts=PROMPTS)
    await theatre.play()
    work = sum(1 + (t.prompt_index * 7 + t.model_index * 13) % 31 / 10 for t in trials)
    assert max(theatre.ends.values()) <= 1.05 * work / 2


async def test_cancelling_gives_places_to_others_at_once(desk: Desk) -> None:
    await know(desk, hosted("acme", 2))
    first, _ = await desk.start(models=four_voices("acme"), prompts=["One."])
    second, trials = await desk.start(models=four_voices("acme"), prompts=["One."])
    assert {trial.status for trial in trials} == {TrialStatus.PENDING}
    await desk.planning.cancel(first)
    statuses = sorted(trial.status for trial in await desk.trials(second))
    assert statuses == [TrialStatus.PENDING] * 2 + [TrialStatus.SYNTHESIZING] * 2


async def test_a_provider_that_takes_more_than_was_known_is_given_more_at_once(desk: Desk) -> None:
    desk.catalogue.voices["acme"] = list("abcd")
    experiment_id, _ = await desk.start(models=four_voices("acme"), prompts=["One.", "Two."])

    async def asked() -> int:
        return [t.status for t in await desk.trials(experiment_id)].count(TrialStatus.SYNTHESIZING)

    assert await asked() == dispatching.UNKNOWN_CONCURRENCY
    await desk.dispatcher.learn(hosted("acme", 5), now())
    assert await asked() == 5
    # What is said again, or was said before, changes nothing.
    await desk.dispatcher.learn(hosted("acme", 8), now() - timedelta(minutes=1))
    assert await asked() == 5


async def test_answers_that_tell_of_others_at_the_provider_leave_them_their_slots(desk: Desk) -> None:
    await know(desk, hosted("acme", 3))
    experiment_id, _ = await desk.start(models=four_voices("acme"), prompts=["One.", "Two.", "Three."])

    async def in_flight() -> list[Trial]:
        return [t for t in await desk.trials(experiment_id) if t.status is TrialStatus.SYNTHESIZING]

    first, second, third = await in_flight()
    await desk.progress.synthesized(desk.event_id(), first.id, 1, "a.wav", Measurements(), share=1)
    failed = {"kind": "timed_out", "share": 1}
    await desk.progress.failed(desk.event_id(), second.id, 1, TrialStatus.SYNTHESIZING, "no", **failed)  # type: ignore[arg-type]
    assert await in_flight() == [third]
    # What is looked for meanwhile keeps to the share, and an answer that tells of more gives it at once.
    await desk.dispatcher.look()
    assert await in_flight() == [third]
    await desk.progress.failed(desk.event_id(), third.id, 1, TrialStatus.SYNTHESIZING, "no", kind="timed_out", share=3)
    assert len(await in_flight()) == 3


async def test_what_a_crash_left_waiting_is_found_by_looking(desk: Desk) -> None:
    desk.catalogue.voices["acme"] = list("abcd")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(desk.dispatcher, "release", nothing)
        experiment_id, trials = await desk.start(models=four_voices("acme"), prompts=["One."])
    assert {trial.status for trial in trials} == {TrialStatus.PENDING}
    await desk.dispatcher.look()
    statuses = [trial.status for trial in await desk.trials(experiment_id)]
    assert statuses.count(TrialStatus.SYNTHESIZING) == dispatching.UNKNOWN_CONCURRENCY


async def nothing(*_: object) -> int:
    return 0


async def test_looking_tells_how_much_there_is_to_do(desk: Desk) -> None:
    desk.catalogue.voices["acme"] = list("abcd")
    await desk.start(models=four_voices("acme"), prompts=["One."])
    await desk.dispatcher.look()
    labels = {"provider": "acme", "status": "pending"}
    assert REGISTRY.get_sample_value("voicearena_trials_unfinished", labels) == 2
    labels["status"] = "synthesizing"
    assert REGISTRY.get_sample_value("voicearena_trials_unfinished", labels) == 2
    waited = REGISTRY.get_sample_value("voicearena_trials_longest_wait_seconds", {"provider": "acme"})
    assert waited is not None
    assert 0 <= waited < 5


async def test_an_experiment_runs_though_nothing_can_be_released_now(desk: Desk) -> None:
    made = await desk.planning.create(desk.plan())
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(desk.dispatcher._store, "release", raising)
        await desk.planning.run(made.id)
        assert await desk.dispatcher.release(["espeak"]) == 0
    assert await desk.dispatcher.release(["espeak", "flite", "espeak"]) == 2


async def raising(*_: object, **__: object) -> int:
    raise DOWN


async def test_releases_that_are_asked_for_at_once_are_made_together(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await know(desk, hosted("acme", 1))
    await desk.start(models=four_voices("acme"), prompts=["One."])
    asked = counting(desk, monkeypatch)
    await asyncio.gather(*(desk.dispatcher.release(["acme"]) for _ in range(50)))
    assert asked.times == 1


async def test_a_release_that_is_asked_for_during_another_one_is_made_after_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await know(desk, hosted("acme", 1))
    await desk.start(models=four_voices("acme"), prompts=["One."])
    asked = counting(desk, monkeypatch)
    going_on = asyncio.Event()
    asked.hold = going_on
    first = asyncio.create_task(desk.dispatcher.release(["acme"]))
    await asked.began.wait()
    others = [asyncio.create_task(desk.dispatcher.release(["acme"])) for _ in range(10)]
    going_on.set()
    await asyncio.gather(first, *others)
    assert asked.times == 2


@dataclasses.dataclass
class Asked:
    """How often the store was asked whose turn it is."""

    times: int = 0
    began: asyncio.Event = dataclasses.field(default_factory=asyncio.Event)
    hold: asyncio.Event | None = None


def counting(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Asked:
    asked = Asked()
    release = desk.dispatcher._store.release

    async def counted(connection: object, provider: str, *args: object, **options: object) -> object:
        asked.times += 1
        asked.began.set()
        if asked.hold is not None:
            await asked.hold.wait()
        return await release(connection, provider, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(desk.dispatcher._store, "release", counted)
    return asked
