"""The faults, each by its name: what is done to a mesh that has experiments running."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from deploy.local.mesh import Mesh
from gateway.settings import SERVICES
from tests.fakes.speech_server import SpeechServer
from tests.fakes.webhook_receiver import WebhookReceiver
from tests.tmpfs import SmallDisk

PROCESSES = (*SERVICES, "envoy", "nats", "postgres")
PAUSED = tuple(name for name in SERVICES if name != "auth")
# Longer than the bus waits for an acknowledgement (10 s), so that it hands out again what a paused process has.
PAUSE_SECONDS = 11.5
FULL_SECONDS = (1.0, 4.0)
# Long enough that PostgreSQL and NATS have something to write that does not fit.
DISK_SECONDS = (3.0, 15.0)
# Shorter than the wait before the second attempt, since minutes go by before the third.
BROKEN_SECONDS = (1.0, 3.5)


@dataclass(frozen=True)
class Victims:
    """What faults are done to."""

    mesh: Mesh
    providers: Sequence[SpeechServer]
    receiver: WebhookReceiver
    disk: SmallDisk | None = None
    """Where the data lies, if that is a disk that can be filled."""


Fault = Callable[[Victims, Random], Awaitable[None]]


def _kill(name: str) -> Fault:
    async def kill(world: Victims, random: Random) -> None:
        await world.mesh.kill(name, signal.SIGKILL)
        await world.mesh.wait_restarted(name)

    return kill


def _pause(name: str) -> Fault:
    async def pause(world: Victims, random: Random) -> None:
        await world.mesh.kill(name, signal.SIGSTOP)
        try:
            await asyncio.sleep(PAUSE_SECONDS)
        finally:
            await world.mesh.kill(name, signal.SIGCONT)

    return pause


async def _kill_all_services(world: Victims, random: Random) -> None:
    for name in SERVICES:
        await world.mesh.kill(name, signal.SIGKILL)
    for name in SERVICES:
        await world.mesh.wait_restarted(name)


async def _restart_postgres(world: Victims, random: Random) -> None:
    await world.mesh.stop("postgres")
    await world.mesh.start("postgres")


async def _wipe_nats(world: Victims, random: Random) -> None:
    await world.mesh.wipe_nats()


async def _fill_providers(world: Victims, random: Random) -> None:
    allowed = [provider.allowed_at_once for provider in world.providers]
    for provider in world.providers:
        provider.allowed_at_once = 0
    try:
        await asyncio.sleep(random.uniform(*FULL_SECONDS))
    finally:
        for provider, before in zip(world.providers, allowed, strict=True):
            provider.allowed_at_once = before


async def _break_receiver(world: Victims, random: Random) -> None:
    # Not one that asks for patience, as 502 does: it would be minutes.
    tempers = world.receiver.tempers
    whole = tempers["ok"]
    tempers["ok"] = random.choice([tempers["failing"], tempers["closing"]])
    try:
        await asyncio.sleep(random.uniform(*BROKEN_SECONDS))
    finally:
        tempers["ok"] = whole


async def _fill_disk(world: Victims, random: Random) -> None:
    assert world.disk is not None
    world.disk.fill()
    try:
        await asyncio.sleep(random.uniform(*DISK_SECONDS))
    finally:
        world.disk.empty()


FULL_DISK = "fill the disk"
FAULTS: Mapping[str, Fault] = {
    **{f"kill {name}": _kill(name) for name in PROCESSES},
    "kill all services": _kill_all_services,
    **{f"pause {name}": _pause(name) for name in PAUSED},
    "restart postgres": _restart_postgres,
    "wipe nats": _wipe_nats,
    "providers answer 429": _fill_providers,
    "receiver of webhooks breaks": _break_receiver,
    FULL_DISK: _fill_disk,
}
# These go on for a whole round, beside the others.
DUPLICATE, REORDER = "duplicate events", "reorder events"
