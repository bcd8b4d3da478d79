import asyncio
import json
import socket
import struct
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from services.scoring.workers import frames
from services.scoring.workers.frames import ConnectionLost


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    first, second = socket.socketpair()
    with first, second:
        yield first, second


@pytest.mark.parametrize("share", [True, False])
def test_arrays_arrive_as_they_were_sent(pair: tuple[socket.socket, socket.socket], share: bool) -> None:
    samples, flags = np.linspace(-1, 1, 2000, dtype=np.float32), np.array([[True], [False]])
    frames.send(pair[0], {"items": [samples, np.zeros(0, np.int64)], "flags": flags, "text": "né"}, share=share)
    received = frames.receive(pair[1])
    assert np.array_equal(received["items"][0], samples)
    assert received["items"][0].dtype == np.float32
    assert received["items"][1].shape == (0,)
    assert np.array_equal(received["flags"], flags)
    assert received["text"] == "né"


def test_shared_arrays_can_be_changed_without_effect_on_the_sender(pair: tuple[socket.socket, socket.socket]) -> None:
    samples = np.ones(10, np.float32)
    frames.send(pair[0], [samples], share=True)
    (received,) = frames.receive(pair[1])
    received[:] = 0
    assert samples.tolist() == [1.0] * 10


def test_only_arrays_of_numbers_are_received(pair: tuple[socket.socket, socket.socket]) -> None:
    header = json.dumps({"message": None, "arrays": [{"dtype": "object", "shape": [1]}], "shared": False}).encode()
    pair[0].sendall(struct.pack(">I", len(header)) + header + bytes(8))
    with pytest.raises(ConnectionLost):
        frames.receive(pair[1])


@pytest.mark.parametrize("content", [b"", b"\0\0", struct.pack(">I", 2**31), struct.pack(">I", 4) + b"text"])
async def test_a_broken_frame_is_a_lost_connection(content: bytes, pair: tuple[socket.socket, socket.socket]) -> None:
    reader = asyncio.StreamReader()
    reader.feed_data(content)
    reader.feed_eof()
    with pytest.raises(ConnectionLost):
        await frames.read(reader)
    pair[0].sendall(content)
    pair[0].close()
    with pytest.raises(ConnectionLost):
        frames.receive(pair[1])


def test_numbers_that_are_not_numbers_are_not_sent(pair: tuple[socket.socket, socket.socket]) -> None:
    value: Any = {"value": float("nan")}
    with pytest.raises(ValueError, match="not JSON compliant"):
        frames.send(pair[0], value)
