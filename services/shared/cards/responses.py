"""Responses with share cards."""

from google.api.httpbody_pb2 import HttpBody

from services.runtime.rpc import Context

CONTENT_TYPE = "image/png"
MAX_AGE_SECONDS = 60
"""How long a browser or a proxy may keep the card of a public board or model. Boards change every few minutes."""


async def respond(context: Context, picture: bytes, name: str, *, private: bool) -> HttpBody:
    """Returns a picture as a response. Over HTTP it has the name of its file, and private ones are never stored."""
    await context.send_initial_metadata(
        (
            ("content-disposition", f'inline; filename="{name}.png"'),
            ("cache-control", "no-store" if private else f"public, max-age={MAX_AGE_SECONDS}"),
        )
    )
    return HttpBody(content_type=CONTENT_TYPE, data=picture)
