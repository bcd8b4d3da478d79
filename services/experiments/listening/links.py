"""The use cases of developers with listening links: create, list and revoke."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from services.experiments.domain import Experiment
from services.experiments.listening.domain import (
    DEFAULT_LINK_SECONDS,
    DEFAULT_LISTENERS_PER_ADDRESS,
    MAX_LINK_SECONDS,
    MAX_LINKS,
    MAX_LISTENERS_PER_ADDRESS,
    MIN_LINK_SECONDS,
    MIN_LISTENERS_PER_ADDRESS,
    Link,
    TalliedLink,
)
from services.experiments.listening.store import LinkStore
from services.experiments.listening.tokens import LINK_PREFIX, ListeningTokens
from services.experiments.store import Store
from services.runtime import ids
from services.runtime.clock import now
from services.runtime.db import Database
from services.runtime.errors import NotFound, QuotaExceeded, WrongState
from services.runtime.identity import current_identity, owned
from services.runtime.pages import Pages
from services.runtime.request_ids import current_fingerprint
from services.runtime.validation import Validation
from services.shared.listening.domain import InvitationTally
from services.shared.listening.vote_store import VoteStore


@dataclass(frozen=True, slots=True)
class CreatedLink:
    """A link with its token. Only the response that creates the link shows the token."""

    link: TalliedLink
    token: str


class Links:
    """The use cases of listening links."""

    def __init__(
        self,
        database: Database,
        experiments: Store,
        store: LinkStore,
        votes: VoteStore,
        tokens: ListeningTokens,
        pages: Pages,
        clock: Callable[[], datetime] = now,
    ) -> None:
        self._database = database
        self._experiments = experiments
        self._store = store
        self._votes = votes
        self._tokens = tokens
        self._pages = pages
        self._clock = clock

    async def create(
        self,
        experiment_id: str,
        expires_in_seconds: int | None,
        request_id: str,
        max_listeners_per_address: int | None = None,
    ) -> CreatedLink:
        """Creates a link. Raises WrongState if the experiment has no listening test or has ended."""
        ids.check_id(experiment_id, "exp", "experiment_id")
        seconds = DEFAULT_LINK_SECONDS if expires_in_seconds is None else expires_in_seconds
        valid = Validation()
        limits = f"must be {MIN_LINK_SECONDS} to {MAX_LINK_SECONDS}, got {seconds}"
        valid.require(MIN_LINK_SECONDS <= seconds <= MAX_LINK_SECONDS, "expires_in_seconds", limits)
        per_address = DEFAULT_LISTENERS_PER_ADDRESS if max_listeners_per_address is None else max_listeners_per_address
        valid.require(
            MIN_LISTENERS_PER_ADDRESS <= per_address <= MAX_LISTENERS_PER_ADDRESS,
            "max_listeners_per_address",
            f"must be {MIN_LISTENERS_PER_ADDRESS} to {MAX_LISTENERS_PER_ADDRESS}, got {per_address}; "
            "0 means a supervised panel without a limit",
        )
        valid.request_id(request_id)
        valid.finish()
        developer_id = current_identity().developer_id
        async with self._database.transaction() as connection:
            # The lock keeps the experiment from ending or being deleted, and makes parallel requests wait.
            experiment = owned(await self._experiments.lock(connection, experiment_id), "experiment", experiment_id)
            if request_id and (before := await self._store.of_request(connection, experiment_id, request_id)):
                (tallied,) = await self._tallied(connection, experiment_id, [before.repeated()])
                return self._made(tallied)
            _check_open_to_listeners(experiment)
            if len(await self._store.page(connection, experiment_id, limit=MAX_LINKS)) == MAX_LINKS:
                raise QuotaExceeded(
                    f"This experiment already has {MAX_LINKS} listening links, which is the limit", limit=str(MAX_LINKS)
                )
            moment = self._clock()
            link = Link(
                id=ids.new_id(LINK_PREFIX),
                experiment_id=experiment_id,
                developer_id=developer_id,
                # The token stores the expiry in whole seconds.
                expires_at=(moment + timedelta(seconds=seconds)).replace(microsecond=0),
                created_at=moment,
                max_listeners_per_address=per_address,
            )
            await self._store.add(connection, link, request_id, current_fingerprint())
        return self._made(TalliedLink(link, InvitationTally()))

    def _made(self, tallied: TalliedLink) -> CreatedLink:
        return CreatedLink(tallied, self._tokens.of_link(tallied.link.id, tallied.link.expires_at))

    async def _tallied(
        self, connection: AsyncConnection, experiment_id: str, links: Sequence[Link]
    ) -> Sequence[TalliedLink]:
        tallies = await self._votes.tallies(connection, experiment_id)
        return [TalliedLink(link, tallies.get(link.id, InvitationTally())) for link in links]

    async def page(self, experiment_id: str, size: int, token: str) -> tuple[Sequence[TalliedLink], str]:
        """Returns a page of an experiment's links, newest first, and the token of the next."""
        ids.check_id(experiment_id, "exp", "experiment_id")
        async with self._database.reading() as connection:
            found = await self._experiments.get(connection, current_identity().developer_id, experiment_id)
            owned(found, "experiment", experiment_id)
            links, next_token = await self._pages.page(
                size,
                token,
                {"list": "listening links", "experiment": experiment_id},
                lambda after, limit: self._store.page(connection, experiment_id, after=after, limit=limit),
                lambda link: (link.created_at, link.id),
            )
            return await self._tallied(connection, experiment_id, links), next_token

    async def revoke(self, experiment_id: str, link_id: str) -> TalliedLink:
        """Revokes a link and returns it. Revoking it again changes nothing."""
        ids.check_id(experiment_id, "exp", "experiment_id")
        ids.check_id(link_id, LINK_PREFIX, "link_id")
        async with self._database.transaction() as connection:
            link = owned(await self._store.get(connection, link_id), "listening link", link_id)
            if link.experiment_id != experiment_id:
                raise NotFound.of("listening link", link_id)
            revoked = await self._store.revoke(connection, link_id, self._clock())
            (tallied,) = await self._tallied(connection, experiment_id, [revoked or link])
        return tallied


def _check_open_to_listeners(experiment: Experiment) -> None:
    if not experiment.eval_mode.asks_listeners:
        raise WrongState(
            "This experiment has no listening test, because its eval_mode is automated. "
            "Clone it with eval_mode human or hybrid.",
            status=experiment.status,
            eval_mode=experiment.eval_mode,
        )
    if experiment.status.ended:
        raise WrongState(
            f"This experiment is {experiment.status}. Listening links can only be created before it ends.",
            status=experiment.status,
        )
