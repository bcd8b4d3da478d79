"""Webhook secrets as they lie in the database: encrypted, so that a copy of it signs nothing.

The key is derived from AUDIO_URL_SECRET, which every process of the service has. A sealed secret opens only for the
endpoint that it was sealed for.
"""

import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES = 32
NONCE_BYTES = 12
PURPOSE = b"voicearena webhook secrets"


class Unsealable(Exception):
    """A sealed secret that this installation can't open: AUDIO_URL_SECRET is not the one that it was sealed with."""


class SecretBox:
    """Seals and opens secrets with AES-256-GCM."""

    def __init__(self, installation_secret: str) -> None:
        key = HKDF(SHA256(), KEY_BYTES, salt=None, info=PURPOSE).derive(installation_secret.encode())
        self._cipher = AESGCM(key)

    def seal(self, secret: bytes, endpoint_id: str) -> bytes:
        """Returns a secret as it is stored."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, secret, endpoint_id.encode())

    def open(self, sealed: bytes, endpoint_id: str) -> bytes:
        """Returns the secret; Unsealable if it is of another endpoint or was sealed with another key."""
        try:
            return self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], endpoint_id.encode())
        except (InvalidTag, ValueError):
            raise Unsealable("the endpoint's secret can't be read any more; rotate it to have a new one") from None
