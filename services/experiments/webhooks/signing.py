"""Signatures and secrets of Standard Webhooks 1.0.0."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime

PREFIX = "whsec_"
SECRET_BYTES = 32


def new_secret() -> bytes:
    return secrets.token_bytes(SECRET_BYTES)


def encoded(secret: bytes) -> str:
    """Returns a secret in the form that receivers configure: `whsec_` and its base64."""
    return PREFIX + base64.b64encode(secret).decode()


def sign(secret: bytes, message_id: str, timestamp: int, body: bytes) -> str:
    """Returns `v1,` and the base64 of the HMAC-SHA256 of `id.timestamp.body`. The timestamp is in Unix seconds."""
    signed = b".".join((message_id.encode(), str(timestamp).encode(), body))
    return "v1," + base64.b64encode(hmac.digest(secret, signed, hashlib.sha256)).decode()


def headers(keys: Sequence[bytes], message_id: str, at: datetime, body: bytes) -> Mapping[str, str]:
    """Returns the headers of one attempt, with one signature for each key."""
    timestamp = int(at.timestamp())
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(sign(key, message_id, timestamp, body) for key in keys),
    }
