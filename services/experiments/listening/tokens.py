"""Signed tokens of links and listeners, which only this installation can make.

A link's token is 64 characters and holds the link's id and expiry; a listener's is 54, holds the listener's id, and is
read for one link only. So a token that was guessed, changed or taken to another link is refused before any look-up.
"""

import struct
from datetime import UTC, datetime

from services.runtime.errors import Unauthenticated
from services.runtime.signing import TokenSigner

LINK_PREFIX, LISTENER_PREFIX = "lnk", "lsn"
_LINK = struct.Struct(">16sQ")
ASK_FOR_LINK = "ask whoever sent it for a new one"


class ListeningTokens:
    """Makes and reads tokens. All processes of the service must share the secret."""

    def __init__(self, secret: str) -> None:
        self._links = TokenSigner(secret, "listening links")
        self._listeners = TokenSigner(secret, "listeners")

    def of_link(self, link_id: str, expires_at: datetime) -> str:
        """Returns the token of a link; the same every time. `expires_at` is in whole seconds."""
        return self._links.token(_LINK.pack(_raw(link_id), int(expires_at.timestamp())))

    def of_listener(self, listener_id: str, link_id: str) -> str:
        """Returns the token of a listener of a link; the same every time."""
        return self._listeners.token(_raw(listener_id), _raw(link_id))

    def link(self, token: str, at: datetime) -> str:
        """Returns the id of the link that a token is of; Unauthenticated if it was changed or has expired."""
        content = self._links.content(token)
        if content is None:
            raise Unauthenticated(f"this is not a whole listening link: copy all of it, or {ASK_FOR_LINK}")
        raw, expires = _LINK.unpack(content)
        if at >= datetime.fromtimestamp(expires, UTC):
            raise Unauthenticated(f"this listening link has expired: {ASK_FOR_LINK}")
        return f"{LINK_PREFIX}_{raw.hex()}"

    def listener(self, token: str, link_id: str) -> str:
        """Returns the id of the listener that a token is of; Unauthenticated if it was not made for this link."""
        raw = self._listeners.content(token, _raw(link_id))
        if raw is None:
            raise Unauthenticated(
                "this listener has not joined by this link: join, and use the listener that comes back"
            )
        return f"{LISTENER_PREFIX}_{raw.hex()}"


def _raw(id_: str) -> bytes:
    return bytes.fromhex(id_.partition("_")[2])
