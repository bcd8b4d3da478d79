"""Anonymous sessions of voters, which are not stored.

A session's token is `vt_` and 64 characters. They contain the voter's id, the end of the session, and a signature. So a
token is verified without a look-up, and a guessed or changed one is refused. If the session was created with an API
key, its token is `vt_` and 86 characters, because it contains the key's id too. Such a session ends when the key is
revoked.
"""

import struct
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from services.auth.address_counts import AddressCounts
from services.auth.inviting_keys import InvitingKeys
from services.auth.key_cache import LOOKUP_VALID_SECONDS, Authentication
from services.auth.store import Store
from services.auth.tokens import IdentityToken, TokenIssuer
from services.runtime import ids
from services.runtime.client_address import AddressHash, grouped_address
from services.runtime.clock import now
from services.runtime.db import Database
from services.runtime.errors import Unauthenticated
from services.runtime.identity import current_caller
from services.runtime.signing import TokenSigner

VOTER_PREFIX, KEY_PREFIX = "usr", "key"
TOKEN_START = "vt_"  # noqa: S105
SESSION_DAYS = 90
MAX_CACHED_TOKENS = 10_000
# How long the gateway answers from memory for a session that nobody can revoke. A vote comes some time after its clips.
# This time and TOKEN_REUSE_SECONDS must be less than TOKEN_SECONDS together: the gateway keeps the identity token.
BELIEVE_SECONDS = 60.0

_CONTENT = struct.Struct(">16sQ")
_INVITED_CONTENT = struct.Struct(">16sQ16s")
NEW_SESSION_HINT = "with POST /api/v1/voters"


@dataclass(frozen=True, slots=True)
class VoterSession:
    """A voter's id and session token."""

    id: str
    token: str
    expires_at: datetime
    inviting_key_id: str = ""
    """The API key that created it. Empty if it was created without a key."""


class VoterTokens:
    """Creates and reads session tokens. All processes of the service must share the secret."""

    def __init__(self, secret: str) -> None:
        self._signer = TokenSigner(secret, "voter sessions")

    def new(self, inviting_key_id: str = "", key_expires_at: datetime | None = None) -> VoterSession:
        """Returns a new session. The API key that creates it has an id, empty if there is none, and may expire."""
        voter_id = ids.new_id(VOTER_PREFIX)
        expires_at = now() + timedelta(days=SESSION_DAYS)
        ends = int(min(expires_at, key_expires_at or expires_at).timestamp())
        content = _CONTENT.pack(_bytes_of(voter_id), ends) + (_bytes_of(inviting_key_id) if inviting_key_id else b"")
        token = TOKEN_START + self._signer.token(content)
        return VoterSession(voter_id, token, datetime.fromtimestamp(ends, UTC), inviting_key_id)

    def session(self, token: str) -> VoterSession:
        """Returns the session of a token. Raises Unauthenticated if the token was changed or the session has ended."""
        content = self._signer.content(token.removeprefix(TOKEN_START))
        if content is None or len(content) not in (_CONTENT.size, _INVITED_CONTENT.size):
            hint = f"Copy all of it, or create a new session {NEW_SESSION_HINT}."
            raise Unauthenticated(f"The voter session token is incomplete or was changed. {hint}")
        raw, ends, *inviting = (_CONTENT if len(content) == _CONTENT.size else _INVITED_CONTENT).unpack(content)
        key_id = f"{KEY_PREFIX}_{inviting[0].hex()}" if inviting else ""
        session = VoterSession(f"{VOTER_PREFIX}_{raw.hex()}", token, datetime.fromtimestamp(ends, UTC), key_id)
        if session.expires_at <= now():
            ended = f"The voter session ended at {session.expires_at:%Y-%m-%d %H:%M} UTC."
            raise Unauthenticated(f"{ended} Create a new one {NEW_SESSION_HINT}.")
        return session


def _bytes_of(id_: str) -> bytes:
    return bytes.fromhex(id_.partition("_")[2])


class VoterCache:
    """Authenticates voters, and caches their identity tokens."""

    def __init__(
        self, tokens: VoterTokens, inviting: InvitingKeys, issuer: TokenIssuer, addresses: AddressHash
    ) -> None:
        self._tokens = tokens
        self._inviting = inviting
        self._issuer = issuer
        self._addresses = addresses
        self._minted: dict[str, IdentityToken] = {}

    async def authenticate(self, token: str, address: str) -> Authentication:
        """Returns the identity of a session token. Raises Unauthenticated, with the reason, if it is not valid.

        Calls are counted by address, not by session, because everybody can create many sessions.
        """
        session = self._tokens.session(token)
        invited_by, left = "", BELIEVE_SECONDS
        if session.inviting_key_id:
            invited_by, checked_at = await self._inviting.developer_of(session.inviting_key_id)
            left = checked_at + LOOKUP_VALID_SECONDS - time.monotonic()
        minted = self._minted.get(token)
        if minted is None or not minted.can_be_reused(now()):
            minted = self._issuer.mint_for_voter(session.id, session.expires_at, invited_by)
            if len(self._minted) >= MAX_CACHED_TOKENS:
                self._minted.clear()
            self._minted[token] = minted
        left = min(left, (session.expires_at - now()).total_seconds())
        counted_as = f"adr_{self._addresses.of(grouped_address(address) or '').hex()}"
        return Authentication(counted_as, minted.text, left)


class Voters:
    """The use case for voters."""

    def __init__(self, database: Database, store: Store, tokens: VoterTokens, counts: AddressCounts) -> None:
        self._database = database
        self._store = store
        self._tokens = tokens
        self._counts = counts

    async def create(self) -> VoterSession:
        """Creates a session. If a developer calls, it may hear the battles of their own board.

        Raises QuotaExceeded if the caller's address has created too many within 24 hours.
        """
        caller = current_caller()
        key_id = caller.identity.key_id if caller and caller.identity else ""
        async with self._database.transaction() as connection:
            await self._counts.add(connection)
            keys = await self._store.find_keys(connection, [key_id]) if key_id else ()
        return self._tokens.new(key_id, keys[0].expires_at if keys else None)
