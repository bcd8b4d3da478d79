"""A provider that allows less at a time than was configured, or refuses for load, is given what it takes."""

import asyncio
import random
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from services.runtime.audio_store import AudioLinks, AudioStore
from services.tts.audio_results import AudioResults
from services.tts.domain import Fact, Job, Synthesized, Utterance
from services.tts.providers.cartesia import CartesiaEngine
from services.tts.providers.deadline import Patience
from services.tts.providers.elevenlabs import ElevenLabsEngine
from services.tts.providers.engine import SpeechEngine
from services.tts.providers.hosted import Account
from services.tts.providers.registry import Providers
from services.tts.request_ledger import RequestLedger
from services.tts.usecases.jobs import synthesize
from services.tts.usecases.studio import Studio
from tests.fakes.cartesia_server import CartesiaServer
from tests.fakes.elevenlabs_server import ElevenLabsServer
from tests.fakes.speech_server import SpeechServer
from tests.unit.tts.studio import kept

JOBS = 24
CONFIGURED = 12
ALLOWED = 3


def account(server: SpeechServer, model: str) -> Account:
    return Account(server.key, server.base_url, model, ("steady",), CONFIGURED)


@asynccontextmanager
async def studio_of(engine: SpeechEngine, folder: Path, facts: list[Fact]) -> AsyncIterator[Studio]:
    """A studio with one provider, whose retries come soon."""
    store = AudioStore(str(folder))

    async def publish(fact: Fact) -> None:
        facts.append(fact)

    async def sleep(seconds: float) -> None:
        await asyncio.sleep(seconds / 20)

    providers = Providers([engine], longest_queue=0)
    await providers.refresh()
    with ThreadPoolExecutor(1) as measuring:
        yield Studio(
            providers,
            AudioResults(store),
            RequestLedger(store),
            AudioLinks("a secret of the tests", "http://localhost:8080", 60),
            publish,
            Patience(5, 5),
            measuring,
            sleep=sleep,
            jitter=random.Random(1),
        )
    await providers.close()


def jobs(provider: str) -> list[Job]:
    return [
        Job("experiments", f"trl_{n}", 1, "dev_1", provider, Utterance(f"Prompt {n}.", "steady"), "exp_1")
        for n in range(JOBS)
    ]


@pytest.mark.parametrize(
    ("server", "engine"),
    [
        (
            ElevenLabsServer("xi-secret-1234", allowed_at_once=ALLOWED),
            lambda server: ElevenLabsEngine(account(server, "eleven_flash_v2_5")),
        ),
        (
            CartesiaServer("sk_car_secret1234", allowed_at_once=ALLOWED),
            lambda server: CartesiaEngine(account(server, "sonic-3")),
        ),
    ],
    ids=["one that says how many it allows", "one that does not"],
)
async def test_a_full_provider_is_given_as_many_as_it_takes(server, engine, tmp_path: Path) -> None:
    server.tempers["steady"] = replace(server.tempers["steady"], before_seconds=0.05)
    facts: list[Fact] = []
    async with server.serving(), studio_of(engine(server), tmp_path, facts) as studio:
        (provider,) = studio.providers.all()
        await asyncio.gather(*(synthesize(studio, job) for job in jobs(provider.id)))
        assert provider.slots.limit in (ALLOWED, ALLOWED + 1)
    assert {type(fact) for fact in facts} == {Synthesized}
    # Of the first burst some are refused, and after that hardly any.
    assert 1 <= len(server.requests) - JOBS - 1 <= 2 * CONFIGURED
    # What the provider was asked is on record, request for request.
    assert len([name for name in kept(tmp_path) if "-try-" in name]) == len(server.requests)
    assert sum(fact.provider_requests for fact in facts if isinstance(fact, Synthesized)) == len(server.requests)


async def test_a_provider_that_asks_for_patience_is_asked_nothing_until_then(tmp_path: Path) -> None:
    server = CartesiaServer("sk_car_secret1234")
    server.script["steady"].append(replace(server.tempers["limited"], headers={"retry-after": "2"}))
    facts: list[Fact] = []
    async with server.serving(), studio_of(CartesiaEngine(account(server, "sonic-3")), tmp_path, facts) as studio:
        began = asyncio.get_running_loop().time()
        # The warm-up of the run is refused, and the job that follows it waits for the end of the pause.
        await synthesize(studio, jobs("cartesia")[0])
        waited = asyncio.get_running_loop().time() - began
    assert [type(fact) for fact in facts] == [Synthesized]
    assert len(server.requests) == 2
    assert 1.9 <= waited < 5
