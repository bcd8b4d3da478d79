"""The client of experiments, which sends webhooks about evaluations and battles."""

from typing import Protocol

import structlog
from voicearena.experiments.v1 import webhook_service_pb2, webhook_service_pb2_grpc

from services.runtime.errors import Unavailable

log = structlog.get_logger()


class WebhookEndpointClient(Protocol):
    """The webhook endpoints of the caller."""

    async def ensure(self, url: str) -> None:
        """Creates the endpoint of a webhook_url unless it exists. Raises InvalidInput if the URL is not allowed."""

    async def secret_to_show(self, url: str) -> str:
        """Returns the secret of the endpoint that `ensure` created, in the first call only. Empty otherwise."""


class ExperimentsWebhookEndpoints:
    """Asks experiments."""

    def __init__(self, stub: "webhook_service_pb2_grpc.WebhookServiceAsyncStub") -> None:
        self._stub = stub

    async def ensure(self, url: str) -> None:
        await self._stub.EnsureWebhookEndpoint(webhook_service_pb2.EnsureWebhookEndpointRequest(webhook_url=url))

    async def secret_to_show(self, url: str) -> str:
        request = webhook_service_pb2.ShowWebhookSecretRequest(webhook_url=url)
        return (await self._stub.ShowWebhookSecret(request)).secret


async def secret_if_available(endpoints: WebhookEndpointClient, url: str) -> str:
    """Returns what `secret_to_show` does for a webhook_url, which can be empty.

    Returns "" if it can't be had now. The response to the next call with the same webhook_url then has it.
    """
    if not url:
        return ""
    try:
        return await endpoints.secret_to_show(url)
    except Unavailable as error:
        log.warning("the secret of a webhook endpoint can't be shown now", error=str(error))
        return ""
