"""What those do who have a listening link: join with an anonymous session, hear a pair, vote.

The same session is the same listener of a link, whoever joins again.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from services.experiments.listening.domain import MAX_LISTENERS, Link
from services.experiments.listening.sessions import Session, Sessions
from services.experiments.listening.store import LinkStore
from services.experiments.listening.tokens import LISTENER_PREFIX, ListeningTokens
from services.runtime import ids
from services.runtime.clock import now
from services.runtime.db import Database
from services.runtime.errors import QuotaExceeded, Unauthenticated
from services.runtime.identity import current_voter
from services.shared.listening.comparing import Comparing, Next
from services.shared.listening.domain import MAX_JOINED_FROM_ADDRESS, Listener, ListenerAnswer, ListenerProgress


@dataclass(frozen=True, slots=True)
class Joined:
    """A listener."""

    token: str
    expires_at: datetime
    progress: ListenerProgress
    session: Session | None = None
    """The session that was made for them, None if they came with one."""


class Listeners:
    """The use cases over one database."""

    def __init__(
        self,
        database: Database,
        links: LinkStore,
        comparing: Comparing[None],
        tokens: ListeningTokens,
        sessions: Sessions,
        *,
        address_of: Callable[[str], bytes | None],
        clock: Callable[[], datetime] = now,
    ) -> None:
        """`address_of` takes an experiment's id to the keyed hash of the address from which this call comes."""
        self._database = database
        self._links = links
        self._comparing = comparing
        self._tokens = tokens
        self._sessions = sessions
        self._address_of = address_of
        self._clock = clock

    async def join(self, token: str) -> Joined:
        """Returns the listener that the caller's session is, made if it is none yet.

        Unauthenticated if the link is not good, QuotaExceeded if it has all the listeners it may have.
        """
        # First, so that a link that is no good costs no session.
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
                f"{MAX_LISTENERS} listeners have joined by this link, or {MAX_JOINED_FROM_ADDRESS} from your address, "
                "and no more may: ask for another link",
                limit=str(MAX_LISTENERS),
            )
        listener, progress = joined
        return Joined(self._tokens.of_listener(listener.id, link.id), link.expires_at, progress, session)

    async def next_pair(self, token: str, listener: str) -> Next:
        """Returns the pair that a listener is at, else a new one, else none."""
        link = await self._link(token)
        return await self._comparing.next_pair(link.experiment_id, self._tokens.listener(listener, link.id))

    async def vote(self, token: str, listener: str, pair_id: str, answer: ListenerAnswer) -> ListenerProgress:
        """Takes an answer; see `Comparing.vote`."""
        link = await self._link(token)
        test_id, listener_id = link.experiment_id, self._tokens.listener(listener, link.id)
        voted = await self._comparing.vote(test_id, listener_id, pair_id, answer, self._address_of(test_id))
        return voted.progress

    async def _link(self, token: str) -> Link:
        async with self._database.reading() as connection:
            link = await self._links.get(connection, self._tokens.link(token, self._clock()))
        if link is None:
            raise Unauthenticated(
                "the experiment of this listening link was deleted: there is nothing to hear any more"
            )
        if link.revoked_at is not None:
            raise Unauthenticated("this listening link was revoked: ask whoever sent it for a new one")
        return link
