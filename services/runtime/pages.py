"""Page sizes and page tokens of lists.

A token is the cursor of the last row, bound to the list's filters and to its reader by an HMAC, so that one that was
tampered with, or taken to another list, is refused instead of giving odd pages.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence

from services.runtime.errors import FieldViolation, InvalidInput

DEFAULT_SIZE = 20
LARGEST_SIZE = 100
LONGEST_TOKEN = 2000

type_of_value = str | int | float | bool | None


def page_size(requested: int) -> int:
    """Returns how many rows a page has: 20 if 0 was requested, at most 100; InvalidInput if negative."""
    if requested < 0:
        raise InvalidInput(FieldViolation("page_size", f"must be 0 to {LARGEST_SIZE}; 0 means {DEFAULT_SIZE}"))
    return min(requested or DEFAULT_SIZE, LARGEST_SIZE)


class PageTokens:
    """Makes and reads page tokens. All processes of a service must share the secret."""

    def __init__(self, secret: bytes) -> None:
        self._secret = hashlib.sha256(b"page tokens" + secret).digest()

    def encode(self, cursor: Sequence[type_of_value], filters: Mapping[str, type_of_value]) -> str:
        """Returns the token that goes on after `cursor` in the list with these filters."""
        body = json.dumps(list(cursor), separators=(",", ":")).encode()
        return _spelled(self._tag(body, filters) + body)

    def decode(self, token: str, filters: Mapping[str, type_of_value]) -> list[type_of_value] | None:
        """Returns the cursor, None for the empty token; InvalidInput if it is not from this list."""
        if not token:
            return None
        refused = InvalidInput(FieldViolation("page_token", "must be next_page_token of a list with the same filters"))
        if len(token) > LONGEST_TOKEN:
            raise refused
        try:
            raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        except ValueError:
            raise refused from None
        tag, body = raw[:16], raw[16:]
        # Base 64 has more than one spelling of some bytes; a token has one.
        if not hmac.compare_digest(tag, self._tag(body, filters)) or token != _spelled(raw):
            raise refused
        cursor: list[type_of_value] = json.loads(body)
        return cursor

    def _tag(self, body: bytes, filters: Mapping[str, type_of_value]) -> bytes:
        scope = json.dumps(filters, sort_keys=True).encode()
        return hmac.new(self._secret, scope + b"\0" + body, hashlib.sha256).digest()[:16]


def _spelled(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
