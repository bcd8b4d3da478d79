"""Warms each provider up once per run, before anything is measured."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable

# A run that is forgotten while it is in progress only warms its providers up once more.
MAX_REMEMBERED_RUNS = 2000

Key = tuple[str, ...]


class WarmUps:
    """The warm-ups of this process."""

    def __init__(self, max_remembered: int = MAX_REMEMBERED_RUNS) -> None:
        self._max_remembered = max_remembered
        self._known: OrderedDict[Key, asyncio.Future[bool]] = OrderedDict()

    async def once(self, key: Key, warm_up: Callable[[], Awaitable[None]]) -> None:
        """Runs `warm_up` unless it has already run under this key. Waits if another task is running it.

        If that task fails or is cancelled, the next waiting task runs it.
        """
        while True:
            running = self._known.get(key)
            if running is None:
                await self._run(key, warm_up)
                return
            self._known.move_to_end(key)
            # Shielded, because the cancellation of one waiting task must not cancel the future for the others.
            if await asyncio.shield(running):
                return

    async def _run(self, key: Key, warm_up: Callable[[], Awaitable[None]]) -> None:
        own = self._known[key] = asyncio.get_running_loop().create_future()
        while len(self._known) > self._max_remembered:
            self._known.popitem(last=False)
        done = False
        try:
            await warm_up()
            done = True
        finally:
            if not done and self._known.get(key) is own:
                del self._known[key]
            own.set_result(done)
