"""Two services share a provider: each has its own queue, and tts applies the provider's limit."""

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
from services.tts.providers.limits import SynthesisLimits
from services.tts.providers.openai_compatible import OpenAiCompatibleEngine, SpeechEndpoint
from services.tts.providers.registry import ProviderRegistry
from services.tts.store import AudioResults, RequestLedger
from services.tts.usecases.jobs import Jobs
from tests.fakes.openai_server import MODEL, OpenAiServer

SECONDS = 0.05


class Requester:
    """A service with its own queue. It has no more jobs at tts than its share, which is the whole limit at first."""

    def __init__(self, jobs: Jobs, name: str, count: int, limit: int) -> None:
        self.shares: list[int] = []
        self.asked = 0
        self.done = asyncio.Event()
        self._jobs = jobs
        self._name = name
        self._waiting = [f"{name} {number}" for number in range(count)]
        self._share = limit
        self._in_flight: set[asyncio.Task[None]] = set()
        self._unfinished = count

    def release(self) -> None:
        """Requests as many jobs as its share allows."""
        while self._waiting and len(self._in_flight) < self._share:
            self.asked += 1
            text = self._waiting.pop(0)
            job = Job(self._name, text.replace(" ", "_"), 1, "dev_1", "shared", Utterance(text, "steady"))
            self._in_flight.add(asyncio.create_task(self._jobs.synthesize(job)))

    def handle(self, fact: SpeechSynthesized) -> None:
        """Handles a fact. It is called in the task that spoke."""
        task = asyncio.current_task()
        assert task is not None
        self._in_flight.discard(task)
        self._share = fact.share
        self.shares.append(fact.share)
        self._unfinished -= 1
        if not self._unfinished:
            self.done.set()
        self.release()


class SharedProvider:
    """One provider with a limit, and its requesters."""

    def __init__(self, limit: int, folder: Path, measuring: ThreadPoolExecutor) -> None:
        self.limit = limit
        self.server = OpenAiServer(seconds=SECONDS, allowed_at_once=limit)
        self.requesters: dict[str, Requester] = {}
        self.facts = 0
        self.later: dict[int, tuple[str, int]] = {}
        """The requesters that start later: name and number of jobs, by the number of facts before."""
        self.began: dict[str, int] = {}
        """How many jobs other requesters had requested when a requester started."""
        self._folder = folder
        self._measuring = measuring

    @asynccontextmanager
    async def running(self) -> AsyncIterator["SharedProvider"]:
        async with self.server.serving():
            endpoint = SpeechEndpoint(
                "shared", "Shared", self.server.base_url, "", MODEL, ("steady",), 24000, self.limit
            )
            providers = ProviderRegistry([OpenAiCompatibleEngine(endpoint)], max_waiting=0)
            await providers.refresh()
            store = AudioStore(str(self._folder))
            results, ledger = AudioResults(store), RequestLedger(store)
            self._jobs = Jobs(providers, results, ledger, self._publish, SynthesisLimits(5, 5), self._measuring)
            yield self
            await providers.close()

    def begin(self, name: str, count: int) -> None:
        self.began[name] = sum(each.asked for each in self.requesters.values())
        self.requesters[name] = Requester(self._jobs, name, count, self.limit)
        self.requesters[name].release()

    async def _publish(self, fact: Message) -> None:
        assert isinstance(fact, SpeechSynthesized)
        self.requesters[fact.requester].handle(fact)
        self.facts += 1
        if self.facts in self.later:
            self.begin(*self.later[self.facts])

    def order(self) -> list[str]:
        """Returns the requester of each request at the provider, in order."""
        return [str(body["input"]).partition(" ")[0] for body in self.server.requests]


@pytest.fixture
async def shared(limit: int, tmp_path: Path) -> AsyncIterator[SharedProvider]:
    with ThreadPoolExecutor(1) as measuring:
        async with SharedProvider(limit, tmp_path, measuring).running() as running:
            yield running


async def all_done(shared: SharedProvider, *names: str) -> None:
    async with asyncio.timeout(30):
        for name in names:
            while name not in shared.requesters:
                await shared.requesters["experiments"].done.wait()
            await shared.requesters[name].done.wait()


@pytest.mark.parametrize("limit", [1, 2, 4])
async def test_a_later_requester_gets_its_share_within_two_responses_and_keeps_it(
    shared: SharedProvider, limit: int
) -> None:
    shared.later[2 * limit] = ("elo", 6 * limit)
    shared.begin("experiments", 14 * limit)
    await all_done(shared, "experiments", "elo")
    asked = shared.order()
    # Only the earlier requests of experiments come before elo. Then elo gets each free slot until it holds an equal
    # number. One job that already had its turn can come in between.
    first = asked.index("elo")
    assert first <= shared.began["elo"]
    share = max(1, limit // 2)
    assert asked[first : first + share + 1].count("elo") >= share
    # From then on both have about equally many, until elo has no more jobs. A requester that is late with its next
    # request lends its slot meanwhile, so on a busy machine the numbers differ a little.
    last = len(asked) - 1 - asked[::-1].index("elo")
    together = asked[first : last + 1]
    assert abs(together.count("elo") - together.count("experiments")) <= max(limit, len(together) // 4)
    # Every job needed one request, so none was refused for concurrency.
    assert (len(asked), shared.server.most_at_once) == (20 * limit, limit)


@pytest.mark.parametrize("limit", [1, 2, 4])
async def test_an_idle_share_is_lent_and_each_response_states_the_current_share(
    shared: SharedProvider, limit: int
) -> None:
    shared.later[2 * limit] = ("elo", 3 * limit)
    shared.begin("experiments", 12 * limit)
    await all_done(shared, "experiments", "elo")
    shares = shared.requesters["experiments"].shares
    assert shares[: 2 * limit] == [limit] * (2 * limit)
    assert min(shares) >= 1
    assert shares[-limit:] == [limit] * limit
    if limit == 4:
        # Two slots and one waiting job.
        assert min(shares) == 3


@pytest.mark.parametrize("limit", [2])
async def test_three_requesters_take_turns_at_two_slots(shared: SharedProvider, limit: int) -> None:
    shared.later[2], shared.later[3] = ("elo", 8), ("captions", 8)
    shared.begin("experiments", 12)
    await all_done(shared, "experiments", "elo", "captions")
    asked = shared.order()
    start = asked.index("captions")
    counts = [asked[start : start + 18].count(name) for name in ("experiments", "elo", "captions")]
    assert max(counts) - min(counts) <= 2
    assert (len(asked), shared.server.most_at_once) == (28, 2)
