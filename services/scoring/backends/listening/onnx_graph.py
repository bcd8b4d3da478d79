"""Cuts a part out of an ONNX network, so that it can run on inputs of another length.

An ONNX file is a protobuf message. The few fields that matter here are read as they are in the file, so that the
package `onnx` is not needed.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum
from typing import NamedTuple

MODEL_GRAPH = 7
GRAPH_NODE, GRAPH_NAME, GRAPH_INITIALIZER, GRAPH_INPUT, GRAPH_OUTPUT = 1, 2, 5, 11, 12
NODE_INPUT, NODE_OUTPUT = 1, 2
TENSOR_NAME = 8
"""Numbers of fields in onnx.proto."""
FLOAT = 1


class WireType(IntEnum):
    """How protobuf writes a field."""

    number = 0
    of_8_bytes = 1
    content = 2
    of_4_bytes = 5


class _Field(NamedTuple):
    """A field of a message."""

    number: int
    content: bytes
    """Empty unless it is a text or a message."""
    whole: bytes
    """As it is in the file, with its number."""


def cut(model: bytes, start: str, end: str, dimensions: int) -> bytes:
    """Returns the part of a network that computes the tensor `end` from the tensor `start`. Both have floats.

    `start` gets that many dimensions of any size. Raises ValueError if the network computes no `end` from `start`.
    """
    graph = [part for field in _fields(model) if field.number == MODEL_GRAPH for part in _fields(field.content)]
    wanted, nodes = {end}, []
    # A node comes after those that it needs.
    for node in reversed([part for part in graph if part.number == GRAPH_NODE]):
        if (wanted - {start}).intersection(_texts(node, NODE_OUTPUT)):
            nodes.append(node)
            wanted.update(_texts(node, NODE_INPUT))
    if not nodes or start not in wanted:
        raise ValueError(f"the network has no {end} that follows from {start}")
    weights = [
        part for part in graph if part.number == GRAPH_INITIALIZER and wanted.intersection(_texts(part, TENSOR_NAME))
    ]
    shape = b"".join(_message(1, b"") for _ in range(dimensions))
    piece = b"".join(
        [
            *(part.whole for part in [*reversed(nodes), *weights]),
            _message(GRAPH_NAME, b"part"),
            _message(GRAPH_INPUT, _tensor(start, _message(2, shape))),
            _message(GRAPH_OUTPUT, _tensor(end, b"")),
        ]
    )
    rest = b"".join(field.whole for field in _fields(model) if field.number != MODEL_GRAPH)
    return rest + _message(MODEL_GRAPH, piece)


def _tensor(name: str, shape: bytes) -> bytes:
    """Returns the content of a ValueInfoProto: a name, and a type that is a tensor of floats."""
    kind = bytes([1 << 3 | WireType.number, FLOAT]) + shape
    return _message(1, name.encode()) + _message(2, _message(1, kind))


def _texts(field: _Field, number: int) -> set[str]:
    return {part.content.decode() for part in _fields(field.content) if part.number == number}


def _fields(message: bytes) -> Iterator[_Field]:
    at = 0
    while at < len(message):
        begin = at
        key, at = _varint(message, at)
        content = b""
        match key & 7:
            case WireType.number:
                _, at = _varint(message, at)
            case WireType.of_8_bytes:
                at += 8
            case WireType.content:
                length, at = _varint(message, at)
                content = message[at : at + length]
                at += length
            case WireType.of_4_bytes:
                at += 4
            case other:
                raise ValueError(f"a field has the unknown wire type {other}")
        yield _Field(key >> 3, content, message[begin:at])


def _varint(message: bytes, at: int) -> tuple[int, int]:
    """Returns a number and where it ends."""
    value = shift = 0
    while True:
        byte = message[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at


def _message(number: int, content: bytes) -> bytes:
    """Returns a field that is a text or a message."""
    return _as_varint(number << 3 | WireType.content) + _as_varint(len(content)) + content


def _as_varint(value: int) -> bytes:
    found = bytearray()
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    return bytes([*found, value])
