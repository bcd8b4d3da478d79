"""Sends the deliveries that wait in the database. Any number of processes may send side by side."""

import asyncio
import random
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

import structlog
from opentelemetry.trace import SpanKind
from prometheus_client import Counter

from services.experiments import figures
from services.experiments.webhooks import signing
from services.experiments.webhooks.announcing import CHANNEL
from services.experiments.webhooks.claiming import Claim, Limits
from services.experiments.webhooks.domain import Answer, Attempt, Outcome, settled
from services.experiments.webhooks.posting import TIMEOUT_SECONDS, Post
from services.experiments.webhooks.sealing import SecretBox, Unsealable
from services.experiments.webhooks.store import WebhookStore
from services.runtime import clock, ids, telemetry
from services.runtime.db import DISCONNECTED, Database
from services.runtime.event_loop import Stopwatch
from services.runtime.periodic import periodic

log = structlog.get_logger()

# Attempts of this process. Most of them wait for an answer, and each costs a socket.
MAX_AT_ONCE = 200
LIMITS = Limits(per_endpoint=4, per_developer=20)
POLL_SECONDS = 1.0
# Longer than an attempt takes, with writing down its outcome. A killed process keeps its deliveries for so long.
LEASE = timedelta(seconds=TIMEOUT_SECONDS + 5)
NOTE_RETRY_SECONDS = 0.5
# Attempts that end together may not take all connections to the database.
MAX_NOTED_AT_ONCE = 3

GONE = "it answered 410, which says that it wants no more"

ATTEMPTS = Counter("voicearena_webhook_attempts_total", "Attempts to deliver a webhook", ["outcome"])


class Sender:
    """Attempts deliveries as they become due."""

    def __init__(
        self,
        database: Database,
        store: WebhookStore,
        box: SecretBox,
        post: Post,
        *,
        limits: Limits = LIMITS,
        now: Callable[[], datetime] = clock.now,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._database = database
        self._store = store
        self._box = box
        self._post = post
        self._limits = limits
        self._now = now
        self._jitter = jitter
        self._wake = asyncio.Event()
        self._leases: set[str] = set()
        self._noting = asyncio.Semaphore(MAX_NOTED_AT_ONCE)

    async def run(self) -> None:
        """Sends for ever: when woken, and every second what has become due. Gives its leases back at its end."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._database.listen(CHANNEL, lambda _: self._wake.set()))
                sending = periodic(lambda: self._send_what_is_due(tasks), POLL_SECONDS, batch=1, wake=self._wake)
                tasks.create_task(sending, name="sending webhooks")
        finally:
            await self._give_back()

    async def _send_what_is_due(self, tasks: asyncio.TaskGroup) -> int:
        claims = await self.claim()
        for claim in claims:
            tasks.create_task(self.attempt(claim))
        return len(claims)

    async def claim(self) -> list[Claim]:
        """Leases deliveries that are due, as many as there is room for."""
        room = MAX_AT_ONCE - len(self._leases)
        leases = [ids.new_id("lse") for _ in range(room)]
        if not leases:
            return []
        moment = self._now()
        async with self._database.reading() as connection:
            since = await self._store.longest_due(connection, moment)
        figures.OLDEST_WEBHOOK_SECONDS.set((moment - since).total_seconds() if since else 0)
        if since is None:
            return []
        async with self._database.transaction() as connection:
            claims = list(await self._store.claim(connection, moment, moment + LEASE, leases, self._limits))
        self._leases.update(claim.lease for claim in claims)
        return claims

    async def attempt(self, claim: Claim) -> None:
        """Makes one attempt and writes its outcome down."""
        delivery = claim.delivery
        with (
            telemetry.span(f"webhook {delivery.type}", delivery.traceparent, SpanKind.CLIENT),
            telemetry.working_on(**{f"{delivery.subject_type}_id": delivery.subject_id, "delivery_id": delivery.id}),
        ):
            started_at, watch = self._now(), Stopwatch()
            answer = await self._answer(claim, started_at)
            duration_ms = watch.seconds() * 1000
            ATTEMPTS.labels(answer.outcome).inc()
            log.info(
                "a webhook was attempted",
                endpoint_id=delivery.endpoint_id,
                outcome=str(answer.outcome),
                status=answer.response_status,
                duration_ms=round(duration_ms, 1),
            )
            try:
                await self._note(claim, answer, started_at, duration_ms)
            except Exception as error:
                # Nothing is lost: once the lease is over it is attempted again. The others must not wait for that.
                log.error("an attempt could not be noted", exc_info=error)
        self._leases.discard(claim.lease)
        # Another delivery may have waited for this one to end.
        self._wake.set()

    async def _answer(self, claim: Claim, at: datetime) -> Answer:
        try:
            return await self._post(claim.endpoint.url, self._headers(claim, at), claim.delivery.body)
        except Unsealable as error:
            return Answer(outcome=Outcome.BROKEN, error=str(error))
        except Exception as error:
            # A fault of one delivery may not stop the others. It counts as an attempt and is tried again in time.
            log.error("a webhook could not be attempted", exc_info=error)
            return Answer(outcome=Outcome.BROKEN, error="it could not be attempted, by a fault of this server")

    def _headers(self, claim: Claim, at: datetime) -> Mapping[str, str]:
        endpoint, delivery = claim.endpoint, claim.delivery
        keys = [self._box.open(sealed, endpoint.id) for sealed in endpoint.sealed_secrets(at)]
        headers = dict(signing.headers(keys, delivery.id, at, delivery.body))
        if traceparent := telemetry.current_traceparent():
            headers["traceparent"] = traceparent
        return headers

    async def _note(self, claim: Claim, answer: Answer, started_at: datetime, duration_ms: float) -> None:
        """Writes an attempt down, even if PostgreSQL is away for a moment. What is not written is attempted again."""
        while True:
            try:
                async with self._noting:
                    await self._settle(claim, answer, started_at, duration_ms)
                return
            except DISCONNECTED as error:
                log.warning("an attempt can't be noted now", error=str(error))
                if self._now() > started_at + LEASE:
                    return
            await asyncio.sleep(NOTE_RETRY_SECONDS)

    async def _settle(self, claim: Claim, answer: Answer, attempted_at: datetime, duration_ms: float) -> None:
        """Writes an attempt down, and what follows for its delivery and endpoint, in one transaction.

        If another process has leased the delivery by now, only a success changes its state.
        """
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

    async def _give_back(self) -> None:
        leases, self._leases = self._leases, set()
        if leases:
            try:
                async with self._database.transaction() as connection:
                    await self._store.release(connection, leases)
            except DISCONNECTED as error:
                log.warning("claims were not given back; their time will be over", error=str(error))
