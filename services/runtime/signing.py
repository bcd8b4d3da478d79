"""Derives keys from the installation's secret, and signs tokens and links with them.

Signatures and key derivation are those of itsdangerous, with SHA-256 and a salt for each purpose. They do not depend on
the time: the same content always has the same signature. If something expires, its content has the expiry time.
"""

import hmac
from hashlib import sha256

from itsdangerous import BadData, Signer
from itsdangerous.encoding import base64_decode, base64_encode
from itsdangerous.signer import HMACAlgorithm

# Of the 32 bytes of SHA-256. 192 bits can't be guessed, and have 32 characters in base 64 without padding.
SIGNATURE_BYTES = 24
SIGNATURE_CHARACTERS = 32
MAX_TOKEN_CHARACTERS = 2000


def derived_key(secret: str | bytes, purpose: str) -> bytes:
    """Returns 32 bytes that can be computed only with the secret. They are unrelated to those of other purposes.

    They are used as a key, or as a keyed hash of a text that must stay secret (the `purpose`).
    """
    return Signer(secret, purpose, key_derivation="hmac", digest_method=sha256).derive_key()


class TokenSigner:
    """Signs content for one purpose. All processes of a service must share the secret.

    A token is content in base 64, followed by its signature. Everybody who has a token can read its content, but only
    the holder of the secret can create or change a token.
    """

    def __init__(self, secret: str, purpose: str) -> None:
        # The key is derived once here. The library would derive it for each signature.
        self._signer = Signer(derived_key(secret, purpose), key_derivation="none", algorithm=_Shortened(sha256))

    def signature(self, content: bytes) -> str:
        """Returns the signature of some bytes, 32 hexadecimal digits, for links that contain both."""
        return base64_decode(self._signer.get_signature(content))[:16].hex()

    def is_signed(self, content: bytes, signature: str) -> bool:
        """Returns whether this is the signature of some bytes."""
        return hmac.compare_digest(self.signature(content).encode(), signature.encode())

    def token(self, content: bytes, context: bytes = b"") -> str:
        """Returns the token of some bytes, always the same. It can be read only with the same `context`."""
        signed = context + b"\0" + content if context else content
        return (base64_encode(content) + self._signer.get_signature(signed)).decode()

    def content(self, token: str, context: bytes = b"") -> bytes | None:
        """Returns the content of a token, or None if it was not made with this secret and this `context`."""
        if not SIGNATURE_CHARACTERS <= len(token) <= MAX_TOKEN_CHARACTERS:
            return None
        try:
            content = base64_decode(token[:-SIGNATURE_CHARACTERS])
        except BadData:
            return None
        # The same bytes can be written in several ways in base 64, but a token has one form. So compare whole tokens.
        return content if hmac.compare_digest(self.token(content, context).encode(), token.encode()) else None


class _Shortened(HMACAlgorithm):
    def get_signature(self, key: bytes, value: bytes) -> bytes:
        return super().get_signature(key, value)[:SIGNATURE_BYTES]
