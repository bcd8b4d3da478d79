"""Keys derived from the installation's secret, one for each purpose."""

import hmac
from hashlib import sha256


def derived_key(secret: str, purpose: str) -> bytes:
    """Returns a key of 32 bytes for a purpose. What one key signs or hides says nothing about the key of another."""
    return hmac.new(secret.encode(), purpose.encode(), sha256).digest()
