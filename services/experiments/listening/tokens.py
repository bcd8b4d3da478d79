"""Signed tokens of links and listeners, which only this installation can make.

A link's token has 64 characters and holds the link's id and expiry. A listener's token has 54 characters, holds the
listener's id, and is valid for one link only. A token that was guessed, changed or used with another link is refused
without a database query.
"""

import struct
from datetime import UTC, datetime

from services.runtime.errors import Unauthenticated
from services.runtime.signing import TokenSigner

LINK_PREFIX, LISTENER_PREFIX = "lnk", "lsn"
_LINK = struct.Struct(">16sQ")
ASK_FOR_LINK = "Ask the person who sent it for a new one."


class ListeningTokens:
    """Makes and reads tokens. All processes of the service must have the same secret."""

    def __init__(self, secret: str) -> None:
        self._links = TokenSigner(secret, "listening links")
        self._listeners = TokenSigner(secret, "listeners")

    def of_link(self, link_id: str, expires_at: datetime) -> str:
        """Returns the token of a link, always the same. `expires_at` must be in whole seconds."""
        return self._links.token(_LINK.pack(_raw(link_id), int(expires_at.timestamp())))

    def of_listener(self, listener_id: str, link_id: str) -> str:
        """Returns the token of a listener of a link, always the same."""
        return self._listeners.token(_raw(listener_id), _raw(link_id))

    def link(self, token: str, at: datetime) -> str:
        """Returns the id of a token's link. Raises Unauthenticated if the token is malformed or has expired."""
        content = self._links.content(token)
        if content is None:
            raise Unauthenticated(
                "This listening link is incomplete or was changed. "
                "Copy all of it, or ask the person who sent it for a new one."
            )
        raw, expires = _LINK.unpack(content)
        if at >= datetime.fromtimestamp(expires, UTC):
            raise Unauthenticated(f"This listening link has expired. {ASK_FOR_LINK}")
        return f"{LINK_PREFIX}_{raw.hex()}"

    def listener(self, token: str, link_id: str) -> str:
        """Returns the id of a token's listener. Raises Unauthenticated if the token was not made for this link."""
        raw = self._listeners.content(token, _raw(link_id))
        if raw is None:
            raise Unauthenticated(
                "This listener did not join through this link. Join first, and use the listener from that response."
            )
        return f"{LISTENER_PREFIX}_{raw.hex()}"


def _raw(id_: str) -> bytes:
    return bytes.fromhex(id_.partition("_")[2])
