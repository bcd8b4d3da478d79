"""Clips as answers: over gRPC in one piece, and over plain HTTP with ranges."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from google.api.httpbody_pb2 import HttpBody

from services.runtime.errors import FieldViolation, InvalidInput
from services.runtime.http_bytes import Asked, Content
from services.runtime.rpc import Context
from services.shared.listening.access_log_servicer import HEADER, header
from services.shared.listening.clips import Clips

# A clip is for one listener; nobody on the way keeps it.
NOT_KEPT = {"cache-control": "no-store"}
CONTENT_TYPE = "audio/wav"


async def stream(clips: Clips, name: str, context: Context) -> AsyncGenerator[HttpBody, None]:
    """Yields the messages of an RPC that sends a clip."""
    clip = await clips.find(name)
    size = len(clip.content)
    await context.send_initial_metadata((*NOT_KEPT.items(), (HEADER, header(clip.name, 0, size, size))))
    kind = CONTENT_TYPE
    async with aclosing(clip.pieces()) as pieces:
        async for piece in pieces:
            yield HttpBody(content_type=kind, data=piece)
            kind = ""


async def find(clips: Clips, asked: Asked) -> Content:
    """Returns the clip that is asked for over plain HTTP."""
    if asked.query:
        unknown = (FieldViolation(name[:100], "there is no such parameter") for name in sorted(asked.query))
        raise InvalidInput.of(*unknown)
    clip = await clips.find(asked.name)
    return Content(
        content_type=CONTENT_TYPE,
        size=len(clip.content),
        etag=clip.etag,
        read=clip.pieces,
        headers={**NOT_KEPT, "content-disposition": "inline"},
        sending=lambda part: {HEADER: header(clip.name, part.start, part.end, part.size)},
    )
