"""Two services that ask for speech at once share a provider: each keeps its own queue, and tts the provider's limit."""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from google.protobuf.message import Message
from voicearena.tts.v1.events_pb2 import SpeechSynthesized

from services.runtime.audio_store import AudioStore
from services.tts.domain import Job, Utterance
from services.tts.providers.deadline import Patience
from services.tts.providers.openai_compatible import Endpoint, OpenAiCompatibleEngine
from services.tts.providers.registry import Providers
from services.tts.store import AudioResults, RequestLedger
from services.tts.usecases.jobs import Jobs
from tests.fakes.openai_server import MODEL, OpenAiServer

SECONDS = 0.05


class Requester:
    """A service with a queue of its own, which has no more jobs at tts than its share, the whole limit at first."""

    def __init__(self, jobs: Jobs, name: str, count: int, limit: int) -> None:
        self.shares: list[int] = []
        self.asked = 0
        self.done = asyncio.Event()
        self._jobs = jobs
        self._name = name
        self._waiting = [f"{name} {number}" for number in range(count)]
        self._share = limit
        self._in_flight: set[asyncio.Task[None]] = set()
        self._unanswered = count

    def release(self) -> None:
        """Asks for as many jobs as it may have at tts."""
        while self._waiting and len(self._in_flight) < self._share:
            self.asked += 1
            text = self._waiting.pop(0)
            job = Job(self._name, text.replace(" ", "_"), 1, "dev_1", "shared", Utterance(text, "steady"))
            self._in_flight.add(asyncio.create_task(self._jobs.synthesize(job)))

    def answered(self, fact: SpeechSynthesized) -> None:
        """Takes an answer in, which is published by the task that spoke."""
        task = asyncio.current_task()
        assert task is not None
        self._in_flight.discard(task)
        self._share = fact.share
        self.shares.append(fact.share)
        self._unanswered -= 1
        if not self._unanswered:
            self.done.set()
        self.release()


class Scene:
    """One provider with a limit, and whoever asks for speech there."""

    def __init__(self, limit: int, folder: Path, measuring: ThreadPoolExecutor) -> None:
        self.limit = limit
        self.server = OpenAiServer(seconds=SECONDS, allowed_at_once=limit)
        self.requesters: dict[str, Requester] = {}
        self.answers = 0
        self.later: dict[int, tuple[str, int]] = {}
        """After how many answers another requester begins: its name and its number of jobs."""
        self.began: dict[str, int] = {}
        """How many jobs others had asked for when a requester began."""
        self._folder = folder
        self._measuring = measuring

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Scene"]:
        async with self.server.serving():
            endpoint = Endpoint("shared", "Shared", self.server.base_url, "", MODEL, ("steady",), 24000, self.limit)
            providers = Providers([OpenAiCompatibleEngine(endpoint)], longest_queue=0)
            await providers.refresh()
            store = AudioStore(str(self._folder))
            results, ledger = AudioResults(store), RequestLedger(store)
            self._jobs = Jobs(providers, results, ledger, self._publish, Patience(5, 5), self._measuring)
            yield self
            await providers.close()

    def begin(self, name: str, count: int) -> None:
        self.began[name] = sum(each.asked for each in self.requesters.values())
        self.requesters[name] = Requester(self._jobs, name, count, self.limit)
        self.requesters[name].release()

    async def _publish(self, fact: Message) -> None:
        assert isinstance(fact, SpeechSynthesized)
        self.requesters[fact.requester].answered(fact)
        self.answers += 1
        if self.answers in self.later:
            self.begin(*self.later[self.answers])

    def asked(self) -> list[str]:
        """Returns whose requests came to the provider, in their order."""
        return [str(body["input"]).partition(" ")[0] for body in self.server.requests]


@pytest.fixture
async def scene(limit: int, tmp_path: Path) -> AsyncIterator[Scene]:
    with ThreadPoolExecutor(1) as measuring:
        async with Scene(limit, tmp_path, measuring).running() as running:
            yield running


async def all_done(scene: Scene, *names: str) -> None:
    async with asyncio.timeout(30):
        for name in names:
            while name not in scene.requesters:
                await scene.requesters["experiments"].done.wait()
            await scene.requesters[name].done.wait()


@pytest.mark.parametrize("limit", [1, 2, 4])
async def test_who_comes_later_has_its_share_within_two_answers_and_keeps_it(scene: Scene, limit: int) -> None:
    scene.later[2 * limit] = ("elo", 6 * limit)
    scene.begin("experiments", 14 * limit)
    await all_done(scene, "experiments", "elo")
    asked = scene.asked()
    # Only what experiments had asked for before is ahead of elo, which then gets each slot until it holds as many. One
    # job that was on its way to its slot may come in between.
    first = asked.index("elo")
    assert first <= scene.began["elo"]
    share = max(1, limit // 2)
    assert asked[first : first + share + 1].count("elo") >= share
    # From then on as many of one as of the other, until elo has no more.
    last = len(asked) - 1 - asked[::-1].index("elo")
    together = asked[first : last + 1]
    assert abs(together.count("elo") - together.count("experiments")) <= limit
    # Every job was asked for once, so nothing was refused for being too many at a time.
    assert (len(asked), scene.server.most_at_once) == (20 * limit, limit)


@pytest.mark.parametrize("limit", [1, 2, 4])
async def test_a_share_is_lent_while_its_owner_is_idle_and_told_with_each_answer(scene: Scene, limit: int) -> None:
    scene.later[2 * limit] = ("elo", 3 * limit)
    scene.begin("experiments", 12 * limit)
    await all_done(scene, "experiments", "elo")
    told = scene.requesters["experiments"].shares
    assert told[: 2 * limit] == [limit] * (2 * limit)
    assert min(told) >= 1
    assert told[-limit:] == [limit] * limit
    if limit == 4:
        # Two slots, and a job that waits.
        assert min(told) == 3


@pytest.mark.parametrize("limit", [2])
async def test_three_requesters_of_two_slots_take_turns(scene: Scene, limit: int) -> None:
    scene.later[2], scene.later[3] = ("elo", 8), ("captions", 8)
    scene.begin("experiments", 12)
    await all_done(scene, "experiments", "elo", "captions")
    asked = scene.asked()
    start = asked.index("captions")
    counts = [asked[start : start + 18].count(name) for name in ("experiments", "elo", "captions")]
    assert max(counts) - min(counts) <= 2
    assert (len(asked), scene.server.most_at_once) == (28, 2)
