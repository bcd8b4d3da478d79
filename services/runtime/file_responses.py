"""Responses that are files, in pieces."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from google.api.httpbody_pb2 import HttpBody

from services.runtime.exports import PIECE_BYTES
from services.runtime.rpc import Context


async def file_pieces(
    context: Context, name: str, content_type: str, pieces: AsyncGenerator[bytes]
) -> AsyncGenerator[HttpBody]:
    """Yields a file as messages of at most PIECE_BYTES. Over HTTP the response has the file's name and type.

    An error before the first piece leaves the response without headers, so that it is an error over HTTP too.
    """
    begun = False
    async with aclosing(pieces):
        async for piece in pieces:
            if not begun:
                # Over HTTP this is a header. Browsers and `curl -OJ` take the file name from it.
                await context.send_initial_metadata((("content-disposition", f'attachment; filename="{name}"'),))
            for start in range(0, max(len(piece), 1), PIECE_BYTES):
                # HTTP takes the type from the first message only.
                yield HttpBody(content_type="" if begun else content_type, data=piece[start : start + PIECE_BYTES])
                begun = True
