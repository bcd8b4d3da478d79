"""Who is calling: the identity token that the gateway puts on a call, and the caller it speaks of.

The token is a JWT signed with Ed25519 by the auth service. Services verify it with auth's public keys and never see an
API key.
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
"""What is wrong with the API key of a call that needs none: the gateway lets it pass as nobody's, and says so."""
ISSUER = "voicearena.auth"
AUDIENCE = "voicearena"
# A token of a voter is for another audience, so nothing can take it for a developer's.
VOTER_AUDIENCE = "voicearena.voters"
ALGORITHM = "EdDSA"

# Ed25519 takes about 0.1 ms to verify, much of what a read costs; a token that was good is good until it expires.
MAX_CACHED_TOKENS = 10_000
# The least time between two times that unknown key ids make us ask auth for its keys. A call with one waits that long.
KEY_REFRESH_SECONDS = 1.0
KEY_NEEDED = "an API key is needed: send it as `Authorization: Bearer KEY`"
NOT_FOR_VOTERS = "this takes a developer's API key: a voter's session may only listen and vote"
# Of how many keys a service asks auth at a time whether they are good, and how many auth takes.
MAX_CHECKED_KEYS = 1000
UNREACHABLE = "auth can't be reached for its signing keys"

SCOPES = tuple(name.replace("_", ":") for name in options_pb2.Scope.keys()[1:])
"""Everything that an API key can be allowed."""


def in_order(scopes: Collection[str]) -> tuple[str, ...]:
    """Returns scopes as they are kept: each once, in the order of SCOPES."""
    return tuple(scope for scope in SCOPES if scope in scopes)


def scope_of(method: MethodDescriptor) -> str:
    """Returns the scope that an RPC takes, empty if it takes none."""
    scope = method.GetOptions().Extensions[options_pb2.scope]
    return options_pb2.Scope.Name(scope).replace("_", ":") if scope else ""


@dataclass(frozen=True, slots=True)
class Identity:
    """A developer who is calling, and what their key allows."""

    developer_id: str
    scopes: frozenset[str]
    key_id: str = ""
    """The API key that they call with."""


@dataclass(frozen=True, slots=True)
class Voter:
    """Somebody with an anonymous session, who may listen and vote and nothing else."""

    id: str
    """`usr_` and 32 hexadecimal digits."""


@dataclass(frozen=True, slots=True)
class Caller:
    """A developer or a voter, with the token that proves it, so that it can be passed on."""

    identity: Identity | None
    """The developer, None if a voter calls."""
    token: str
    voter: Voter | None = None
    """The voter, None if a developer calls."""


_caller: ContextVar[Caller | None] = ContextVar("caller", default=None)


def current_identity() -> Identity:
    """Returns the developer who is calling; CredentialsMissing if that is nobody, PermissionDenied if it is a voter."""
    caller = _caller.get()
    if caller is None:
        raise nobody(KEY_NEEDED)
    if caller.identity is None:
        raise PermissionDenied(NOT_FOR_VOTERS)
    return caller.identity


class _Owned(Protocol):
    @property
    def developer_id(self) -> str: ...


O = TypeVar("O", bound=_Owned)  # noqa: E741


def owned(found: O | None, what: str, name: str) -> O:
    """Returns what was found; NotFound if it is nothing, or does not belong to the developer who is calling."""
    caller = current_identity()
    if found is None or found.developer_id != caller.developer_id:
        raise NotFound.of(what, name)
    return found


def current_voter() -> Voter | None:
    """Returns the voter who is calling, None if a developer calls or nobody is known."""
    caller = _caller.get()
    return caller.voter if caller is not None else None


def nobody(needed: str) -> Unauthenticated:
    """Returns the error for a call that takes somebody and has nobody: what its key lacks, or that it has none."""
    for name, value in call_metadata.get():
        if name == KEY_FAULT_HEADER:
            return Unauthenticated(str(value))
    return CredentialsMissing(needed)


def current_caller() -> Caller | None:
    """Returns who is calling with their token, None if nobody is known."""
    return _caller.get()


def set_caller(caller: Caller | None) -> None:
    """Sets who is calling for the rest of this task."""
    _caller.set(caller)


FetchKeys = Callable[[], Awaitable[Mapping[str, bytes]]]


class TokenVerifier:
    """Verifies identity tokens. Keys are fetched when first needed and when a token names an unknown one."""

    def __init__(self, fetch_keys: FetchKeys) -> None:
        self._fetch_keys = fetch_keys
        self._keys: dict[str, Ed25519PublicKey] = {}
        self._fetched_at = self._failed_at = float("-inf")
        self._fetching = asyncio.Lock()
        self._verified: dict[str, tuple[float, Caller]] = {}

    def known(self, token: str) -> Caller | None:
        """Returns whom a token speaks of that has been verified before and has not expired since."""
        found = self._verified.get(token)
        return found[1] if found is not None and found[0] > time.time() else None

    async def verify(self, token: str) -> Caller:
        """Returns whom a token speaks of; Unauthenticated if it is not good, Unavailable if that can't be told."""
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
                # When it was issued is for people to read: a clock that was set back makes no token bad.
                options={"require": ["exp", "iat", "sub"], "verify_iat": False},
            )
        except jwt.InvalidTokenError as error:
            raise Unauthenticated(f"the identity token is not valid: {error}") from None
        caller = _caller_of(claims, token)
        if len(self._verified) >= MAX_CACHED_TOKENS:
            self._verified.clear()
        self._verified[token] = (float(claims["exp"]), caller)
        return caller

    async def _key(self, key_id: str) -> Ed25519PublicKey:
        if key_id not in self._keys:
            asked_at = time.monotonic()
            async with self._fetching:
                # Who waited while a try failed shares its failure, instead of trying one after another.
                if self._failed_at > asked_at:
                    raise Unavailable(UNREACHABLE)
                if key_id not in self._keys and self._fetched_at < asked_at:
                    # A key may have been made since; it is asked for, but never more than once a second.
                    await asyncio.sleep(max(0.0, self._fetched_at + KEY_REFRESH_SECONDS - asked_at))
                    await self.refresh()
        try:
            return self._keys[key_id]
        except KeyError:
            raise Unauthenticated("the identity token is signed with an unknown key") from None

    async def refresh(self) -> None:
        """Fetches auth's keys; Unavailable if it can't be reached."""
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
        return Caller(None, token, Voter(subject))
    raise Unauthenticated("the identity token is for several audiences")
