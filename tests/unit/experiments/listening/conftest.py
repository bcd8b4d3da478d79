"""The use cases of listening over in-memory stores, with a clock that only moves when a test moves it."""

import dataclasses
import io
import random
import wave
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from services.experiments.domain import EvalMode, Experiment, ExperimentStatus, ModelSpec, Trial, TrialStatus
from services.experiments.listening.domain import TalliedLink
from services.experiments.listening.links import Links
from services.experiments.listening.listeners import Listeners
from services.experiments.listening.sessions import VoterSession
from services.experiments.listening.subject import CloseListening, ExperimentSubject
from services.experiments.listening.tokens import ListeningTokens
from services.experiments.results.domain import counted
from services.experiments.running.finishing import Finishing
from services.experiments.verdict import Vote
from services.experiments.webhooks.publisher import WebhookPublisher
from services.runtime.errors import NotFound
from services.runtime.identity import Caller, Identity, set_caller
from services.runtime.pages import Pages
from services.shared.listening.clip_transfers import ClipTransfers, SentRange
from services.shared.listening.clips import Clips
from services.shared.listening.closing import Closing
from services.shared.listening.comparing import Comparing
from services.shared.listening.domain import Assignment, ListenerAnswer, ListenerProgress
from services.shared.listening.judging import CastVote
from services.shared.metrics import Measurements
from tests.fakes.memory_clip_store import MemoryClipStore
from tests.fakes.memory_database import MemoryDatabase
from tests.fakes.memory_experiments_store import MemoryExperimentsStore, change
from tests.fakes.memory_link_store import MemoryLinkStore
from tests.fakes.memory_listening_store import MemoryListeningStore
from tests.fakes.memory_vote_store import MemoryVoteStore
from tests.fakes.memory_webhook_store import MemoryWebhookStore

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
EXPERIMENT = "exp_" + "0" * 32
CLIP_SECONDS = 1.5
DECIDE_SECONDS = 0.6
"""How long a listener takes to answer after both clips have ended."""
RATE = 16_000


class MemoryAudio:
    """An in-memory audio store. Each trial has a tone of its own."""

    def __init__(self) -> None:
        self.stored: dict[str, bytes] = {}
        self.fetched: list[str] = []
        self.failure: Exception | None = None

    async def get(self, name: str) -> bytes:
        self.fetched.append(name)
        if self.failure is not None:
            raise self.failure
        if name not in self.stored:
            raise NotFound.of("audio", name)
        return self.stored[name]


class MemorySessions:
    """Makes voter sessions with ascending numbers."""

    def __init__(self) -> None:
        self.made: list[VoterSession] = []

    async def new(self) -> VoterSession:
        number = len(self.made) + 1
        session = VoterSession(f"usr_{number:032x}", f"vt_{number}", NOON + timedelta(days=90))
        self.made.append(session)
        return session


