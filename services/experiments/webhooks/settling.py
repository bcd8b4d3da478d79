"""Notes what came of an attempt, and what follows for the delivery and its endpoint, in one transaction."""

from collections.abc import Callable
from datetime import datetime

import structlog

from services.experiments.webhooks.claiming import Claim
from services.experiments.webhooks.domain import Answer, Attempt, Outcome, settled
from services.experiments.webhooks.store import WebhookStore
from services.runtime.db import Database

log = structlog.get_logger()

GONE = "it answered 410, which says that it wants no more"


class Settling:
    """Settles attempts over one database."""

    def __init__(
        self, database: Database, store: WebhookStore, now: Callable[[], datetime], jitter: Callable[[], float]
    ) -> None:
        self._database = database
        self._store = store
        self._now = now
        self._jitter = jitter

    async def settle(self, claim: Claim, answer: Answer, attempted_at: datetime, duration_ms: float) -> None:
        """Notes an attempt. Of a delivery that another process is at by now, only a success changes the state."""
        moment = self._now()
        by_hand = claim.delivery.asked_at is not None
        attempt = Attempt(
            attempted_at=attempted_at,
            response_status=answer.response_status,
            error=answer.error,
            duration_ms=duration_ms,
            by_hand=by_hand,
        )
        async with self._database.transaction() as connection:
            if answer.outcome is Outcome.GONE:
                log.info("a webhook endpoint wants no more", endpoint_id=claim.endpoint.id)
                await self._store.disable(connection, claim.endpoint.id, GONE)
            elif answer.pause is not None:
                await self._store.pause(connection, claim.endpoint.id, moment + answer.pause)
            elif answer.outcome is Outcome.DELIVERED and claim.endpoint.paused_until is not None:
                await self._store.resume(connection, claim.endpoint.id)
            delivery = await self._store.delivery(connection, claim.delivery.id, lock=True)
            if delivery is None:
                return  # Its subject was deleted meanwhile.
            if delivery.lease == claim.lease or answer.outcome is Outcome.DELIVERED:
                after = settled(delivery, answer, moment, self._jitter, by_hand=by_hand)
                await self._store.settle(connection, after)
            await self._store.add_attempt(connection, delivery.id, attempt)
            if answer.outcome is Outcome.GONE:
                await self._store.give_up(connection, claim.endpoint.id, f"the endpoint was disabled: {GONE}")
