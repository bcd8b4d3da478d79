"""What developers do with listening links."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.experiments.domain import LONGEST_REQUEST_ID, Experiment
from services.experiments.listening.domain import (
    DEFAULT_LISTENERS_PER_ADDRESS,
    LINK_SECONDS,
    LONGEST_LINK_SECONDS,
    MAX_LISTENERS_PER_ADDRESS,
    MIN_LISTENERS_PER_ADDRESS,
    MOST_LINKS,
    SHORTEST_LINK_SECONDS,
    Link,
)
from services.experiments.listening.store import ListeningStore
from services.experiments.listening.tokens import LINK_PREFIX, ListeningTokens
from services.experiments.store import Store
from services.runtime import ids
from services.runtime.clock import now
from services.runtime.db import Database
from services.runtime.errors import NotFound, QuotaExceeded, WrongState
from services.runtime.identity import current_identity
from services.runtime.pages import PageTokens, page_size, type_of_value
from services.runtime.request_ids import current_fingerprint
from services.runtime.validation import Validation


@dataclass(frozen=True, slots=True)
class MadeLink:
    """A link with its token, which is shown only to who makes it."""

    link: Link
    token: str


class Links:
    """The use cases over one database."""

    def __init__(
        self,
        database: Database,
        experiments: Store,
        store: ListeningStore,
        tokens: ListeningTokens,
        pages: PageTokens,
        clock: Callable[[], datetime] = now,
    ) -> None:
        self._database = database
        self._experiments = experiments
        self._store = store
        self._tokens = tokens
        self._pages = pages
        self._clock = clock

    async def create(
        self,
        experiment_id: str,
        expires_in_seconds: int | None,
        request_id: str,
        max_listeners_per_address: int | None = None,
    ) -> MadeLink:
        """Makes a link; WrongState if nobody listens to the experiment (any more)."""
        ids.check_id(experiment_id, "exp", "experiment_id")
        seconds = LINK_SECONDS if expires_in_seconds is None else expires_in_seconds
        valid = Validation()
        limits = f"must be {SHORTEST_LINK_SECONDS} to {LONGEST_LINK_SECONDS}, got {seconds}"
        valid.require(SHORTEST_LINK_SECONDS <= seconds <= LONGEST_LINK_SECONDS, "expires_in_seconds", limits)
        most = DEFAULT_LISTENERS_PER_ADDRESS if max_listeners_per_address is None else max_listeners_per_address
        valid.require(
            MIN_LISTENERS_PER_ADDRESS <= most <= MAX_LISTENERS_PER_ADDRESS,
            "max_listeners_per_address",
            f"must be {MIN_LISTENERS_PER_ADDRESS} to {MAX_LISTENERS_PER_ADDRESS}, where 0 means a supervised panel "
            f"that has no limit, got {most}",
        )
        valid.text(request_id, "request_id", longest=LONGEST_REQUEST_ID, shortest=0)
        valid.finish()
        developer_id = current_identity().developer_id
        async with self._database.transaction() as connection:
            # Locked, so that it neither ends nor is deleted meanwhile, and requests follow one another.
            experiment = await self._experiments.lock(connection, experiment_id)
            if experiment is None or experiment.developer_id != developer_id:
                raise NotFound("experiment", experiment_id)
            if request_id and (before := await self._store.link_of_request(connection, experiment_id, request_id)):
                return self._made(before.repeated())
            _check_listens(experiment)
            if len(await self._store.links(connection, experiment_id, limit=MOST_LINKS)) == MOST_LINKS:
                raise QuotaExceeded(f"an experiment has at most {MOST_LINKS} listening links", limit=str(MOST_LINKS))
            moment = self._clock()
            link = Link(
                id=ids.new_id(LINK_PREFIX),
                experiment_id=experiment_id,
                developer_id=developer_id,
                # A token has whole seconds.
                expires_at=(moment + timedelta(seconds=seconds)).replace(microsecond=0),
                created_at=moment,
                max_listeners_per_address=most,
            )
            await self._store.add_link(connection, link, request_id, current_fingerprint())
        return self._made(link)

    def _made(self, link: Link) -> MadeLink:
        return MadeLink(link, self._tokens.of_link(link.id, link.expires_at))

    async def page(self, experiment_id: str, size: int, token: str) -> tuple[Sequence[Link], str]:
        """Returns a page of an experiment's links, newest first, and the token of the next."""
        ids.check_id(experiment_id, "exp", "experiment_id")
        size = page_size(size)
        filters: dict[str, type_of_value] = {"list": "listening links", "experiment": experiment_id}
        cursor = self._pages.decode(token, filters)
        after = (datetime.fromisoformat(str(cursor[0])), str(cursor[1])) if cursor else None
        async with self._database.reading() as connection:
            experiment = await self._experiments.get(connection, current_identity().developer_id, experiment_id)
            if experiment is None:
                raise NotFound("experiment", experiment_id)
            found = await self._store.links(connection, experiment_id, after=after, limit=size + 1)
        if len(found) <= size:
            return found, ""
        last = found[size - 1]
        return found[:size], self._pages.encode([last.created_at.isoformat(), last.id], filters)

    async def revoke(self, experiment_id: str, link_id: str) -> Link:
        """Makes a link useless and returns it; again, it stays as it was."""
        ids.check_id(experiment_id, "exp", "experiment_id")
        ids.check_id(link_id, LINK_PREFIX, "link_id")
        developer_id = current_identity().developer_id
        async with self._database.transaction() as connection:
            link = await self._store.link(connection, link_id)
            if link is None or (link.developer_id, link.experiment_id) != (developer_id, experiment_id):
                raise NotFound("listening link", link_id)
            revoked = await self._store.revoke_link(connection, link_id, self._clock())
        return revoked or link


def _check_listens(experiment: Experiment) -> None:
    if not experiment.eval_mode.asks_listeners:
        raise WrongState(
            "nobody listens to this experiment, whose eval_mode is automated: clone it with human or hybrid",
            status=experiment.status,
            eval_mode=experiment.eval_mode,
        )
    if experiment.status.ended:
        raise WrongState(
            f"the experiment is {experiment.status}; links are made before it ends", status=experiment.status
        )
