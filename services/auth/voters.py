"""Anonymous sessions, with which people listen and vote: made by one call, and stored nowhere.

A session's token is `vt_` and 64 characters, which hold the voter's id, when the session ends, and a tag that only this
installation can make. So nothing is looked up, and a token that was guessed or changed is refused at once.
"""

import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from services.auth.address_counts import AddressCounts
from services.auth.key_cache import BELIEVED_SECONDS, Recognised
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
MAX_REMEMBERED = 10_000

_CONTENT = struct.Struct(">16sQ")
ASK_AGAIN = "make another with POST /api/v1/voters"


@dataclass(frozen=True, slots=True)
class VoterSession:
    """A voter, and the token that says so until the session ends."""

    id: str
    token: str
    expires_at: datetime


class VoterTokens:
    """Makes and reads the tokens of sessions. All processes of the service must share the secret."""

    def __init__(self, secret: str) -> None:
        self._signer = TokenSigner(secret, "voter sessions")

    def new(self) -> VoterSession:
        """Returns a new session."""
        voter_id = ids.new_id(VOTER_PREFIX)
        ends = int((now() + timedelta(days=SESSION_DAYS)).timestamp())
        content = _CONTENT.pack(bytes.fromhex(voter_id.partition("_")[2]), ends)
        return VoterSession(voter_id, TOKEN_START + self._signer.token(content), datetime.fromtimestamp(ends, UTC))

    def session(self, token: str) -> VoterSession:
        """Returns the session of a token; Unauthenticated if it was changed or has ended."""
        content = self._signer.content(token.removeprefix(TOKEN_START))
        if content is None or len(content) != _CONTENT.size:
            raise Unauthenticated(f"this is not a whole voter session token: copy all of it, or {ASK_AGAIN}")
        raw, ends = _CONTENT.unpack(content)
        session = VoterSession(f"{VOTER_PREFIX}_{raw.hex()}", token, datetime.fromtimestamp(ends, UTC))
        if session.expires_at <= now():
            raise Unauthenticated(f"the voter session ended at {session.expires_at:%Y-%m-%d %H:%M} UTC: {ASK_AGAIN}")
        return session


class VoterCache:
    """The identity tokens of the sessions in use."""

    def __init__(self, tokens: VoterTokens, issuer: TokenIssuer, addresses: AddressHash) -> None:
        self._tokens = tokens
        self._issuer = issuer
        self._addresses = addresses
        self._minted: dict[str, IdentityToken] = {}

    def recognise(self, token: str, address: str) -> Recognised:
        """Returns what a session's token stands for; Unauthenticated if it is no good, and why.

        Sessions cost nothing, so their calls are counted together with all others from the same address.
        """
        session = self._tokens.session(token)
        minted = self._minted.get(token)
        if minted is None or not minted.can_be_reused(now()):
            minted = self._issuer.mint_for_voter(session.id, session.expires_at)
            if len(self._minted) >= MAX_REMEMBERED:
                self._minted.clear()
            self._minted[token] = minted
        left = min(BELIEVED_SECONDS, (session.expires_at - now()).total_seconds())
        counted_as = f"adr_{self._addresses.of(grouped_address(address) or '').hex()}"
        return Recognised(counted_as, minted.text, left)


class Voters:
    """What people do with sessions."""

    def __init__(self, database: Database, tokens: VoterTokens, counts: AddressCounts) -> None:
        self._database = database
        self._tokens = tokens
        self._counts = counts

    async def create(self) -> VoterSession:
        """Makes a session; QuotaExceeded if too many were made from the caller's address lately."""
        async with self._database.transaction() as connection:
            await self._counts.add(connection)
        return self._tokens.new()
