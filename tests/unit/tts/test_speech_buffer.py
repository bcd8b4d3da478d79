"""The buffer between an engine and its listener."""

import asyncio
from contextlib import aclosing

import pytest

from services.runtime.errors import DeadlineExceeded
from services.tts.speech_buffer import Sink, SpeechBuffer, buffered


async def test_what_is_put_in_comes_out_in_order() -> None:
    async def fill(sink: Sink) -> None:
        for piece in (b"a", b"b", b"c"):
            await sink(piece)

    assert [piece async for piece in buffered(fill)] == [b"a", b"b", b"c"]


async def test_a_fault_comes_after_what_was_put_in_before_it() -> None:
    async def fill(sink: Sink) -> None:
        await sink(b"a")
        raise ValueError("broken off")

    pieces = buffered(fill)
    assert await anext(pieces) == b"a"
    with pytest.raises(ValueError, match="broken off"):
        await anext(pieces)


async def test_the_engine_waits_while_the_buffer_is_full() -> None:
    buffer, put = SpeechBuffer(limit_bytes=4), []

    async def fill() -> None:
        for piece in (b"aa", b"bb", b"cc"):
            await buffer.put(piece)
            put.append(piece)
        await buffer.end()

    filling = asyncio.create_task(fill())
    for _ in range(10):
        await asyncio.sleep(0)
    assert put == [b"aa", b"bb"]
    assert [piece async for piece in buffer.drain()] == [b"aa", b"bb", b"cc"]
    await filling


async def test_a_listener_who_stalls_is_given_up() -> None:
    buffer = SpeechBuffer(limit_bytes=2, stall_seconds=0.001)
    await buffer.put(b"aa")
    with pytest.raises(DeadlineExceeded, match=r"the audio was not read for 0\.001 s"):
        await buffer.put(b"bb")


async def test_closing_it_ends_the_filling() -> None:
    ended = asyncio.Event()

    async def fill(sink: Sink) -> None:
        try:
            while True:
                await sink(bytes(1024 * 1024))
        finally:
            ended.set()

    async with aclosing(buffered(fill)) as pieces:
        await anext(pieces)
    assert ended.is_set()
