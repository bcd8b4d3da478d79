"""The runtime over a PostgreSQL and a NATS of this session's own."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa
from google.protobuf.message import Message
from voicearena.tts.v1.events_pb2 import SpeechSynthesized

from services.runtime import bus as bus_module
from services.runtime import consumption, event_dispatcher
from services.runtime.backoff import Backoff
from services.runtime.bus import Bus, DeadHandler, EventMetadata, Handler
from services.runtime.db import Database
from tests.contract.stores.servers import RunningNats, running_nats, running_postgres

MIGRATIONS = Path(__file__).parent / "migrations"
# How long anything is waited for before a test fails; much longer than it takes on a busy machine.
SOON = 30.0

Connect = Callable[[str], Awaitable[Bus]]


@pytest.fixture(scope="session")
async def postgres_url() -> AsyncIterator[str]:
    async with running_postgres() as url:
        yield url


@pytest.fixture(scope="session")
async def probe_schema(postgres_url: str) -> AsyncIterator[Database]:
    database = await Database.connect(postgres_url, "probe", migrations=MIGRATIONS)
    yield database
    await database.close()


@pytest.fixture
async def database(probe_schema: Database) -> Database:
    """An empty schema with an outbox, an inbox and one table for effects."""
    async with probe_schema.transaction() as connection:
        await connection.execute(sa.text("TRUNCATE outbox, processed_events, effects"))
    return probe_schema


@pytest.fixture(scope="session")
async def shared_nats() -> AsyncIterator[RunningNats]:
    async with running_nats() as server:
        yield server


@pytest.fixture
async def own_nats() -> AsyncIterator[RunningNats]:
    """A NATS server that the test can stop and wipe."""
    async with running_nats() as server:
        yield server


@pytest.fixture(autouse=True)
def short_delays(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shortens timeouts and the delays between retries."""
    monkeypatch.setattr(event_dispatcher, "RETRIES", Backoff(0.01, 0.02))
    monkeypatch.setattr(event_dispatcher, "TRANSIENT_RETRIES", Backoff(0.01, 0.02))
    monkeypatch.setattr(consumption, "FETCH_TIMEOUT_SECONDS", 0.5)
    monkeypatch.setattr(bus_module, "REPAIR_RETRY_SECONDS", 0.05)
    monkeypatch.setattr(bus_module, "ACK_WAIT_SECONDS", 2.0)
    monkeypatch.setattr(bus_module, "PUBLISH_TIMEOUT_SECONDS", 1.0)


@pytest.fixture
def name() -> str:
    """A service name of this test only, so that no other test's events reach it."""
    return f"probe{secrets.token_hex(4)}"


@pytest.fixture
async def connect(name: str) -> AsyncIterator[Connect]:
    """Returns a function that connects the service to the NATS server at a URL."""
    buses = []

    async def connected(url: str) -> Bus:
        buses.append(await Bus.connect(url, name))
        return buses[-1]

    yield connected
    for bus in buses:
        await bus.close()


@pytest.fixture
async def bus(connect: Connect, shared_nats: RunningNats) -> Bus:
    return await connect(shared_nats.url)


def fact(requester: str, job_id: str) -> SpeechSynthesized:
    """An event for one service only."""
    return SpeechSynthesized(requester=requester, job_id=job_id)


@asynccontextmanager
async def running(work: Awaitable[None]) -> AsyncIterator[None]:
    """Runs background work until the block ends. The block raises what the work raises."""
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(_awaited(work))
        try:
            async with asyncio.timeout(SOON):
                yield
        finally:
            task.cancel()


async def _awaited(work: Awaitable[None]) -> None:
    await work


class Inbox:
    """Receives events, records them, and calls `react` for each."""

    def __init__(self) -> None:
        self.received: asyncio.Queue[tuple[str, EventMetadata]] = asyncio.Queue()
        self.handled: asyncio.Queue[str] = asyncio.Queue()
        self.dead: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
        self.react: Callable[[str, EventMetadata], Awaitable[None]] | None = None

    async def take(self, event: SpeechSynthesized, metadata: EventMetadata) -> None:
        self.received.put_nowait((event.job_id, metadata))
        if self.react is not None:
            await self.react(event.job_id, metadata)
        self.handled.put_nowait(event.job_id)

    async def give_up(self, event: SpeechSynthesized, metadata: EventMetadata, reason: str) -> None:
        self.dead.put_nowait((event.job_id, reason))

    async def next(self) -> str:
        """Returns the job id of the next event."""
        return (await self.received.get())[0]

    @property
    def handlers(self) -> Mapping[type[Message], Handler]:
        return {SpeechSynthesized: self.take}

    def consuming(
        self, bus: Bus, *, max_in_flight: int = 1, broadcast: str = "", replay_seconds: float = 0.0
    ) -> AbstractAsyncContextManager[None]:
        """Receives events from the bus during the block."""
        on_dead: DeadHandler = self.give_up
        return running(
            bus.consume(
                self.handlers,
                max_in_flight=max_in_flight,
                on_dead=on_dead,
                broadcast=broadcast,
                replay_seconds=replay_seconds,
            )
        )


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()
