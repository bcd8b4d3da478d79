"""The use cases of listeners: join through a listening link with an anonymous session, hear a pair, vote.

A session that joins through the same link again is the same listener.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from services.experiments.listening.domain import MAX_LISTENERS, Link
from services.experiments.listening.sessions import VoterSession, VoterSessions
from services.experiments.listening.store import LinkStore
from services.experiments.listening.tokens import ASK_FOR_LINK, LISTENER_PREFIX, ListeningTokens
from services.runtime import ids
from services.runtime.clock import now
from services.runtime.db import Database
from services.runtime.errors import QuotaExceeded, Unauthenticated
from services.runtime.identity import current_voter
from services.shared.listening.comparing import Comparing, NextPair
from services.shared.listening.domain import MAX_JOINED_FROM_ADDRESS, Listener, ListenerAnswer, ListenerProgress


@dataclass(frozen=True, slots=True)
class JoinedListener:
    """A listener who has joined through a link."""

    token: str
    expires_at: datetime
    progress: ListenerProgress
    session: VoterSession | None = None
    """The session that was made for the listener. None if the caller had one already."""


class Listeners:
    """The use cases of listeners."""

    def __init__(
        self,
        database: Database,
        links: LinkStore,
        comparing: Comparing[None],
        tokens: ListeningTokens,
        sessions: VoterSessions,
        *,
        address_of: Callable[[str], bytes | None],
        clock: Callable[[], datetime] = now,
    ) -> None:
        """`address_of` takes an experiment's id and returns a keyed hash of the caller's network address."""
        self._database = database
        self._links = links
        self._comparing = comparing
        self._tokens = tokens
        self._sessions = sessions
        self._address_of = address_of
        self._clock = clock

    async def join(self, token: str) -> JoinedListener:
        """Returns the listener of the caller's session, and creates it if necessary.

        Raises Unauthenticated if the link is not valid, and QuotaExceeded if it has the maximum number of listeners.
        """
        # The link is checked first, so that an invalid link makes no session.
        link = await self._link(token)
        voter = current_voter()
        session = None if voter else await self._sessions.new()
        listener = Listener(
            id=ids.new_id(LISTENER_PREFIX),
            test_id=link.experiment_id,
            invitation_id=link.id,
            max_listeners_per_address=link.max_listeners_per_address,
            created_at=self._clock(),
            voter_id=voter.id if voter else session.voter_id if session else None,
            address=self._address_of(link.experiment_id),
        )
        joined = await self._comparing.join(listener, MAX_LISTENERS)
        if joined is None:
            raise QuotaExceeded(
                f"This listening link already has {MAX_LISTENERS} listeners, or {MAX_JOINED_FROM_ADDRESS} from your "
                "network address, which is the limit. Ask the person who sent it for another link.",
                limit=str(MAX_LISTENERS),
            )
        listener, progress = joined
        return JoinedListener(self._tokens.of_listener(listener.id, link.id), link.expires_at, progress, session)

    async def next_pair(self, token: str, listener: str) -> NextPair:
        """Returns the listener's current pair, or else a new one, or none if there is nothing left to hear."""
        link = await self._link(token)
        return await self._comparing.next_pair(link.experiment_id, self._tokens.listener(listener, link.id))

    async def vote(self, token: str, listener: str, pair_id: str, answer: ListenerAnswer) -> ListenerProgress:
        """Casts a vote. See `Comparing.vote`."""
        link = await self._link(token)
        test_id, listener_id = link.experiment_id, self._tokens.listener(listener, link.id)
        voted = await self._comparing.vote(test_id, listener_id, pair_id, answer, self._address_of(test_id))
        return voted.progress

    async def _link(self, token: str) -> Link:
        async with self._database.reading() as connection:
            link = await self._links.get(connection, self._tokens.link(token, self._clock()))
        if link is None:
            raise Unauthenticated(
                "The experiment of this listening link was deleted. There is nothing to listen to any more."
            )
        if link.revoked_at is not None:
            raise Unauthenticated(f"This listening link was revoked. {ASK_FOR_LINK}")
        return link
