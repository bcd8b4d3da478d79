"""What a developer and an API key are, and how a key is made and recognised."""

import hashlib
import hmac
import secrets
import zlib
from dataclasses import dataclass
from datetime import datetime, timedelta

KEY_START = "kc_"
RANDOM_BYTES = 32
# 62^43 is the first power above 2^256, and 62^6 the first above 2^32.
RANDOM_DIGITS = 43
CHECKSUM_DIGITS = 6
SHOWN_DIGITS = 8
MAX_KEYS = 100
MAX_LIFE = timedelta(days=3653)  # ten years
DEFAULT_OVERLAP = timedelta(days=1)
MAX_OVERLAP = timedelta(days=30)

# Who has the id of a registration, and its address, can read its key for a while: a UUID is long enough.
MIN_REGISTRATION_ID_CHARACTERS = 16
REPEATABLE = timedelta(minutes=10)
MAX_NAME_CHARACTERS = 200
MAX_KEY_NAME_CHARACTERS = 100
MAX_EMAIL_CHARACTERS = 254
FIRST_KEY_NAME = "first key"

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class Developer:
    """Somebody who owns experiments and API keys."""

    id: str
    name: str
    email: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What is known of an API key."""

    id: str
    developer_id: str
    name: str
    prefix: str
    key_hash: bytes
    created_at: datetime
    scopes: tuple[str, ...]
    """What it may do, in the order of SCOPES."""
    revoked_at: datetime | None = None
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    """When it was last seen, within a minute."""
    replaced_by: str = ""
    """The id of the key that it was rotated to, empty if it was not."""

    def fault(self, moment: datetime) -> str:
        """Returns why it is not good at a moment, empty if it is."""
        if self.revoked_at is not None:
            return "the API key was revoked"
        if self.expires_at is not None and self.expires_at <= moment:
            instead = f"; use {self.replaced_by}, to which it was rotated" if self.replaced_by else "; create another"
            return f"the API key expired at {self.expires_at:%Y-%m-%d %H:%M:%S} UTC{instead}"
        return ""

    def outlives(self, other: "ApiKey") -> bool:
        """Says whether it works longer than another."""
        return other.expires_at is not None and (self.expires_at is None or self.expires_at > other.expires_at)


def new_key(random: bytes | None = None) -> str:
    """Returns a new API key: `kc_`, 43 random digits of base 62 (256 bits), and 6 digits of their CRC-32.

    The 32 bytes are drawn unless they are given; then the same ones make the same key.
    """
    drawn = secrets.token_bytes(RANDOM_BYTES) if random is None else random
    body = KEY_START + _base62(int.from_bytes(drawn), RANDOM_DIGITS)
    return body + _checksum(body)


def key_of_registration(secret: bytes, request_id: str, address: str) -> str:
    """Returns the first key of who registers with a request id: the same for the same request, and nobody else's."""
    return new_key(hmac.digest(secret, f"registration\n{request_id}\n{address}".encode(), "sha256"))


def hash_of_registration_id(secret: bytes, request_id: str) -> bytes:
    """Returns what is stored of the request id of a registration: whoever knows the id itself can read the key."""
    return hmac.digest(secret, f"registration id\n{request_id}".encode(), "sha256")


def is_well_formed(key: str) -> bool:
    """Says whether a key can have been issued, so that a mangled one is refused without a look-up."""
    body, checksum = key[:-CHECKSUM_DIGITS], key[-CHECKSUM_DIGITS:]
    return (
        len(key) == len(KEY_START) + RANDOM_DIGITS + CHECKSUM_DIGITS
        and key.startswith(KEY_START)
        and key.isascii()
        and checksum == _checksum(body)
    )


def hash_key(key: str) -> bytes:
    """Returns what is stored of a key."""
    return hashlib.sha256(key.encode()).digest()


def shown_prefix(key: str) -> str:
    """Returns the part of a key by which its owner may recognise it."""
    return key[: len(KEY_START) + SHOWN_DIGITS]


def _checksum(body: str) -> str:
    return _base62(zlib.crc32(body.encode()), CHECKSUM_DIGITS)


def _base62(number: int, digits: int) -> str:
    text = ""
    for _ in range(digits):
        number, digit = divmod(number, 62)
        text = _DIGITS[digit] + text
    return text
