"""Notes what came of an attempt, and what follows for the delivery and its endpoint, in one transaction."""

import dataclasses
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
            pause = answer.pause
            lifted = answer.outcome is Outcome.DELIVERED and claim.endpoint.paused_until is not None
            if answer.outcome is Outcome.GONE or pause is not None or lifted:
                endpoint = await self._store.endpoint(connection, claim.endpoint.id, lock=True)
                if endpoint is not None and answer.outcome is Outcome.GONE:
                    log.info("a webhook endpoint wants no more", endpoint_id=endpoint.id)
                    gone = dataclasses.replace(endpoint, disabled_reason=endpoint.disabled_reason or GONE)
                    await self._store.update_endpoint(connection, gone)
                elif endpoint is not None:
                    until = max(moment + pause, endpoint.paused_until or moment) if pause is not None else None
                    await self._store.update_endpoint(connection, dataclasses.replace(endpoint, paused_until=until))
            delivery = await self._store.delivery(connection, claim.delivery.id, lock=True)
            if delivery is None:
                return  # Its experiment was deleted meanwhile.
            if delivery.lease == claim.lease or answer.outcome is Outcome.DELIVERED:
                after = settled(delivery, answer, moment, self._jitter, by_hand=by_hand)
                await self._store.update_delivery(connection, after)
            await self._store.add_attempt(connection, delivery.id, attempt)
            if answer.outcome is Outcome.GONE:
                await self._store.give_up(connection, claim.endpoint.id, f"the endpoint was disabled: {GONE}")
