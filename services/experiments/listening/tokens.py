"""Signed tokens of links and listeners: what they speak of, and a tag that only this installation can make.

A link's token is 64 characters and holds the link's id and expiry; a listener's is 54 and holds the listener's id, and
its tag holds for one link. So a token that was guessed, changed or taken to another link is refused before any look-up.
"""

import base64
import hashlib
import hmac
import struct
from datetime import UTC, datetime
from typing import Any

from services.runtime.errors import Unauthenticated

LINK_PREFIX, LISTENER_PREFIX = "lnk", "lsn"
ID_BYTES = 16
TAG_BYTES = 24
_LINK = struct.Struct(f">{ID_BYTES}sQ{TAG_BYTES}s")
_LISTENER = struct.Struct(f">{ID_BYTES}s{TAG_BYTES}s")
ASK_FOR_LINK = "ask whoever sent it for a new one"


class ListeningTokens:
    """Makes and reads tokens. All processes of the service must share the secret."""

    def __init__(self, secret: str) -> None:
        self._secret = hashlib.sha256(b"listening links" + secret.encode()).digest()

    def of_link(self, link_id: str, expires_at: datetime) -> str:
        """Returns the token of a link; the same every time. `expires_at` is in whole seconds."""
        raw, expires = _raw(link_id), int(expires_at.timestamp())
        return _spelled(_LINK.pack(raw, expires, self._tag(b"link", raw, struct.pack(">Q", expires))))

    def of_listener(self, listener_id: str, link_id: str) -> str:
        """Returns the token of a listener of a link; the same every time."""
        raw = _raw(listener_id)
        return _spelled(_LISTENER.pack(raw, self._tag(b"listener", raw, _raw(link_id))))

    def link(self, token: str, at: datetime) -> str:
        """Returns the id of the link that a token is of; Unauthenticated if it was changed or has expired."""
        raw, expires, tag = _read(_LINK, token) or (bytes(ID_BYTES), 0, b"")
        if not hmac.compare_digest(tag, self._tag(b"link", raw, struct.pack(">Q", expires))):
            raise Unauthenticated(f"this is not a whole listening link: copy all of it, or {ASK_FOR_LINK}")
        if at >= datetime.fromtimestamp(expires, UTC):
            raise Unauthenticated(f"this listening link has expired: {ASK_FOR_LINK}")
        return f"{LINK_PREFIX}_{raw.hex()}"

    def listener(self, token: str, link_id: str) -> str:
        """Returns the id of the listener that a token is of; Unauthenticated if it was not made for this link."""
        raw, tag = _read(_LISTENER, token) or (bytes(ID_BYTES), b"")
        if not hmac.compare_digest(tag, self._tag(b"listener", raw, _raw(link_id))):
            raise Unauthenticated(
                "this listener has not joined by this link: join, and use the listener that comes back"
            )
        return f"{LISTENER_PREFIX}_{raw.hex()}"

    def _tag(self, *parts: bytes) -> bytes:
        return hmac.new(self._secret, b"\0".join(parts), hashlib.sha256).digest()[:TAG_BYTES]


def _raw(id_: str) -> bytes:
    return bytes.fromhex(id_.partition("_")[2])


def _read(form: struct.Struct, token: str) -> tuple[Any, ...] | None:
    """Returns the parts of a token, None if it is not of this form."""
    if len(token) != -(-form.size * 4 // 3):
        return None
    try:
        raw = base64.b64decode(token.encode("ascii") + b"=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except ValueError:
        return None
    # Base 64 has more than one spelling of some bytes; a token has one.
    return form.unpack(raw) if _spelled(raw) == token else None


def _spelled(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
