"""Encrypts the webhook secrets in the database, so that a copy of the database can't sign messages.

The key is derived from AUDIO_URL_SECRET, which every process of the service has. An encrypted ("sealed") secret can be
decrypted only for its own endpoint.
"""

import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES = 32
NONCE_BYTES = 12
PURPOSE = b"voicearena webhook secrets"


class UnreadableSecret(Exception):
    """A secret can't be decrypted, because AUDIO_URL_SECRET has changed since it was encrypted."""


class SecretBox:
    """Encrypts and decrypts secrets with AES-256-GCM."""

    def __init__(self, installation_secret: str) -> None:
        key = HKDF(SHA256(), KEY_BYTES, salt=None, info=PURPOSE).derive(installation_secret.encode())
        self._cipher = AESGCM(key)

    def seal(self, secret: bytes, endpoint_id: str) -> bytes:
        """Returns the encrypted secret."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, secret, endpoint_id.encode())

    def open(self, sealed: bytes, endpoint_id: str) -> bytes:
        """Returns the decrypted secret. Raises UnreadableSecret if it has another endpoint or another key."""
        try:
            return self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], endpoint_id.encode())
        except (InvalidTag, ValueError):
            raise UnreadableSecret("the endpoint's secret can't be decrypted; rotate it to get a new one") from None
