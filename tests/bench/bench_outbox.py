"""Measures the time from the commit that records an event to the start of its handler.

The path is that of the mesh: outbox, relay, JetStream (which writes to disk before it confirms), and a consumer that
records each event. Producer and consumer are separate processes. Both read the machine's monotonic clock.
"""

import asyncio
import json
import os
import statistics
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from voicearena.tts.v1.events_pb2 import SynthesisRequested

from deploy.local.data_dir import DataDir
from deploy.local.nats import Nats
from deploy.local.postgres import Postgres
from deploy.local.process import Command, Process
from services.runtime import event_loop, inbox, outbox
from services.runtime.bus import Bus, EventMetadata
from services.runtime.db import Database
from services.runtime.outbox import OutboxRelay
from tests.bench.result import BenchResult
from tests.bench.running_mesh import free_port

RATE = 200
SECONDS = 10
WARM_UP_SECONDS = 2
TARGET_P99_MS = 50.0
EVENTS_IN_FLIGHT = 8
WARM_UP, COUNT = RATE * WARM_UP_SECONDS, RATE * (WARM_UP_SECONDS + SECONDS)
MAX_SECONDS = 60.0
FIRST_EVENT_HANDLED = b"first event handled"
STOP_SECONDS = 10.0
MIGRATIONS = Path(__file__).parents[2] / "services"


@dataclass(frozen=True)
class Addresses:
    """The URLs of PostgreSQL and NATS."""

    database_url: str
    nats_url: str


async def run() -> list[BenchResult]:
    """Commits events at a steady rate and returns the 99th percentile of their times."""
    async with embedded_servers() as addresses:
        milliseconds = await _measure(addresses)
    p50, p99 = statistics.median(milliseconds), statistics.quantiles(milliseconds, n=100)[98]
    return [
        BenchResult(
            name="outbox to consumer",
            value=p99,
            unit="ms, p99",
            target=TARGET_P99_MS,
            higher_is_better=False,
            detail=f"{len(milliseconds)} events, {RATE} per second: p50 {p50:.1f} ms, max {max(milliseconds):.1f} ms",
        )
    ]


async def _measure(addresses: Addresses) -> list[float]:
    """Returns the milliseconds from commit to handler for each event after the warm-up, in commit order."""
    committed: dict[str, float] = {}
    consumer = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.bench.bench_outbox", addresses.database_url, addresses.nats_url, str(COUNT)),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        async with AsyncExitStack() as stack:
            database, bus = await _service(stack, addresses, "experiments")
            relay = asyncio.create_task(OutboxRelay(database, bus).run())
            stack.push_async_callback(_end, relay)
            async with asyncio.timeout(MAX_SECONDS):
                await _commit(database, "first", {})
                await _wait_for_line(consumer, FIRST_EVENT_HANDLED)
                await _commit_evenly(database, committed)
                output, _ = await consumer.communicate()
    finally:
        if consumer.returncode is None:
            consumer.kill()
            await consumer.wait()
    if consumer.returncode:
        raise RuntimeError(f"the consumer exited with status {consumer.returncode}")
    # The lines before the last one are its log.
    handled: dict[str, float] = json.loads(output.splitlines()[-1])
    return [1000 * (handled[job] - at) for job, at in list(committed.items())[WARM_UP:]]


async def _wait_for_line(process: asyncio.subprocess.Process, line: bytes) -> None:
    """Waits until a process prints a line. Lines before it are its log."""
    assert process.stdout
    while (printed := await process.stdout.readline()) != line + b"\n":
        if not printed:
            raise RuntimeError("the consumer exited early")


async def _commit_evenly(database: Database, committed: dict[str, float]) -> None:
    async with asyncio.TaskGroup() as commits:
        started = time.perf_counter()
        for number in range(COUNT):
            await asyncio.sleep(started + number / RATE - time.perf_counter())
            commits.create_task(_commit(database, f"job_{number}", committed))


async def _commit(database: Database, job_id: str, committed: dict[str, float]) -> None:
    event = SynthesisRequested(requester="experiments", job_id=job_id, attempt=1, text="Hello, how can I help you?")
    async with database.transaction() as connection:
        await outbox.add(connection, event)
    committed[job_id] = time.perf_counter()


async def consume(database_url: str, nats_url: str, count: int) -> None:
    """Consumes one event and prints a line, then consumes `count` more and prints when each handler started."""
    handled: dict[str, float] = {}
    all_handled = asyncio.Event()
    async with AsyncExitStack() as stack:
        database, bus = await _service(stack, Addresses(database_url, nats_url), "scoring")

        async def handle(event: SynthesisRequested, metadata: EventMetadata) -> None:
            at = time.perf_counter()
            async with database.transaction() as connection:
                if await inbox.first_time(connection, "bench", metadata.event_id):
                    handled[event.job_id] = at
            if len(handled) == 1:
                print(FIRST_EVENT_HANDLED.decode(), flush=True)  # noqa: T201
            if len(handled) == 1 + count:
                all_handled.set()

        consuming = asyncio.create_task(bus.consume({SynthesisRequested: handle}, max_in_flight=EVENTS_IN_FLIGHT))
        stack.push_async_callback(_end, consuming)
        await asyncio.wait_for(all_handled.wait(), MAX_SECONDS)
    print(json.dumps(handled))  # noqa: T201


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def _service(stack: AsyncExitStack, addresses: Addresses, name: str) -> tuple[Database, Bus]:
    database = await Database.connect(addresses.database_url, name, migrations=MIGRATIONS / name / "migrations")
    stack.push_async_callback(database.close)
    bus = await Bus.connect(addresses.nats_url, name)
    stack.push_async_callback(bus.close)
    return database, bus


@asynccontextmanager
async def embedded_servers() -> AsyncIterator[Addresses]:
    """Runs the PostgreSQL and NATS of `deploy.local` during the block, in a temporary directory."""
    data_dir = DataDir(None)
    async with AsyncExitStack() as stack:
        stack.callback(data_dir.release)
        environment = dict(os.environ)
        postgres = Postgres(data_dir, free_port(), environment)
        await postgres.prepare()
        await postgres.wait_ready(await _start(stack, postgres.command(), data_dir))
        nats = Nats(data_dir, free_port(), environment)
        await nats.wait_ready(await _start(stack, nats.command(), data_dir))
        yield Addresses(postgres.url, nats.url)


async def _start(stack: AsyncExitStack, command: Command, data_dir: DataDir) -> Process:
    process = Process(command, data_dir, print, STOP_SECONDS)
    stack.push_async_callback(process.stop)
    await process.start()
    return process


if __name__ == "__main__":
    event_loop.run(consume(sys.argv[1], sys.argv[2], int(sys.argv[3])))
