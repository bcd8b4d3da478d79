"""A provider that allows fewer requests than configured, or asks for a pause, gets what it allows."""

import asyncio
import random
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.message import Message
from voicearena.tts.v1.events_pb2 import SpeechSynthesized

from services.runtime.audio_store import AudioStore
from services.tts.domain import Job, Utterance
from services.tts.providers.cartesia import CartesiaEngine
from services.tts.providers.elevenlabs import ElevenLabsEngine
from services.tts.providers.engine import SpeechEngine
from services.tts.providers.hosted import ProviderAccount
from services.tts.providers.limits import SynthesisLimits
from services.tts.providers.registry import Provider, ProviderRegistry
from services.tts.store import AudioResults, RequestLedger
from services.tts.usecases.jobs import Jobs
from tests.fakes.cartesia_server import CartesiaServer
from tests.fakes.elevenlabs_server import ElevenLabsServer
from tests.fakes.speech_server import SpeechServer
from tests.unit.tts.use_cases import kept

JOBS = 24
CONFIGURED = 12
ALLOWED = 3


def account(server: SpeechServer, model: str) -> ProviderAccount:
    return ProviderAccount(server.key, server.base_url, model, ("steady",), CONFIGURED)


@asynccontextmanager
async def jobs_of(engine: SpeechEngine, folder: Path, facts: list[Any]) -> AsyncIterator[tuple[Jobs, Provider]]:
    """Returns the use cases with one provider. Retries wait a twentieth of their delay."""
    store = AudioStore(str(folder))

    async def publish(fact: Message) -> None:
        facts.append(fact)

    async def sleep(seconds: float) -> None:
        await asyncio.sleep(seconds / 20)

    providers = ProviderRegistry([engine], max_waiting=0)
    await providers.refresh()
    with ThreadPoolExecutor(1) as measuring:
        jobs = Jobs(
            providers,
            AudioResults(store),
            RequestLedger(store),
            publish,
            SynthesisLimits(5, 5),
            measuring,
            sleep=sleep,
            jitter=random.Random(1),
        )
        yield jobs, providers.all()[0]
    await providers.close()


def jobs_for(provider: str) -> list[Job]:
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
    ids=["states its limit", "does not state its limit"],
)
async def test_a_provider_at_its_limit_gets_as_many_requests_as_it_allows(server, engine, tmp_path: Path) -> None:
    server.behaviours["steady"] = replace(server.behaviours["steady"], before_seconds=0.05)
    facts: list[Any] = []
    async with server.serving(), jobs_of(engine(server), tmp_path, facts) as (jobs, provider):
        await asyncio.gather(*(jobs.synthesize(job) for job in jobs_for(provider.id)))
        assert provider.slots.limit in (ALLOWED, ALLOWED + 1)
    assert {type(fact) for fact in facts} == {SpeechSynthesized}
    # Some requests of the first burst are refused, and very few after that.
    assert 1 <= len(server.requests) - JOBS - 1 <= 2 * CONFIGURED
    # Every request to the provider is recorded.
    assert len([name for name in kept(tmp_path) if "-try-" in name]) == len(server.requests)
    assert sum(fact.provider_requests for fact in facts) == len(server.requests)


async def test_a_provider_gets_no_request_before_its_retry_after(tmp_path: Path) -> None:
    server = CartesiaServer("sk_car_secret1234")
    server.script["steady"].append(replace(server.behaviours["limited"], headers={"retry-after": "2"}))
    facts: list[Any] = []
    async with server.serving(), jobs_of(CartesiaEngine(account(server, "sonic-3")), tmp_path, facts) as (jobs, _):
        began = asyncio.get_running_loop().time()
        # The warm-up of the run is refused, and its job waits for the end of the pause.
        await jobs.synthesize(jobs_for("cartesia")[0])
        waited = asyncio.get_running_loop().time() - began
    assert [type(fact) for fact in facts] == [SpeechSynthesized]
    assert len(server.requests) == 2
    assert 1.9 <= waited < 5
