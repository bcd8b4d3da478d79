"""The buffer between an engine and the client of a stream."""

import asyncio
from contextlib import aclosing

import pytest

from services.runtime.errors import Busy, DeadlineExceeded
from services.tts.speech_buffer import Sink, SpeechBuffer, StreamMemory, buffered

DEVELOPER = "dev_a"


def buffer_of(
    memory: StreamMemory | None = None, *, wanted: bool = False, blocked: float = 60.0, stall: float = 60.0
) -> SpeechBuffer:
    memory = memory or StreamMemory()
    return SpeechBuffer(memory, DEVELOPER, lambda: wanted, blocked_seconds=blocked, stall_seconds=stall)


async def test_audio_comes_out_in_order() -> None:
    async def fill(sink: Sink) -> None:
        for piece in (b"a", b"b", b"c"):
            await sink(piece)

    assert [piece async for piece in buffered(fill, buffer_of())] == [b"a", b"b", b"c"]


async def test_an_error_comes_after_the_audio_before_it() -> None:
    async def fill(sink: Sink) -> None:
        await sink(b"a")
        raise ValueError("the engine failed")

    pieces = buffered(fill, buffer_of())
    assert await anext(pieces) == b"a"
    with pytest.raises(ValueError, match="the engine failed"):
        await anext(pieces)


async def test_the_engine_waits_while_the_buffer_is_full() -> None:
    buffer, put = buffer_of(StreamMemory(max_stream_bytes=4, min_stream_bytes=0)), []

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


async def test_a_stream_that_is_not_read_is_ended() -> None:
    buffer = buffer_of(StreamMemory(max_stream_bytes=2, min_stream_bytes=0), stall=0.001)
    await buffer.put(b"aa")
    with pytest.raises(DeadlineExceeded, match="The audio was not read in time"):
        await buffer.put(b"bb")
    with pytest.raises(DeadlineExceeded):
        [_ async for _ in buffer.drain()]


@pytest.mark.parametrize("wanted", [True, False])
async def test_a_blocked_engine_gives_up_its_slot_if_another_request_waits(wanted: bool) -> None:
    buffer = buffer_of(StreamMemory(max_stream_bytes=2, min_stream_bytes=0), wanted=wanted, blocked=0.001)
    await buffer.put(b"aa")
    putting = asyncio.create_task(buffer.put(b"bb"))
    done, _ = await asyncio.wait([putting], timeout=0.5)
    assert bool(done) is wanted
    putting.cancel()
    await asyncio.gather(putting, return_exceptions=True)


async def test_a_stream_that_is_not_read_is_ended_although_its_engine_has_finished() -> None:
    memory = StreamMemory(max_developer_bytes=4)

    async def fill(sink: Sink) -> None:
        for _ in range(4):
            await sink(b"aaaa")

    async with aclosing(buffered(fill, buffer_of(memory, stall=0.01))) as pieces:
        await anext(pieces)
        while not memory.has_free_memory(DEVELOPER, 10**6):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        with pytest.raises(DeadlineExceeded):
            await anext(pieces)


async def test_each_developer_has_a_limit_and_each_stream_a_minimum() -> None:
    memory = StreamMemory(max_stream_bytes=100, max_developer_bytes=50, max_process_bytes=120, min_stream_bytes=10)
    buffers = [SpeechBuffer(memory, developer, lambda: False) for developer in ("ann", "ann", "bob", "cleo")]
    await buffers[0].put(bytes(50))
    assert [memory.has_free_memory(who, 20) for who in ("ann", "bob")] == [False, True]
    assert memory.has_free_memory("ann", 9)
    with pytest.raises(Busy, match="Your other streams hold"):
        memory.check("ann")
    memory.check("bob")
    await buffers[2].put(bytes(70))
    assert not memory.has_free_memory("cleo", 20)
    assert memory.has_free_memory("cleo", 0)
    buffers[2].clear()
    assert memory.has_free_memory("cleo", 20)
    buffers[0].clear()
    memory.check("ann")


async def test_closing_the_stream_cancels_the_task_that_fills_it() -> None:
    ended = asyncio.Event()

    async def fill(sink: Sink) -> None:
        try:
            while True:
                await sink(bytes(1024 * 1024))
        finally:
            ended.set()

    async with aclosing(buffered(fill, buffer_of())) as pieces:
        await anext(pieces)
    assert ended.is_set()
