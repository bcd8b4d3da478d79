"""Signs exports with Ed25519, and names voters by pseudonyms.

Both keys are derived from the installation's secret, so every process has the same and none is stored.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.runtime.signing import derived_key

ALGORITHM = "Ed25519"
SIGNED_PREFIX = b"voicearena votes 1\n"
"""Comes before the SHA-256 of the lines, so that the signature can't pass as one of anything else."""


class ExportKeys:
    """The keys of an installation's exports."""

    def __init__(self, secret: str) -> None:
        self._signing = Ed25519PrivateKey.from_private_bytes(derived_key(secret, "signatures of exported votes"))
        self._voters = derived_key(secret, "voters in exported votes")

    @property
    def public_key(self) -> str:
        """The public key in base 64."""
        return b64encode(self._signing.public_key().public_bytes_raw()).decode()

    def signature(self, sha256: bytes) -> str:
        """Returns the signature of the SHA-256 of an export's lines, in base 64."""
        return b64encode(self._signing.sign(SIGNED_PREFIX + sha256)).decode()

    def pseudonym(self, owner: str, voter_seq: int) -> str:
        """Returns the name of a voter in the exports of one owner. It can be computed only with the secret."""
        content = f"{owner}\n{voter_seq}".encode()
        return hmac.new(self._voters, content, hashlib.sha256).hexdigest()[:24]
