"""The use cases of webhook endpoints and of their delivery log."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from services.experiments.domain import Experiment
from services.experiments.webhooks import domain, signing
from services.experiments.webhooks.domain import WebhookEndpoint
from services.experiments.webhooks.owners import OwnerCheck
from services.experiments.webhooks.publisher import wake
from services.experiments.webhooks.secret_box import SecretBox
from services.experiments.webhooks.ssrf_guard.policy import SsrfPolicy
from services.experiments.webhooks.ssrf_guard.urls import canonical, check_url
from services.experiments.webhooks.store import LoggedDelivery, WebhookStore
from services.runtime import ids
from services.runtime.clock import now
from services.runtime.db import Database
from services.runtime.errors import AlreadyExists, NotFound, QuotaExceeded, WrongState
from services.runtime.identity import current_identity, owned
from services.runtime.pages import Pages
from services.runtime.request_ids import current_fingerprint
from services.runtime.validation import Validation

# The name of the resource in error messages.
KIND = "webhook endpoint"


def maker_for_others(developer_id: str) -> str:
    """Returns what makes the endpoints of all evaluations and battles of a developer. One response shows the secret."""
    return f"evaluations of {developer_id}"


class WebhookEndpoints:
    """The use cases of webhook endpoints."""

    def __init__(
        self, database: Database, store: WebhookStore, box: SecretBox, pages: Pages, policy: SsrfPolicy
    ) -> None:
        self._database = database
        self._store = store
        self._policy = policy
        self._box = box
        self._pages = pages

    async def create(self, url: str, request_id: str) -> tuple[WebhookEndpoint, str]:
        """Creates an endpoint and returns it with its secret.

        Returns the earlier endpoint with an empty secret if the caller has used this request_id before.
        """
        developer_id = current_identity().developer_id
        valid = Validation()
        fault = check_url(url, self._policy)
        valid.require(fault is None, "url", fault or "")
        valid.request_id(request_id)
        valid.finish()
        url = canonical(url)
        async with self._database.transaction() as connection:
            # Counted first: other calls that add endpoints of the same developer wait here for this transaction.
            endpoints = await self._store.count_endpoints(connection, developer_id)
            if request_id and (before := await self._store.endpoint_of_request(connection, developer_id, request_id)):
                return before.repeated(), ""
            if taken := await self._store.endpoint_at(connection, developer_id, url):
                message = "You already have a webhook endpoint with this URL. Rotate its secret if you need a new one."
                raise AlreadyExists(message, id=taken.id)
            endpoint, secret = self._new(developer_id, url, endpoints)
            await self._store.add_endpoint(
                connection, endpoint, request_id=request_id, fingerprint=current_fingerprint()
            )
        return endpoint, secret

    async def make_for(self, connection: AsyncConnection, experiment: Experiment) -> None:
        """Creates the endpoint of a new experiment's webhook_url unless it exists, in the caller's transaction.

        Raises QuotaExceeded if the developer already has the maximum number of endpoints.
        """
        url, developer_id = experiment.webhook_url, experiment.developer_id
        if not url:
            return
        endpoints = await self._store.count_endpoints(connection, developer_id)
        if not await self._store.endpoint_at(connection, developer_id, url):
            endpoint, _ = self._new(developer_id, url, endpoints)
            await self._store.add_endpoint(connection, endpoint, made_by=experiment.id)

    async def ensure(self, url: str) -> None:
        """Creates the endpoint of the caller for the webhook_url of an evaluation or battle, unless it exists.

        Raises InvalidInput if the URL is not allowed, and QuotaExceeded as `make_for`.
        """
        developer_id = current_identity().developer_id
        valid = Validation()
        fault = check_url(url, self._policy)
        valid.require(fault is None, "webhook_url", fault or "")
        valid.finish()
        url = canonical(url)
        async with self._database.reading() as connection:
            if await self._store.endpoint_at(connection, developer_id, url):
                return
        async with self._database.transaction() as connection:
            endpoints = await self._store.count_endpoints(connection, developer_id)
            if not await self._store.endpoint_at(connection, developer_id, url):
                endpoint, _ = self._new(developer_id, url, endpoints)
                await self._store.add_endpoint(connection, endpoint, made_by=maker_for_others(developer_id))

    def _new(self, developer_id: str, url: str, others: int) -> tuple[WebhookEndpoint, str]:
        if others >= domain.MAX_ENDPOINTS:
            raise QuotaExceeded(
                f"You already have {domain.MAX_ENDPOINTS} webhook endpoints, which is the limit. Delete one first.",
                limit=str(domain.MAX_ENDPOINTS),
            )
        endpoint_id, secret = ids.new_id("whe"), signing.new_secret()
        sealed = self._box.seal(secret, endpoint_id)
        endpoint = WebhookEndpoint(id=endpoint_id, developer_id=developer_id, url=url, secret=sealed, created_at=now())
        return endpoint, signing.encoded(secret)

    async def secret_to_show(self, experiment: Experiment) -> str:
        """Returns the secret of the endpoint that the experiment made, or "" if there is none or it was shown."""
        if not experiment.webhook_url:
            return ""
        return await self._show_secret(experiment.id, experiment.webhook_url)

    async def secret_to_show_once(self, url: str) -> str:
        """Returns the secret of the endpoint that `ensure` made for the caller, "" if there is none or it was shown."""
        return await self._show_secret(maker_for_others(current_identity().developer_id), canonical(url))

    async def _show_secret(self, made_by: str, url: str) -> str:
        async with self._database.transaction() as connection:
            endpoint = await self._store.show_secret(connection, made_by, url)
        return signing.encoded(self._box.open(endpoint.secret, endpoint.id)) if endpoint else ""

    async def get(self, endpoint_id: str) -> WebhookEndpoint:
        """Returns an endpoint of the caller. Raises NotFound if the caller has no endpoint with this id."""
        ids.check_id(endpoint_id, "whe")
        async with self._database.reading() as connection:
            return owned(await self._store.endpoint(connection, endpoint_id), KIND, endpoint_id)

    async def page(self, size: int, token: str) -> tuple[Sequence[WebhookEndpoint], str]:
        """Returns a page of the caller's endpoints, newest first, and the token of the next."""
        developer_id = current_identity().developer_id
        async with self._database.reading() as connection:
            return await self._pages.page(
                size,
                token,
                {"list": "webhook endpoints", "developer": developer_id},
                lambda after, limit: self._store.endpoints(connection, developer_id, after=after, limit=limit),
                lambda endpoint: (endpoint.created_at, endpoint.id),
            )

    async def delete(self, endpoint_id: str) -> None:
        """Deletes an endpoint of the caller and gives up its outstanding deliveries."""
        ids.check_id(endpoint_id, "whe")
        async with self._database.transaction() as connection:
            owned(await self._store.endpoint(connection, endpoint_id, lock=True), KIND, endpoint_id)
            await self._store.delete_endpoint(connection, endpoint_id)
            await self._store.give_up(connection, endpoint_id, domain.DELETED)

    async def rotate(self, endpoint_id: str, overlap_seconds: int) -> tuple[WebhookEndpoint, str]:
        """Gives an endpoint of the caller a new secret. Returns both.

        Messages are signed with the old secret, too, for `overlap_seconds`.
        """
        ids.check_id(endpoint_id, "whe")
        valid = Validation()
        maximum = domain.MAX_OVERLAP_SECONDS
        valid.require(0 <= overlap_seconds <= maximum, "overlap_seconds", f"must be 0 to {maximum} (7 days)")
        valid.finish()
        secret, moment = signing.new_secret(), now()
        async with self._database.transaction() as connection:
            endpoint = owned(await self._store.endpoint(connection, endpoint_id, lock=True), KIND, endpoint_id)
            sealed = self._box.seal(secret, endpoint.id)
            old_until = moment + timedelta(seconds=overlap_seconds) if overlap_seconds else None
            rotated = await self._store.rotate(connection, endpoint.id, sealed, moment, old_until)
        return rotated, signing.encoded(secret)

    async def enable(self, endpoint_id: str) -> WebhookEndpoint:
        """Enables an endpoint of the caller and returns it."""
        ids.check_id(endpoint_id, "whe")
        async with self._database.transaction() as connection:
            owned(await self._store.endpoint(connection, endpoint_id, lock=True), KIND, endpoint_id)
            return await self._store.enable(connection, endpoint_id)


