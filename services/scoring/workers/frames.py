"""Messages between the processes that evaluate: JSON, and arrays beside it. Nothing is pickled.

A frame is its length in 4 bytes, a JSON object with the message and the shapes of its arrays, and the arrays. A sender
can `share` the arrays instead: it sends a file without a name, which the receiver maps into its memory.
"""

from __future__ import annotations

import json
import math
import mmap
import os
import socket
import struct
from asyncio import StreamReader
from tempfile import TemporaryFile
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.scoring.pipeline.outcome_json import to_json

MAX_FRAME_BYTES = 256 * 1024 * 1024
ARRAY = "$array"
"""The key of an object that stands for an array: its index."""
DTYPES = ("float32", "float64", "int16", "int64", "bool")
_LENGTH = struct.Struct(">I")


class ConnectionLost(Exception):
    """The other process ended or sent something that is not a frame."""


def encoded(message: Any) -> bytes:
    """Returns a frame without arrays."""
    content = json.dumps({"message": to_json(message), "arrays": [], "shared": False}, allow_nan=False).encode()
    return _LENGTH.pack(len(content)) + content


async def read(reader: StreamReader) -> Any:
    """Reads the message of a frame without arrays. Raises ConnectionLost at the end."""
    try:
        (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
        return json.loads(await reader.readexactly(_checked(length)))["message"]
    except (EOFError, OSError, ValueError, LookupError) as error:
        raise ConnectionLost from error


def send(connection: socket.socket, message: Any, *, share: bool = False) -> None:
    """Sends a message with its arrays. Raises ConnectionLost if the other process ended."""
    arrays: list[NDArray[Any]] = []
    content = json.dumps(
        {
            "message": to_json(message, lambda array: _place(array, arrays)),
            "arrays": [{"dtype": array.dtype.name, "shape": array.shape} for array in arrays],
            "shared": share and bool(arrays),
        },
        allow_nan=False,
    ).encode()
    try:
        if share and arrays:
            with TemporaryFile() as file:
                for array in arrays:
                    array.tofile(file)
                file.flush()
                socket.send_fds(connection, [_LENGTH.pack(len(content))], [file.fileno()])
            connection.sendall(content)
        else:
            connection.sendall(_LENGTH.pack(len(content)) + content)
            for array in arrays:
                connection.sendall(array.tobytes())
    except OSError as error:
        raise ConnectionLost from error


def receive(connection: socket.socket) -> Any:
    """Returns the next message with its arrays, which may be changed. Raises ConnectionLost at the end."""
    files: list[int] = []
    try:
        start, files, _, _ = socket.recv_fds(connection, _LENGTH.size, 1)
        start += _exactly(connection, _LENGTH.size - len(start))
        header = json.loads(_exactly(connection, _checked(_LENGTH.unpack(start)[0])))
        sizes = [_size(one) for one in header["arrays"]]
        if header["shared"]:
            content: Any = mmap.mmap(files[0], sum(sizes), access=mmap.ACCESS_COPY) if sum(sizes) else b""
        else:
            content = _exactly(connection, _checked(sum(sizes)))
        return _placed(header["message"], _arrays(content, header["arrays"], sizes))
    except (OSError, ValueError, LookupError) as error:
        raise ConnectionLost from error
    finally:
        for file in files:
            os.close(file)


def _place(array: NDArray[Any], arrays: list[NDArray[Any]]) -> dict[str, int]:
    arrays.append(np.ascontiguousarray(array))
    return {ARRAY: len(arrays) - 1}


def _placed(value: Any, arrays: list[NDArray[Any]]) -> Any:
    if isinstance(value, dict):
        if value.keys() == {ARRAY}:
            return arrays[value[ARRAY]]
        return {key: _placed(one, arrays) for key, one in value.items()}
    if isinstance(value, list):
        return [_placed(one, arrays) for one in value]
    return value


def _arrays(content: Any, described: list[dict[str, Any]], sizes: list[int]) -> list[NDArray[Any]]:
    arrays, at = [], 0
    for one, size in zip(described, sizes, strict=True):
        dtype = np.dtype(one["dtype"])
        flat = np.frombuffer(content, dtype, size // dtype.itemsize, at) if size else np.zeros(0, dtype)
        arrays.append(flat.reshape(one["shape"]))
        at += size
    return arrays


def _size(described: dict[str, Any]) -> int:
    if described["dtype"] not in DTYPES:
        raise ValueError(f"Arrays of {described['dtype']} are not sent.")
    return math.prod(map(int, described["shape"])) * int(np.dtype(described["dtype"]).itemsize)


def _exactly(connection: socket.socket, length: int) -> bytearray:
    content = bytearray(length)
    view = memoryview(content)
    while view:
        count = connection.recv_into(view)
        if not count:
            raise ConnectionLost
        view = view[count:]
    return content


def _checked(length: int) -> int:
    if length > MAX_FRAME_BYTES:
        raise ValueError(f"A frame has at most {MAX_FRAME_BYTES} bytes.")
    return length
