"""A cache of things that are made when they are first needed."""

import asyncio
import weakref
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


class ByteLimitedCache(Generic[Key, Value]):
    """A cache of the values used last, limited by their size in bytes."""

    def __init__(self, max_bytes: int, size: Callable[[Value], int]) -> None:
        self._max_bytes = max_bytes
        self._size = size
        self._values: OrderedDict[Key, Value] = OrderedDict()
        self._bytes = 0
        self._making: weakref.WeakValueDictionary[Key, asyncio.Lock] = weakref.WeakValueDictionary()

    async def get(self, key: Key, make: Callable[[], Awaitable[Value]]) -> Value:
        """Returns the value of a key. Makes it once, even if many callers ask for it at the same time."""
        lock = self._making.setdefault(key, asyncio.Lock())
        async with lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key]
            value = self._values[key] = await make()
        self._bytes += self._size(value)
        while self._bytes > self._max_bytes:
            self._bytes -= self._size(self._values.popitem(last=False)[1])
        return value
