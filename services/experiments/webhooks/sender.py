"""Sends the deliveries that are due. Any number of processes can send side by side."""

import asyncio
import random
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

import structlog
from opentelemetry.trace import SpanKind
from prometheus_client import Counter

from services.experiments import operational_metrics
from services.experiments.webhooks import signing
from services.experiments.webhooks.claiming import Claim, Limits
from services.experiments.webhooks.domain import Attempt, AttemptOutcome, AttemptResult, after_attempt
from services.experiments.webhooks.posting import TIMEOUT_SECONDS, Post
from services.experiments.webhooks.publisher import CHANNEL
from services.experiments.webhooks.secret_box import SecretBox, UnreadableSecret
from services.experiments.webhooks.store import WebhookStore
from services.runtime import clock, ids, telemetry
from services.runtime.db import DISCONNECTED, Database
from services.runtime.event_loop import Stopwatch
from services.runtime.periodic import periodic

log = structlog.get_logger()

# Attempts in progress in this process. Most of them wait for a response, and each needs a socket.
MAX_CONCURRENT_ATTEMPTS = 200
LIMITS = Limits(per_endpoint=4, per_developer=20)
POLL_SECONDS = 1.0
# Longer than an attempt and the recording of its result. The deliveries of a killed process wait this long.
LEASE = timedelta(seconds=TIMEOUT_SECONDS + 5)
RECORD_RETRY_SECONDS = 0.5
# Attempts that end together must leave database connections to others.
MAX_CONCURRENT_RECORDINGS = 3

GONE = "the receiver responded with status 410 (Gone)"

ATTEMPTS = Counter("voicearena_webhook_attempts_total", "Attempts to deliver a webhook", ["outcome"])