class ListeningWorld:
    """The use cases, with short methods for what tests do."""

    def __init__(self) -> None:
        self.database = MemoryDatabase("experiments")
        self.experiments = MemoryExperimentsStore()
        self.store, self.vote_store, self.link_store = MemoryListeningStore(), MemoryVoteStore(), MemoryLinkStore()
        self.audio = MemoryAudio()
        self.at = NOON
        publisher = WebhookPublisher(self.database, MemoryWebhookStore(), "")
        self.finishing = Finishing(
            self.experiments, MemoryClipStore(), self.store, self.vote_store, publisher, self.now
        )
        self.sessions = MemorySessions()
        self.address: bytes | None = None
        """The network address of the next call."""
        tokens = ListeningTokens("a secret of sixteen")
        self.links = Links(
            self.database,
            self.experiments,
            self.link_store,
            self.vote_store,
            tokens,
            Pages("a secret"),
            self.now,
        )
        self.subject = ExperimentSubject(self.experiments, self.link_store, self.finishing, self.now)
        self.listeners = Listeners(
            self.database,
            self.link_store,
            Comparing(self.database, self.store, self.vote_store, self.subject, self.now, random.Random(7)),
            tokens,
            self.sessions,
            address_of=lambda experiment_id: self.address,
            clock=self.now,
        )
        self.clips = Clips(self.database, self.store, self.subject, self.audio, "a secret of sixteen")
        self.clip_transfers = ClipTransfers(self.database, self.store, self.now)
        self.closing = Closing(self.database, self.store, self.subject, self.now)
        self.by_hand = CloseListening(self.database, self.experiments, self.closing)

    def now(self) -> datetime:
        return self.at

    def wait(self, **time: float) -> None:
        self.at += timedelta(**time)

    async def plan(
        self, *, models: int = 2, prompts: int = 1, repeats: int = 1, owner: str = "dev_a", **values: object
    ) -> None:
        """Adds an experiment whose trials have not ended."""
        plain = Experiment(
            id=EXPERIMENT,
            developer_id=owner,
            name="a comparison",
            scenario="general",
            eval_mode=EvalMode.HUMAN,
            status=ExperimentStatus.RUNNING,
            models=[ModelSpec("espeak", f"voice-{n}") for n in range(models)],
            prompts=[f"Prompt {n}." for n in range(prompts)],
            webhook_url="",
            primary_metric="composite_per_prompt",
            repeats=repeats,
            votes_per_pair=1,
            audio_retention_days=30,
            total_trials=models * prompts * repeats,
            created_at=NOON,
        )
        async with self.database.transaction() as connection:
            await self.experiments.add(connection, dataclasses.replace(plain, **values), "")  # type: ignore[arg-type]

    async def begin(self, *, failed: tuple[tuple[int, int], ...] = (), **planned: object) -> list[Trial]:
        """Adds an experiment, ends its trials and returns them. `failed` names failed ones by prompt and model."""
        await self.plan(**planned)  # type: ignore[arg-type]
        experiment = await self.experiment()
        trials = [
            self._trial(experiment, prompt, model, repeat, (prompt, model) not in failed)
            for prompt in range(len(experiment.prompts))
            for model in range(len(experiment.models))
            for repeat in range(experiment.repeats)
        ]
        async with self.database.transaction() as connection:
            await self.experiments.add_trials(connection, trials, NOON)
            done = sum(trial.status is TrialStatus.COMPLETED for trial in trials)
            counts = {"completed_trials": done, "failed_trials": len(trials) - done}
            ended = change(connection, EXPERIMENT, status=ExperimentStatus.RUNNING, **counts)
            await self.finishing.trials_ended(connection, ended)
        return trials

    def _trial(self, experiment: Experiment, prompt: int, model: int, repeat: int, completed: bool) -> Trial:
        name = f"trl_{prompt}_{model}_{repeat}"
        if completed:
            self.audio.stored[f"{name}.wav"] = tone(200 + 100 * model + 10 * prompt + repeat)
        measured = Measurements(
            duration_seconds=CLIP_SECONDS,
            ttfb_ms=100.0,
            generation_time_ms=300.0,
            ttfa_ms=110.0,
            silence_ratio=0.1,
            peak=0.25,
            loudness_lufs=-15.7,
        )
        return Trial(
            id=name,
            experiment_id=EXPERIMENT,
            prompt_index=prompt,
            model_index=model,
            repeat_index=repeat,
            prompt_text=experiment.prompts[prompt],
            provider="espeak",
            voice_id=f"voice-{model}",
            model_id="",
            speed=None,
            status=TrialStatus.COMPLETED if completed else TrialStatus.FAILED,
            attempts=1,
            audio_name=f"{name}.wav" if completed else None,
            created_at=NOON,
            ended_at=NOON,
            measurements=measured if completed else Measurements(),
        )

    async def experiment(self) -> Experiment:
        async with self.database.reading() as connection:
            found = await self.experiments.lock(connection, EXPERIMENT)
        assert found is not None
        return found

    async def votes(self) -> list[Vote]:
        async with self.database.reading() as connection:
            return counted(await self.vote_store.of_test(connection, EXPERIMENT))

    async def cast(self) -> list[CastVote]:
        async with self.database.reading() as connection:
            return list(await self.vote_store.of_test(connection, EXPERIMENT))

    async def stored_results(self) -> dict[str, Any]:
        async with self.database.reading() as connection:
            found = await self.experiments.results(connection, EXPERIMENT)
        assert found is not None
        return found

    async def link(self) -> str:
        """Makes a link and returns its token."""
        return (await self.links.create(EXPERIMENT, None, "")).token

    async def only_link(self) -> TalliedLink:
        (link,), _ = await self.links.page(EXPERIMENT, 0, "")
        return link

    async def hear(self, name: str) -> bytes:
        """Fetches a clip, and records that the gateway sent all of it."""
        clip = await self.clips.find(name)
        await self.sent(name, 0, len(clip.content))
        return clip.content

    async def sent(self, name: str, start: int, end: int) -> None:
        """Records that the gateway sent these bytes of a clip now."""
        size = len((await self.clips.find(name)).content)
        await self.clip_transfers.record(SentRange(name, start, end, size), self.at)

    async def play(self, token: str, listener: str) -> Assignment:
        """Takes the listener's pair and hears both of its clips."""
        pair = (await self.listeners.next_pair(token, listener)).assignment
        assert pair is not None
        await self.hear(pair.clip_a)
        await self.hear(pair.clip_b)
        self.wait(seconds=pair.seconds + DECIDE_SECONDS)
        return pair

    async def answer(self, token: str, listener: str, answer: str = "a") -> ListenerProgress:
        """Takes the listener's pair, hears it and votes."""
        pair = await self.play(token, listener)
        return await self.listeners.vote(token, listener, pair.id, ListenerAnswer(answer))


def tone(hertz: float) -> bytes:
    """Returns a tone in the format in which tts stores speech."""
    time = np.arange(int(CLIP_SECONDS * RATE)) / RATE
    written = io.BytesIO()
    with wave.open(written, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(RATE)
        writer.writeframes(np.rint(8192 * np.sin(2 * np.pi * hertz * time)).astype("<i2").tobytes())
    return written.getvalue()


def call_as(developer_id: str) -> None:
    set_caller(Caller(Identity(developer_id, frozenset()), "a token"))


@pytest.fixture
def world() -> Iterator[ListeningWorld]:
    call_as("dev_a")
    yield ListeningWorld()
    set_caller(None)
