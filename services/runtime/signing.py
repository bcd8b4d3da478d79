"""Keys derived from the installation's secret, and what is signed with them: tokens and links.

Signatures and derivation are those of itsdangerous, with SHA-256 and a salt for each purpose. Nothing in them depends
on the time, so whatever is signed twice looks the same. What expires says so in its content.
"""

import hmac
from hashlib import sha256

from itsdangerous import BadData, Signer
from itsdangerous.encoding import base64_decode, base64_encode
from itsdangerous.signer import HMACAlgorithm

# Of the 32 that SHA-256 gives: 192 bits can't be guessed, and are 32 characters without padding.
SIGNATURE_BYTES = 24
SIGNATURE_CHARACTERS = 32
MAX_TOKEN_CHARACTERS = 2000


def derived_key(secret: str | bytes, purpose: str) -> bytes:
    """Returns 32 bytes that only the holder of the secret can tell. Those of two purposes say nothing of one another.

    They are a key for one purpose, or what stands for a text that must not be shown.
    """
    return Signer(secret, purpose, key_derivation="hmac", digest_method=sha256).derive_key()


class TokenSigner:
    """Signs content for one purpose. All processes of a service must share the secret.

    A token is content in base 64, followed by its signature. Whoever has a token can read it, and nobody without the
    secret can make or change one.
    """

    def __init__(self, secret: str, purpose: str) -> None:
        # Derived once: the library would do so for each signature.
        self._signer = Signer(derived_key(secret, purpose), key_derivation="none", algorithm=_Shortened(sha256))

    def signature(self, content: bytes) -> str:
        """Returns the signature of some bytes, for where they are shown beside it: 32 hexadecimal digits."""
        return base64_decode(self._signer.get_signature(content))[:16].hex()

    def is_signed(self, content: bytes, signature: str) -> bool:
        """Tells whether `signature` has made this signature of some bytes."""
        return hmac.compare_digest(self.signature(content).encode(), signature.encode())

    def token(self, content: bytes, holds_for: bytes = b"") -> str:
        """Returns the token of some bytes; the same every time. It is read only with the same `holds_for`."""
        bound = holds_for + b"\0" + content if holds_for else content
        return (base64_encode(content) + self._signer.get_signature(bound)).decode()

    def content(self, token: str, holds_for: bytes = b"") -> bytes | None:
        """Returns the bytes that a token was made of, None if it was not made with this secret for `holds_for`."""
        if not SIGNATURE_CHARACTERS <= len(token) <= MAX_TOKEN_CHARACTERS:
            return None
        try:
            content = base64_decode(token[:-SIGNATURE_CHARACTERS])
        except BadData:
            return None
        # Base 64 has more than one spelling of some bytes, and a token has one. So whole tokens are compared.
        return content if hmac.compare_digest(self.token(content, holds_for).encode(), token.encode()) else None


class _Shortened(HMACAlgorithm):
    def get_signature(self, key: bytes, value: bytes) -> bytes:
        return super().get_signature(key, value)[:SIGNATURE_BYTES]
