"""Developers and API keys, and the form of a key."""

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
MAX_LIFETIME = timedelta(days=3653)  # ten years
DEFAULT_OVERLAP = timedelta(days=1)
MAX_OVERLAP = timedelta(days=30)

# Long enough that nobody guesses it, such as a UUID: with it and the e-mail address, the first key can be read again.
MIN_REGISTRATION_ID_CHARACTERS = 16
# For how long a registration can be repeated.
MAX_REGISTRATION_REPEAT = timedelta(minutes=10)
MAX_NAME_CHARACTERS = 200
MAX_KEY_NAME_CHARACTERS = 100
MAX_EMAIL_CHARACTERS = 254
FIRST_KEY_NAME = "first key"
UNKNOWN_KEY = "The API key is unknown"
SESSION_OF_REVOKED_KEY = (
    "The API key that created this voter session was revoked. Create a new session with POST /api/v1/voters."
)

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class Developer:
    """A person or team that owns experiments and API keys."""

    id: str
    name: str
    email: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ApiKey:
    """An API key, without the key itself."""

    id: str
    developer_id: str
    name: str
    prefix: str
    key_hash: bytes
    created_at: datetime
    scopes: tuple[str, ...]
    """Its scopes, in the order of SCOPES."""
    revoked_at: datetime | None = None
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    """When it was last used, to within a minute."""
    replaced_by: str = ""
    """The id of the key to which it was rotated, empty if it was not."""

    def fault(self, moment: datetime) -> str:
        """Returns why the key is not valid at a moment, or an empty string if it is valid."""
        if self.revoked_at is not None:
            return "The API key was revoked"
        if self.expires_at is not None and self.expires_at <= moment:
            advice = f"; use {self.replaced_by}, to which it was rotated" if self.replaced_by else "; create another"
            return f"The API key expired at {self.expires_at:%Y-%m-%d %H:%M:%S} UTC{advice}"
        return ""

    def outlives(self, other: "ApiKey") -> bool:
        """Returns whether the key expires later than another."""
        return other.expires_at is not None and (self.expires_at is None or self.expires_at > other.expires_at)


def new_key(random: bytes | None = None) -> str:
    """Returns a new API key: `kc_`, 43 digits in base 62 (256 random bits), and their CRC-32 in 6 digits.

    `random` is 32 bytes, by default new random ones. The same bytes always give the same key.
    """
    content = secrets.token_bytes(RANDOM_BYTES) if random is None else random
    body = KEY_START + _base62(int.from_bytes(content), RANDOM_DIGITS)
    return body + _checksum(body)


def key_of_registration(secret: bytes, request_id: str, address: str) -> str:
    """Returns the first API key of a registration with a request id. It is always the same for the same request."""
    return new_key(hmac.digest(secret, f"registration\n{request_id}\n{address}".encode(), "sha256"))


def hash_of_registration_id(secret: bytes, request_id: str) -> bytes:
    """Returns the stored hash of a registration's request id. The id itself is secret: it gives access to the key."""
    return hmac.digest(secret, f"registration id\n{request_id}".encode(), "sha256")


def is_well_formed(key: str) -> bool:
    """Returns whether a key has the form of an issued one, so that others are refused without a look-up."""
    body, checksum = key[:-CHECKSUM_DIGITS], key[-CHECKSUM_DIGITS:]
    return (
        len(key) == len(KEY_START) + RANDOM_DIGITS + CHECKSUM_DIGITS
        and key.startswith(KEY_START)
        and key.isascii()
        and checksum == _checksum(body)
    )


def hash_key(key: str) -> bytes:
    """Returns the hash under which a key is stored."""
    return hashlib.sha256(key.encode()).digest()


def shown_prefix(key: str) -> str:
    """Returns the beginning of a key, by which its owner can recognise it."""
    return key[: len(KEY_START) + SHOWN_DIGITS]


def _checksum(body: str) -> str:
    return _base62(zlib.crc32(body.encode()), CHECKSUM_DIGITS)


def _base62(number: int, digits: int) -> str:
    text = ""
    for _ in range(digits):
        number, digit = divmod(number, 62)
        text = _DIGITS[digit] + text
    return text
