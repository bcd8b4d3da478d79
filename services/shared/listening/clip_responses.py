"""Clips as responses: over gRPC as a whole, and over plain HTTP with byte ranges."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from google.api.httpbody_pb2 import HttpBody

from services.runtime.errors import FieldViolation, InvalidInput
from services.runtime.http_bytes import BytesRequest, Content
from services.runtime.rpc import Context
from services.shared.listening.access_log_servicer import HEADER, header
from services.shared.listening.clips import Clips

# A clip is for one listener, so no cache on the way may keep it.
NO_STORE = {"cache-control": "no-store"}
CONTENT_TYPE = "audio/wav"


async def stream(clips: Clips, name: str, context: Context) -> AsyncGenerator[HttpBody, None]:
    """Yields the messages of an RPC that sends a clip. Only the first has a content type."""
    clip = await clips.find(name)
    size = len(clip.content)
    await context.send_initial_metadata((*NO_STORE.items(), (HEADER, header(clip.name, 0, size, size))))
    kind = CONTENT_TYPE
    async with aclosing(clip.pieces()) as pieces:
        async for piece in pieces:
            yield HttpBody(content_type=kind, data=piece)
            kind = ""


async def find(clips: Clips, asked: BytesRequest) -> Content:
    """Returns the clip that a plain HTTP request asks for. Raises InvalidInput if the request has query parameters."""
    if asked.query:
        unknown = (FieldViolation(name[:100], "is not a parameter of this request") for name in sorted(asked.query))
        raise InvalidInput.of(*unknown)
    clip = await clips.find(asked.name)
    return Content(
        content_type=CONTENT_TYPE,
        size=len(clip.content),
        etag=clip.etag,
        read=clip.pieces,
        headers={**NO_STORE, "content-disposition": "inline"},
        sending=lambda part: {HEADER: header(clip.name, part.start, part.end, part.size)},
    )
