"""Keys derived from the installation's secret, and tokens that only this installation can make."""

import base64
import hmac
from hashlib import sha256


def derived_key(secret: str, purpose: str) -> bytes:
    """Returns a key of 32 bytes for a purpose. What one key signs or hides says nothing about the key of another."""
    return hmac.new(secret.encode(), purpose.encode(), sha256).digest()


class TokenSigner:
    """Makes and reads tokens: some bytes and a tag over them, spelled in base 64 without padding.

    Whoever has a token can read its bytes, and nobody without the key can make or change one.
    """

    TAG_BYTES = 24

    def __init__(self, key: bytes) -> None:
        self._key = key

    def token(self, content: bytes) -> str:
        """Returns the token of some bytes; the same every time."""
        return _spelled(content + self._tag(content))

    def content(self, token: str) -> bytes | None:
        """Returns the bytes that a token was made of, None if it was not made with this key."""
        try:
            raw = base64.b64decode(token.encode("ascii") + b"=" * (-len(token) % 4), altchars=b"-_", validate=True)
        except ValueError:
            return None
        content, tag = raw[: -self.TAG_BYTES], raw[-self.TAG_BYTES :]
        # Base 64 has more than one spelling of some bytes; a token has one.
        if _spelled(raw) != token or not hmac.compare_digest(tag, self._tag(content)):
            return None
        return content

    def _tag(self, content: bytes) -> bytes:
        return hmac.new(self._key, content, sha256).digest()[: self.TAG_BYTES]


def _spelled(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
