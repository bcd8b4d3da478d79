"""Resolves a target's host name and checks its addresses, once for each attempt.

Each resolution runs in its own daemon thread. A name server that does not respond then delays no other resolution,
occupies none of the event loop's few threads, and does not hold up the end of the process.
"""

import asyncio
import ipaddress
import socket
import threading
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial

from services.experiments.webhooks.ssrf_guard.addresses import Address, ip_literal, is_loopback_name
from services.experiments.webhooks.ssrf_guard.policy import SsrfPolicy
from services.experiments.webhooks.ssrf_guard.urls import Target

MAX_CONCURRENT_RESOLUTIONS = 64
# Addresses of one name that an attempt tries.
MAX_ADDRESSES = 4

Resolver = Callable[[str, int], Awaitable[Sequence[Address]]]
"""Returns the addresses of a name. Raises OSError if it has none."""


class ForbiddenTarget(Exception):
    """A target that the SSRF guard refuses. The message is a phrase after "it", and does not reveal the address."""


async def resolve_allowed(target: Target, resolver: Resolver, policy: SsrfPolicy) -> Sequence[Address]:
    """Returns the addresses to connect to, in order of preference.

    Raises ForbiddenTarget if any address is not allowed: a name with both kinds was made to deceive. Raises OSError if
    the name has no address.
    """
    if policy.names_mesh_port(target.host, target.port):
        raise ForbiddenTarget("leads to a port of this installation")
    address = ip_literal(target.host)
    found = [address] if address else await resolver(target.host, target.port)
    if is_loopback_name(target.host):
        # The operator may have allowed only one of the two loopback addresses.
        found = [each for each in found if policy.allows(target.host, each, target.port)] or found
    if not found:
        raise OSError("no address")
    if not all(policy.allows(target.host, address, target.port) for address in found):
        raise ForbiddenTarget("leads to an address that is not public")
    if await _leads_to_mesh(target, found, resolver, policy):
        raise ForbiddenTarget("leads to a port of this installation")
    return found[:MAX_ADDRESSES]


async def _leads_to_mesh(target: Target, found: Sequence[Address], resolver: Resolver, policy: SsrfPolicy) -> bool:
    for host, port in policy.mesh_hosts_on(target.port):
        known: Sequence[Address] = ()
        with suppress(OSError):
            address = ip_literal(host)
            known = [address] if address else await resolver(host, port)
        if any(policy.is_same_host(address, known) for address in found):
            return True
    return False


class SystemResolver:
    """Resolves names with the system's resolver."""

    def __init__(self) -> None:
        self._slots = asyncio.Semaphore(MAX_CONCURRENT_RESOLUTIONS)

    async def __call__(self, host: str, port: int) -> Sequence[Address]:
        await self._slots.acquire()
        loop = asyncio.get_running_loop()
        addresses: asyncio.Future[Sequence[Address]] = loop.create_future()

        def resolve() -> None:
            try:
                infos = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
                settle = partial(addresses.set_result, [ipaddress.ip_address(info[4][0]) for info in infos])
            except (OSError, ValueError) as failure:
                # ValueError: the name can't be encoded, or the address has a zone.
                settle = partial(addresses.set_exception, OSError(str(failure)))
            with suppress(RuntimeError):  # The event loop was closed during the resolution.
                loop.call_soon_threadsafe(finish, settle)

        def finish(settle: Callable[[], None]) -> None:
            self._slots.release()
            if not addresses.done():
                settle()

        try:
            threading.Thread(target=resolve, name="webhook resolver", daemon=True).start()
        except RuntimeError as error:
            self._slots.release()
            raise OSError(f"no thread could be started to resolve the name: {error}") from error
        return await addresses
