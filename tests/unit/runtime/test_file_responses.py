"""Files are sent in pieces, with their name and type first."""

from collections.abc import AsyncGenerator

import pytest
from google.api.httpbody_pb2 import HttpBody

from services.runtime.errors import NotFound
from services.runtime.exports import PIECE_BYTES, ExportFile
from services.runtime.file_responses import file_pieces


class Headers:
    """A call that keeps the headers of its response."""

    def __init__(self) -> None:
        self.sent: list[tuple[tuple[str, str], ...]] = []

    async def send_initial_metadata(self, metadata: tuple[tuple[str, str], ...]) -> None:
        self.sent.append(metadata)


async def sent(pieces: AsyncGenerator[bytes], headers: Headers) -> list[HttpBody]:
    return [message async for message in file_pieces(headers, "a.csv", "text/csv", pieces)]  # type: ignore[arg-type]


async def test_a_large_file_is_cut() -> None:
    content, headers = bytes(range(256)) * 1000, Headers()
    messages = await sent(ExportFile("a.csv", "text/csv", content).pieces(), headers)
    assert [len(message.data) for message in messages] == [PIECE_BYTES] * 3 + [256_000 - 3 * PIECE_BYTES]
    assert b"".join(message.data for message in messages) == content
    assert [message.content_type for message in messages] == ["text/csv", "", "", ""]
    assert headers.sent == [(("content-disposition", 'attachment; filename="a.csv"'),)]


async def test_an_empty_file_has_one_message_with_its_type() -> None:
    headers = Headers()
    assert await sent(ExportFile("a.csv", "text/csv", b"").pieces(), headers) == [HttpBody(content_type="text/csv")]
    assert len(headers.sent) == 1


async def test_an_error_before_the_first_piece_leaves_the_headers_to_it() -> None:
    async def refused() -> AsyncGenerator[bytes]:
        raise NotFound.of("experiment", "exp_1")
        yield b""

    headers = Headers()
    with pytest.raises(NotFound):
        await sent(refused(), headers)
    assert headers.sent == []
