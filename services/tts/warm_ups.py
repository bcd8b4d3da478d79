"""Remembers for which runs a provider has been warmed up, so that each is once, before anything is measured."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable

# Runs end; one that is forgotten and goes on all the same only warms its providers up again.
MAX_REMEMBERED_RUNS = 2000

Key = tuple[str, ...]


class WarmUps:
    """The warm-ups of this process."""

    def __init__(self, most_remembered: int = MAX_REMEMBERED_RUNS) -> None:
        self._most = most_remembered
        self._known: OrderedDict[Key, asyncio.Future[bool]] = OrderedDict()

    async def once(self, key: Key, warm_up: Callable[[], Awaitable[None]]) -> None:
        """Runs `warm_up` if nobody did so under this key yet, and waits if somebody is at it.

        If it raises or is cancelled, the next who waits takes it over.
        """
        while True:
            under_way = self._known.get(key)
            if under_way is None:
                await self._lead(key, warm_up)
                return
            self._known.move_to_end(key)
            # Shielded, since who gives up waiting must not end it for the others.
            if await asyncio.shield(under_way):
                return

    async def _lead(self, key: Key, warm_up: Callable[[], Awaitable[None]]) -> None:
        own = self._known[key] = asyncio.get_running_loop().create_future()
        while len(self._known) > self._most:
            self._known.popitem(last=False)
        done = False
        try:
            await warm_up()
            done = True
        finally:
            if not done and self._known.get(key) is own:
                del self._known[key]
            own.set_result(done)