class DeliveryLog:
    """The use cases of webhook deliveries. Only the developer of a subject can see its deliveries."""

    def __init__(self, database: Database, owners: Mapping[str, OwnerCheck], store: WebhookStore, pages: Pages) -> None:
        """`owners` has an entry for each type of subject."""
        self._database = database
        self._owners = owners
        self._store = store
        self._pages = pages

    async def page(
        self, subject_type: str, subject_id: str, size: int, token: str
    ) -> tuple[Sequence[LoggedDelivery], str]:
        """Returns a page of a subject's deliveries with their attempts, newest first, and the token of the next."""
        await self._owners[subject_type].check(subject_id)
        async with self._database.reading() as connection:
            return await self._pages.page(
                size,
                token,
                {"list": "webhook deliveries", subject_type: subject_id},
                lambda after, limit: self._store.deliveries(
                    connection, subject_type, subject_id, after=after, limit=limit
                ),
                lambda logged: (logged[0].created_at, logged[0].id),
            )

    async def redeliver(self, subject_type: str, subject_id: str, delivery_id: str) -> LoggedDelivery:
        """Requests an attempt at once.

        Raises WrongState while an attempt is in progress, after MAX_ATTEMPTS attempts, or if the endpoint is disabled
        or deleted.
        """
        ids.check_id(delivery_id, "msg", "delivery_id")
        await self._owners[subject_type].check(subject_id)
        async with self._database.transaction() as connection:
            delivery = await self._store.delivery(connection, delivery_id)
            if delivery is None or (delivery.subject_type, delivery.subject_id) != (subject_type, subject_id):
                raise NotFound.of("webhook delivery", delivery_id)
            # The lock keeps others from deleting or disabling the endpoint first. They then give up this attempt, too.
            endpoint = await self._store.endpoint(connection, delivery.endpoint_id, keep=True)
            if endpoint is None:
                raise WrongState("The endpoint of this delivery was deleted", status="deleted")
            if endpoint.disabled_reason:
                raise WrongState(
                    f"The endpoint of this delivery is disabled: {endpoint.disabled_reason}", status="disabled"
                )
            delivery = await self._store.delivery(connection, delivery_id, lock=True)
            if delivery is None:
                raise NotFound.of("webhook delivery", delivery_id)
            moment = now()
            if delivery.under_way(moment):
                raise WrongState("An attempt of this delivery is in progress", status="under_way")
            attempts = await self._store.attempts(connection, delivery_id)
            if len(attempts) >= domain.MAX_ATTEMPTS:
                raise WrongState(
                    f"This delivery was attempted {len(attempts)} times; the limit is {domain.MAX_ATTEMPTS}",
                    status=delivery.status,
                )
            asked = await self._store.ask(connection, delivery_id, moment)
            await wake(connection)
        return asked, attempts
