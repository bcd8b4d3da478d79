"""Verifies the identity token of a call, and gives access to the caller that it names.

The gateway adds the token to a call. It is a JWT that the auth service signed with Ed25519. Services verify it with
auth's public keys and never see an API key.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from google.protobuf.descriptor import MethodDescriptor
from voicearena.auth.v1 import options_pb2

from services.runtime.errors import CredentialsMissing, NotFound, PermissionDenied, Unauthenticated, Unavailable
from services.runtime.rpc import call_metadata

IDENTITY_HEADER = "x-voicearena-identity"
KEY_FAULT_HEADER = "x-voicearena-key-fault"
"""Why the credentials of a call to a public RPC are not valid. The gateway lets the call pass without an identity."""
ISSUER = "voicearena.auth"
AUDIENCE = "voicearena"
# Voters' tokens have another audience, so that none can pass as a developer's.
VOTER_AUDIENCE = "voicearena.voters"
ALGORITHM = "EdDSA"

# Verified tokens are cached until they expire: verifying one takes about 0.1 ms, a large part of the cost of a read.
MAX_CACHED_TOKENS = 10_000
# The shortest time between two requests to auth for its keys. A call with an unknown key id waits that long.
MIN_KEY_REFRESH_SECONDS = 1.0
KEY_NEEDED = "An API key is needed. Send it as `Authorization: Bearer KEY`."
NOT_FOR_VOTERS = "This needs a developer's API key. A voter's session can only listen and vote."
# Keys in one CheckApiKeys call.
MAX_CHECKED_KEYS = 1000
UNREACHABLE = "Auth can't be reached for its signing keys"

SCOPES = tuple(name.replace("_", ":") for name in options_pb2.Scope.keys()[1:])
"""All scopes that an API key can have."""


def in_order(scopes: Collection[str]) -> tuple[str, ...]:
    """Returns scopes without duplicates, in the order of SCOPES."""
    return tuple(scope for scope in SCOPES if scope in scopes)


def scope_of(method: MethodDescriptor) -> str:
    """Returns the scope that an RPC needs, or an empty string if it needs none."""
    scope = method.GetOptions().Extensions[options_pb2.scope]
    return options_pb2.Scope.Name(scope).replace("_", ":") if scope else ""


@dataclass(frozen=True, slots=True)
class Identity:
    """The developer who is calling, with the id and the scopes of their API key."""

    developer_id: str
    scopes: frozenset[str]
    key_id: str = ""


@dataclass(frozen=True, slots=True)
class Voter:
    """A person with an anonymous session, who can only listen and vote."""

    id: str
    """`usr_` and 32 hexadecimal digits."""
    invited_by: str = ""
    """The developer whose API key created the session. Empty if it was created without a key."""


@dataclass(frozen=True, slots=True)
class Caller:
    """The developer or voter who is calling. `token` is passed on in calls to other services."""

    identity: Identity | None
    """The developer, or None if a voter calls."""
    token: str
    voter: Voter | None = None
    """The voter, or None if a developer calls."""


_caller: ContextVar[Caller | None] = ContextVar("caller", default=None)


def current_identity() -> Identity:
    """Returns the developer who is calling.

    Raises Unauthenticated if the call has no identity, and PermissionDenied if a voter is calling.
    """
    caller = _caller.get()
    if caller is None:
        raise no_identity(KEY_NEEDED)
    if caller.identity is None:
        raise PermissionDenied(NOT_FOR_VOTERS)
    return caller.identity


class _Owned(Protocol):
    @property
    def developer_id(self) -> str: ...


O = TypeVar("O", bound=_Owned)  # noqa: E741


def owned(found: O | None, what: str, name: str) -> O:
    """Returns `found`. Raises NotFound if it is None or does not belong to the developer who is calling."""
    caller = current_identity()
    if found is None or found.developer_id != caller.developer_id:
        raise NotFound.of(what, name)
    return found


def current_voter() -> Voter | None:
    """Returns the voter who is calling, or None if a developer calls or the call has no identity."""
    caller = _caller.get()
    return caller.voter if caller is not None else None


def current_reader() -> str:
    """Returns the id of the developer who reads what is public, empty if none is known or a voter is calling.

    Raises Unauthenticated if the call has credentials that are not valid, so that nobody takes the public part of a
    list for all of it.
    """
    caller = _caller.get()
    if caller is None:
        error = no_identity(KEY_NEEDED)
        if not isinstance(error, CredentialsMissing):
            raise error
    return caller.identity.developer_id if caller and caller.identity else ""


def no_identity(needed: str) -> Unauthenticated:
    """Returns the error for a call without an identity: why its credentials are not valid, or `needed`."""
    for name, value in call_metadata.get():
        if name == KEY_FAULT_HEADER:
            return Unauthenticated(str(value))
    return CredentialsMissing(needed)


def current_caller() -> Caller | None:
    """Returns the caller, or None if the call has no identity."""
    return _caller.get()


def set_caller(caller: Caller | None) -> None:
    """Sets the caller for the rest of this task."""
    _caller.set(caller)


FetchKeys = Callable[[], Awaitable[Mapping[str, bytes]]]


class TokenVerifier:
    """Verifies identity tokens. It fetches auth's keys when they are first needed, and for each unknown key id."""

    def __init__(self, fetch_keys: FetchKeys) -> None:
        self._fetch_keys = fetch_keys
        self._keys: dict[str, Ed25519PublicKey] = {}
        self._fetched_at = self._failed_at = float("-inf")
        self._fetching = asyncio.Lock()
        self._verified: dict[str, tuple[float, Caller]] = {}

    def known(self, token: str) -> Caller | None:
        """Returns the caller of a token that was verified before and has not expired, else None."""
        found = self._verified.get(token)
        return found[1] if found is not None and found[0] > time.time() else None

    async def verify(self, token: str) -> Caller:
        """Returns the caller of a token.

        Raises Unauthenticated if the token is not valid, and Unavailable if auth's keys can't be fetched.
        """
        if known := self.known(token):
            return known
        try:
            key_id = str(jwt.get_unverified_header(token).get("kid", ""))
            claims = jwt.decode(
                token,
                await self._key(key_id),
                algorithms=[ALGORITHM],
                audience=[AUDIENCE, VOTER_AUDIENCE],
                issuer=ISSUER,
                # `iat` is not verified: a token must stay valid when the clock is set back.
                options={"require": ["exp", "iat", "sub"], "verify_iat": False},
            )
        except jwt.InvalidTokenError as error:
            raise Unauthenticated(f"The identity token is not valid: {error}") from None
        caller = _caller_of(claims, token)
        if len(self._verified) >= MAX_CACHED_TOKENS:
            self._verified.clear()
        self._verified[token] = (float(claims["exp"]), caller)
        return caller

    async def _key(self, key_id: str) -> Ed25519PublicKey:
        if key_id not in self._keys:
            asked_at = time.monotonic()
            async with self._fetching:
                # A call that waited while another call's fetch failed fails too, instead of trying again.
                if self._failed_at > asked_at:
                    raise Unavailable(UNREACHABLE)
                if key_id not in self._keys and self._fetched_at < asked_at:
                    # The key can be new. Keys are fetched at most once a second.
                    await asyncio.sleep(max(0.0, self._fetched_at + MIN_KEY_REFRESH_SECONDS - asked_at))
                    await self.refresh()
        try:
            return self._keys[key_id]
        except KeyError:
            raise Unauthenticated("The identity token is signed with an unknown key") from None

    async def refresh(self) -> None:
        """Fetches auth's keys. Raises Unavailable if auth can't be reached."""
        started_at = time.monotonic()
        try:
            keys = await self._fetch_keys()
        except (OSError, TimeoutError) as error:
            self._failed_at = time.monotonic()
            raise Unavailable(UNREACHABLE) from error
        self._keys = {k: Ed25519PublicKey.from_public_bytes(raw) for k, raw in keys.items()}
        self._fetched_at = started_at


def _caller_of(claims: Mapping[str, Any], token: str) -> Caller:
    subject = str(claims["sub"])
    if claims["aud"] == AUDIENCE:
        scopes = frozenset(str(claims.get("scope", "")).split())
        return Caller(Identity(subject, scopes, str(claims.get("key", ""))), token)
    if claims["aud"] == VOTER_AUDIENCE:
        return Caller(None, token, Voter(subject, str(claims.get("invited_by", ""))))
    raise Unauthenticated("The identity token is for several audiences")
