"""Resolves a target's name to addresses, once for each attempt.

Each look-up has a thread of its own. A name server that does not answer then delays no other look-up, and neither the
few threads of the event loop nor the end of the process.
"""

import asyncio
import ipaddress
import socket
import threading
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial

from services.experiments.webhooks.addresses import Address, is_loopback_name, literal
from services.experiments.webhooks.reach import Reach
from services.experiments.webhooks.targets import Target

# How many names are looked up at a time.
MAX_QUESTIONS = 64
# How many addresses of one name are tried.
MAX_ADDRESSES = 4

Lookup = Callable[[str, int], Awaitable[Sequence[Address]]]
"""Returns the addresses of a name. Raises OSError if it has none."""


class Forbidden(Exception):
    """A target may not be called. The message says why, without the address."""


async def addresses_of(target: Target, lookup: Lookup, reach: Reach) -> Sequence[Address]:
    """Returns the addresses to call, the best first.

    Raises Forbidden if one of them may not be called, OSError if there is none. One forbidden address refuses them all:
    a name that has both kinds was made to deceive.
    """
    if reach.names_mesh(target.host, target.port):
        raise Forbidden("it leads to a port of this installation")
    address = literal(target.host)
    found = [address] if address else await lookup(target.host, target.port)
    if is_loopback_name(target.host):
        # An operator may have opened only one of the two loopback addresses.
        found = [each for each in found if reach.takes(target.host, each, target.port)] or found
    if not found:
        raise OSError("no address")
    if not all(reach.takes(target.host, address, target.port) for address in found):
        raise Forbidden("the host is not a public one")
    if await _leads_to_mesh(target, found, lookup, reach):
        raise Forbidden("it leads to a port of this installation")
    return found[:MAX_ADDRESSES]


async def _leads_to_mesh(target: Target, found: Sequence[Address], lookup: Lookup, reach: Reach) -> bool:
    for host, port in reach.mesh_at(target.port):
        known: Sequence[Address] = ()
        with suppress(OSError):
            address = literal(host)
            known = [address] if address else await lookup(host, port)
        if any(reach.meets(address, known) for address in found):
            return True
    return False


class SystemLookup:
    """Asks the system's resolver."""

    def __init__(self) -> None:
        self._room = asyncio.Semaphore(MAX_QUESTIONS)

    async def __call__(self, host: str, port: int) -> Sequence[Address]:
        await self._room.acquire()
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Sequence[Address]] = loop.create_future()

        def ask() -> None:
            try:
                infos = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
                settle = partial(answer.set_result, [ipaddress.ip_address(info[4][0]) for info in infos])
            except (OSError, ValueError) as failure:
                # ValueError: a name that can't be encoded, an address with a zone.
                settle = partial(answer.set_exception, OSError(str(failure)))
            with suppress(RuntimeError):  # The process has ended meanwhile.
                loop.call_soon_threadsafe(answered, settle)

        def answered(settle: Callable[[], None]) -> None:
            self._room.release()
            if not answer.done():
                settle()

        try:
            threading.Thread(target=ask, name="webhook lookup", daemon=True).start()
        except RuntimeError as error:
            self._room.release()
            raise OSError(f"no thread to look the name up: {error}") from error
        return await answer
