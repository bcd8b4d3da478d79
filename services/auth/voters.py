"""Anonymous sessions of voters, which are not stored.

A session's token is `vt_` and 64 characters. They contain the voter's id, the end of the session, and a signature. So a
token is verified without a look-up, and a guessed or changed one is refused.
"""

import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from services.auth.address_counts import AddressCounts
from services.auth.key_cache import LOOKUP_VALID_SECONDS, Authentication
from services.auth.tokens import IdentityToken, TokenIssuer
from services.runtime import ids
from services.runtime.client_address import AddressHash, grouped_address
from services.runtime.clock import now
from services.runtime.db import Database
from services.runtime.errors import Unauthenticated
from services.runtime.signing import TokenSigner

VOTER_PREFIX = "usr"
TOKEN_START = "vt_"  # noqa: S105
SESSION_DAYS = 90
MAX_CACHED_TOKENS = 10_000

_CONTENT = struct.Struct(">16sQ")
NEW_SESSION_HINT = "with POST /api/v1/voters"


@dataclass(frozen=True, slots=True)
class VoterSession:
    """A voter's id and session token."""

    id: str
    token: str
    expires_at: datetime


class VoterTokens:
    """Creates and reads session tokens. All processes of the service must share the secret."""

    def __init__(self, secret: str) -> None:
        self._signer = TokenSigner(secret, "voter sessions")

    def new(self) -> VoterSession:
        """Returns a new session."""
        voter_id = ids.new_id(VOTER_PREFIX)
        ends = int((now() + timedelta(days=SESSION_DAYS)).timestamp())
        content = _CONTENT.pack(bytes.fromhex(voter_id.partition("_")[2]), ends)
        return VoterSession(voter_id, TOKEN_START + self._signer.token(content), datetime.fromtimestamp(ends, UTC))

    def session(self, token: str) -> VoterSession:
        """Returns the session of a token. Raises Unauthenticated if the token was changed or the session has ended."""
        content = self._signer.content(token.removeprefix(TOKEN_START))
        if content is None or len(content) != _CONTENT.size:
            hint = f"Copy all of it, or create a new session {NEW_SESSION_HINT}."
            raise Unauthenticated(f"The voter session token is incomplete or was changed. {hint}")
        raw, ends = _CONTENT.unpack(content)
        session = VoterSession(f"{VOTER_PREFIX}_{raw.hex()}", token, datetime.fromtimestamp(ends, UTC))
        if session.expires_at <= now():
            ended = f"The voter session ended at {session.expires_at:%Y-%m-%d %H:%M} UTC."
            raise Unauthenticated(f"{ended} Create a new one {NEW_SESSION_HINT}.")
        return session


class VoterCache:
    """Authenticates voters, and caches their identity tokens."""

    def __init__(self, tokens: VoterTokens, issuer: TokenIssuer, addresses: AddressHash) -> None:
        self._tokens = tokens
        self._issuer = issuer
        self._addresses = addresses
        self._minted: dict[str, IdentityToken] = {}

    def authenticate(self, token: str, address: str) -> Authentication:
        """Returns the identity of a session token. Raises Unauthenticated, with the reason, if it is not valid.

        Calls are counted by address, not by session, because everybody can create many sessions.
        """
        session = self._tokens.session(token)
        minted = self._minted.get(token)
        if minted is None or not minted.can_be_reused(now()):
            minted = self._issuer.mint_for_voter(session.id, session.expires_at)
            if len(self._minted) >= MAX_CACHED_TOKENS:
                self._minted.clear()
            self._minted[token] = minted
        left = min(LOOKUP_VALID_SECONDS, (session.expires_at - now()).total_seconds())
        counted_as = f"adr_{self._addresses.of(grouped_address(address) or '').hex()}"
        return Authentication(counted_as, minted.text, left)


class Voters:
    """The use case for voters."""

    def __init__(self, database: Database, tokens: VoterTokens, counts: AddressCounts) -> None:
        self._database = database
        self._tokens = tokens
        self._counts = counts

    async def create(self) -> VoterSession:
        """Creates a session. Raises QuotaExceeded if the caller's address has created too many within 24 hours."""
        async with self._database.transaction() as connection:
            await self._counts.add(connection)
        return self._tokens.new()
