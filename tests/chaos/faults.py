"""The faults by name, which are injected into a mesh with running experiments."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from deploy.local.mesh import Mesh
from gateway.settings import SERVICES
from tests.chaos.recordings import MODEL_OWNER, WORKER, kill_child
from tests.fakes.speech_server import SpeechServer
from tests.fakes.webhook_receiver import WebhookReceiver
from tests.tmpfs import SmallDisk

PROCESSES = (*SERVICES, "envoy", "nats", "postgres")
PAUSED = tuple(name for name in SERVICES if name != "auth")
# Longer than the acknowledgement wait of the bus (10 s), so that the events of a paused process are delivered again.
PAUSE_SECONDS = 11.5
FULL_SECONDS = (1.0, 4.0)
# Long enough for PostgreSQL and NATS to write something that does not fit.
DISK_SECONDS = (3.0, 15.0)
# Shorter than the delay before the second attempt, because the third attempt is minutes later.
BROKEN_SECONDS = (1.0, 3.5)
# How often, and for how long each time, to wait for a process that evaluates.
WAITS_FOR_EVALUATING, MAX_EVALUATING_DELAY_SECONDS = 8, 1.5


@dataclass(frozen=True)
class FaultTarget:
    """What faults are injected into."""

    mesh: Mesh
    providers: Sequence[SpeechServer]
    receiver: WebhookReceiver
    disk: SmallDisk | None = None
    """The disk with the data, or None if it can't be filled."""


Fault = Callable[[FaultTarget, Random], Awaitable[None]]


def _kill(name: str) -> Fault:
    async def kill(target: FaultTarget, random: Random) -> None:
        await target.mesh.kill(name, signal.SIGKILL)
        await target.mesh.wait_restarted(name)

    return kill


def _pause(name: str) -> Fault:
    async def pause(target: FaultTarget, random: Random) -> None:
        await target.mesh.kill(name, signal.SIGSTOP)
        try:
            await asyncio.sleep(PAUSE_SECONDS)
        finally:
            await target.mesh.kill(name, signal.SIGCONT)

    return pause


async def _kill_all_services(target: FaultTarget, random: Random) -> None:
    for name in SERVICES:
        await target.mesh.kill(name, signal.SIGKILL)
    for name in SERVICES:
        await target.mesh.wait_restarted(name)


def _kill_evaluating(module: str) -> Fault:
    async def kill(target: FaultTarget, random: Random) -> None:
        for _ in range(WAITS_FOR_EVALUATING):
            await asyncio.sleep(random.uniform(0, MAX_EVALUATING_DELAY_SECONDS))
            if kill_child(target.mesh, module):
                return

    return kill


async def _restart_nats(target: FaultTarget, random: Random) -> None:
    await target.mesh.stop("nats")
    await target.mesh.start("nats")


async def _restart_postgres(target: FaultTarget, random: Random) -> None:
    await target.mesh.stop("postgres")
    await target.mesh.start("postgres")


async def _wipe_nats(target: FaultTarget, random: Random) -> None:
    await target.mesh.wipe_nats()


async def _fill_providers(target: FaultTarget, random: Random) -> None:
    allowed = [provider.allowed_at_once for provider in target.providers]
    for provider in target.providers:
        provider.allowed_at_once = 0
    try:
        await asyncio.sleep(random.uniform(*FULL_SECONDS))
    finally:
        for provider, before in zip(target.providers, allowed, strict=True):
            provider.allowed_at_once = before


async def _fail_receiver(target: FaultTarget, random: Random) -> None:
    # Not 502, after which the sender waits for at least a minute.
    behaviours = target.receiver.behaviours
    working = behaviours["ok"]
    behaviours["ok"] = random.choice([behaviours["failing"], behaviours["closing"]])
    try:
        await asyncio.sleep(random.uniform(*BROKEN_SECONDS))
    finally:
        behaviours["ok"] = working


async def _fill_disk(target: FaultTarget, random: Random) -> None:
    assert target.disk is not None
    target.disk.fill()
    try:
        await asyncio.sleep(random.uniform(*DISK_SECONDS))
    finally:
        target.disk.empty()


FULL_DISK = "fill the disk"
FAULTS: Mapping[str, Fault] = {
    **{f"kill {name}": _kill(name) for name in PROCESSES},
    "kill all services": _kill_all_services,
    **{f"pause {name}": _pause(name) for name in PAUSED},
    **{f"kill {module}": _kill_evaluating(module) for module in (WORKER, MODEL_OWNER)},
    "restart postgres": _restart_postgres,
    "restart nats": _restart_nats,
    "wipe nats": _wipe_nats,
    "providers answer 429": _fill_providers,
    "receiver of webhooks fails": _fail_receiver,
    FULL_DISK: _fill_disk,
}
# These last for a whole round, together with the other faults.
DUPLICATE, REORDER = "duplicate events", "reorder events"
