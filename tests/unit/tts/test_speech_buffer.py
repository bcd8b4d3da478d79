"""The buffer between an engine and its listener."""

import asyncio
from contextlib import aclosing

import pytest

from services.runtime.errors import Busy, DeadlineExceeded
from services.tts.speech_buffer import Sink, SpeechBuffer, SpeechSpace, buffered

DEVELOPER = "dev_a"


def buffer_of(
    space: SpeechSpace | None = None, *, wanted: bool = False, blocked: float = 60.0, stall: float = 60.0
) -> SpeechBuffer:
    space = space or SpeechSpace()
    return SpeechBuffer(space, DEVELOPER, lambda: wanted, blocked_seconds=blocked, stall_seconds=stall)


async def test_what_is_put_in_comes_out_in_order() -> None:
    async def fill(sink: Sink) -> None:
        for piece in (b"a", b"b", b"c"):
            await sink(piece)

    assert [piece async for piece in buffered(fill, buffer_of())] == [b"a", b"b", b"c"]


async def test_a_fault_comes_after_what_was_put_in_before_it() -> None:
    async def fill(sink: Sink) -> None:
        await sink(b"a")
        raise ValueError("broken off")

    pieces = buffered(fill, buffer_of())
    assert await anext(pieces) == b"a"
    with pytest.raises(ValueError, match="broken off"):
        await anext(pieces)


async def test_the_engine_waits_while_the_buffer_is_full() -> None:
    buffer, put = buffer_of(SpeechSpace(per_stream=4, always=0)), []

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
    buffer = buffer_of(SpeechSpace(per_stream=2, always=0), stall=0.001)
    await buffer.put(b"aa")
    with pytest.raises(DeadlineExceeded, match="the audio was not read in time"):
        await buffer.put(b"bb")
    with pytest.raises(DeadlineExceeded):
        [_ async for _ in buffer.drain()]


@pytest.mark.parametrize("wanted", [True, False])
async def test_an_engine_that_is_held_up_leaves_its_slot_when_somebody_waits_for_it(wanted: bool) -> None:
    buffer = buffer_of(SpeechSpace(per_stream=2, always=0), wanted=wanted, blocked=0.001)
    await buffer.put(b"aa")
    putting = asyncio.create_task(buffer.put(b"bb"))
    done, _ = await asyncio.wait([putting], timeout=0.5)
    assert bool(done) is wanted
    putting.cancel()
    await asyncio.gather(putting, return_exceptions=True)


async def test_a_stream_that_is_not_read_is_thrown_away_though_its_engine_is_done() -> None:
    space = SpeechSpace(per_developer=4)

    async def fill(sink: Sink) -> None:
        for _ in range(4):
            await sink(b"aaaa")

    async with aclosing(buffered(fill, buffer_of(space, stall=0.01))) as pieces:
        await anext(pieces)
        while not space.has_room(DEVELOPER, 10**6):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        with pytest.raises(DeadlineExceeded):
            await anext(pieces)


async def test_developers_have_bounds_of_their_own_and_each_stream_its_least() -> None:
    space = SpeechSpace(per_stream=100, per_developer=50, in_all=120, always=10)
    buffers = [SpeechBuffer(space, developer, lambda: False) for developer in ("ann", "ann", "bob", "cleo")]
    await buffers[0].put(bytes(50))
    assert [space.has_room(who, 20) for who in ("ann", "bob")] == [False, True]
    assert space.has_room("ann", 9)
    with pytest.raises(Busy, match="of your other streams wait to be read"):
        space.check("ann")
    space.check("bob")
    await buffers[2].put(bytes(70))
    assert not space.has_room("cleo", 20)
    assert space.has_room("cleo", 0)
    buffers[2].clear()
    assert space.has_room("cleo", 20)
    buffers[0].clear()
    space.check("ann")


async def test_closing_it_ends_the_filling() -> None:
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
