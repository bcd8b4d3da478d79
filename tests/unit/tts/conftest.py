"""Fixtures of the tests of tts: stand-ins for providers, and espeak workers that start once."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from services.tts.providers.espeak import EspeakEngine
from tests.fakes.openai_server import OpenAiServer
from tests.unit.tts import hosted
from tests.unit.tts.hosted import HostedCase, HostedSetup


@pytest_asyncio.fixture
async def openai_server() -> AsyncIterator[OpenAiServer]:
    async with OpenAiServer(key="sk-secret-1234").serving() as server:
        yield server


@pytest_asyncio.fixture(scope="session")
async def espeak() -> AsyncIterator[EspeakEngine]:
    engine = EspeakEngine(max_concurrency=2)
    await engine.start()
    yield engine
    await engine.close()


@pytest.fixture(params=hosted.ALL, ids=str)
def provider(request: pytest.FixtureRequest) -> HostedCase:
    """Each hosted provider in turn."""
    return request.param


@pytest_asyncio.fixture
async def setup(provider: HostedCase) -> AsyncIterator[HostedSetup]:
    async with provider.server(key=hosted.KEY).serving() as server:
        engine = provider.engine(server.base_url, hosted.KEY)
        yield HostedSetup(provider, server, engine)
        await engine.close()