class Sender:
    """Attempts deliveries when they become due."""

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
        self._recording = asyncio.Semaphore(MAX_CONCURRENT_RECORDINGS)

    async def run(self) -> None:
        """Sends until cancelled: whenever it is woken, and every second. Releases its leases at the end."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._database.listen(CHANNEL, lambda _: self._wake.set()))
                sending = periodic(lambda: self._send_due(tasks), POLL_SECONDS, batch=1, wake=self._wake)
                tasks.create_task(sending, name="sending webhooks")
        finally:
            await self._release_leases()

    async def _send_due(self, tasks: asyncio.TaskGroup) -> int:
        claims = await self.claim()
        for claim in claims:
            tasks.create_task(self.attempt(claim))
        return len(claims)

    async def claim(self) -> list[Claim]:
        """Leases deliveries that are due, up to the number of attempts that this process can still start."""
        capacity = MAX_CONCURRENT_ATTEMPTS - len(self._leases)
        leases = [ids.new_id("lse") for _ in range(capacity)]
        if not leases:
            return []
        moment = self._now()
        async with self._database.reading() as connection:
            since = await self._store.longest_due(connection, moment)
        operational_metrics.OLDEST_WEBHOOK_SECONDS.set((moment - since).total_seconds() if since else 0)
        if since is None:
            return []
        async with self._database.transaction() as connection:
            claims = list(await self._store.claim(connection, moment, moment + LEASE, leases, self._limits))
        self._leases.update(claim.lease for claim in claims)
        return claims

    async def attempt(self, claim: Claim) -> None:
        """Makes one attempt and records its result."""
        delivery = claim.delivery
        with (
            telemetry.span(f"webhook {delivery.type}", delivery.traceparent, SpanKind.CLIENT),
            telemetry.working_on(**{f"{delivery.subject_type}_id": delivery.subject_id, "delivery_id": delivery.id}),
        ):
            started_at, watch = self._now(), Stopwatch()
            result = await self._post_claimed(claim, started_at)
            duration_ms = watch.seconds() * 1000
            ATTEMPTS.labels(result.outcome).inc()
            log.info(
                "a webhook was attempted",
                endpoint_id=delivery.endpoint_id,
                outcome=str(result.outcome),
                status=result.response_status,
                duration_ms=round(duration_ms, 1),
            )
            try:
                await self._record(claim, result, started_at, duration_ms)
            except Exception as error:
                # Nothing is lost: the delivery is attempted again when the lease expires. Other deliveries go on.
                log.error("the result of a webhook attempt could not be recorded", exc_info=error)
        self._leases.discard(claim.lease)
        # Another delivery may have waited for this attempt to end.
        self._wake.set()

    async def _post_claimed(self, claim: Claim, at: datetime) -> AttemptResult:
        try:
            return await self._post(claim.endpoint.url, self._headers(claim, at), claim.delivery.body)
        except UnreadableSecret as error:
            return AttemptResult(outcome=AttemptOutcome.BROKEN, error=str(error))
        except Exception as error:
            # One broken delivery must not stop the others. This counts as an attempt, and the schedule goes on.
            log.error("a webhook could not be attempted", exc_info=error)
            return AttemptResult(outcome=AttemptOutcome.BROKEN, error="an internal error of this server prevented it")

    def _headers(self, claim: Claim, at: datetime) -> Mapping[str, str]:
        endpoint, delivery = claim.endpoint, claim.delivery
        keys = [self._box.open(sealed, endpoint.id) for sealed in endpoint.sealed_secrets(at)]
        headers = dict(signing.headers(keys, delivery.id, at, delivery.body))
        if traceparent := telemetry.current_traceparent():
            headers["traceparent"] = traceparent
        return headers

    async def _record(self, claim: Claim, result: AttemptResult, started_at: datetime, duration_ms: float) -> None:
        """Records an attempt, and retries while PostgreSQL is unavailable, until the lease expires."""
        while True:
            try:
                async with self._recording:
                    await self._settle(claim, result, started_at, duration_ms)
                return
            except DISCONNECTED as error:
                log.warning("the result of a webhook attempt can't be recorded now", error=str(error))
                if self._now() > started_at + LEASE:
                    return
            await asyncio.sleep(RECORD_RETRY_SECONDS)

    async def _settle(self, claim: Claim, result: AttemptResult, attempted_at: datetime, duration_ms: float) -> None:
        """Records an attempt and its effect on the delivery and the endpoint, in one transaction.

        If another process has leased the delivery meanwhile, only a success changes the delivery's state.
        """
        moment = self._now()
        by_hand = claim.delivery.asked_at is not None
        attempt = Attempt(
            attempted_at=attempted_at,
            response_status=result.response_status,
            error=result.error,
            duration_ms=duration_ms,
            by_hand=by_hand,
        )
        async with self._database.transaction() as connection:
            if result.outcome is AttemptOutcome.GONE:
                log.info("a webhook endpoint was disabled: it responded with 410", endpoint_id=claim.endpoint.id)
                await self._store.disable(connection, claim.endpoint.id, GONE)
            elif result.pause is not None:
                await self._store.pause(connection, claim.endpoint.id, moment + result.pause)
            elif result.outcome is AttemptOutcome.DELIVERED and claim.endpoint.paused_until is not None:
                await self._store.resume(connection, claim.endpoint.id)
            delivery = await self._store.delivery(connection, claim.delivery.id, lock=True)
            if delivery is None:
                return  # The subject of the message was deleted meanwhile.
            if delivery.lease == claim.lease or result.outcome is AttemptOutcome.DELIVERED:
                after = after_attempt(delivery, result, moment, self._jitter, by_hand=by_hand)
                await self._store.settle(connection, after)
            await self._store.add_attempt(connection, delivery.id, attempt)
            if result.outcome is AttemptOutcome.GONE:
                await self._store.give_up(connection, claim.endpoint.id, f"the endpoint was disabled: {GONE}")

    async def _release_leases(self) -> None:
        leases, self._leases = self._leases, set()
        if leases:
            try:
                async with self._database.transaction() as connection:
                    await self._store.release(connection, leases)
            except DISCONNECTED as error:
                log.warning("webhook leases were not released; they will expire", error=str(error))
