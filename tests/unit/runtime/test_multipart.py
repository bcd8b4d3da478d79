"""A form is read while it arrives, whatever the pieces in which it does."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest

from services.runtime.errors import ArenaError, InvalidInput, RequestTooLarge
from services.runtime.multipart import MAX_FIELDS_BYTES, MAX_PARTS, Multipart, boundary_of

END = b"--b--\r\n"


def part(name: str, content: bytes, more: str = "") -> bytes:
    return f'--b\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'.encode() + content + b"\r\n"


async def read(body: bytes, piece_bytes: int = 1000) -> tuple[bytes, dict[str, list[str]]]:
    async def arriving() -> AsyncGenerator[bytes, None]:
        for start in range(0, len(body), piece_bytes):
            yield body[start : start + piece_bytes]

    form = Multipart(b"b", arriving(), "audio")
    await form.begin()
    return b"".join([piece async for piece in form.pieces()]), form.fields


@pytest.mark.parametrize("piece_bytes", [1, 2, 7, 64, 100_000])
async def test_fields_before_and_after_the_file_are_read(piece_bytes: int) -> None:
    content = bytes(range(256)) * 8 + b"\r\n--c\r\n--b\n--"
    body = part("steps", b"decode") + part("audio", content, '; filename="a.wav"\r\nContent-Type: audio/wav')
    body += part("steps", b"signal") + part("reference_text", "Grüße".encode()) + END
    found = await read(body, piece_bytes)
    assert found == (content, {"steps": ["decode", "signal"], "reference_text": ["Grüße"]})


async def test_the_fields_before_the_file_are_known_before_the_file_is_read() -> None:
    async def arriving() -> AsyncGenerator[bytes, None]:
        yield part("language", b"de") + part("audio", b"")[:-2]
        raise AssertionError("the file is not read yet")

    form = Multipart(b"b", arriving(), "audio")
    await form.begin()
    assert form.fields == {"language": ["de"]}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (END, "audio: must be a part of the body with the name audio"),
        (part("language", b"de") + END, "audio: must be a part of the body with the name audio"),
        (part("audio", b"a") + part("audio", b"b") + END, "audio: must be given once"),
        (part("audio", b"abc"), "the body must be multipart/form-data: it ends before its last boundary"),
        (part("audio", b"abc") + b"--b", "the body must be multipart/form-data: it ends before its last boundary"),
        (
            b"RIFF....WAVE",
            "the body must be multipart/form-data: it is not divided into parts as its content type says",
        ),
        (
            b"--b\r\nContent-Type: audio/wav\r\n\r\nx\r\n" + END,
            "the body must be multipart/form-data: a part has no name",
        ),
        (part("language", b"\xff") + END, "language: must be text in UTF-8"),
        (b"", "the body must be multipart/form-data: it ends before its last boundary"),
    ],
)
async def test_a_bad_form_is_refused_with_its_fault(body: bytes, message: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        await read(body)
    assert refused.value.message == message


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (part("reference_text", b"x" * (MAX_FIELDS_BYTES + 1)) + END, RequestTooLarge),
        (part("names", b"x") * (MAX_PARTS + 1) + END, InvalidInput),
        (b"--b\r\n" + b"a: b\r\n" * 1000 + b"\r\n" + END, InvalidInput),
        (b"--b\r\na: " + b"b" * 100_000 + b"\r\n\r\n" + END, InvalidInput),
    ],
)
async def test_fields_and_headers_have_limits(body: bytes, kind: type[ArenaError]) -> None:
    with pytest.raises(kind):
        await read(body)


def test_the_content_type_needs_a_boundary() -> None:
    assert boundary_of('multipart/form-data; boundary="a b"') == b"a b"
    with pytest.raises(InvalidInput, match="its content type has no boundary"):
        boundary_of("multipart/form-data")
