"""WebhookService: converts requests, calls use cases, converts results."""

from voicearena.experiments.v1 import webhook_pb2, webhook_service_pb2, webhook_service_pb2_grpc

from services.experiments.webhooks import convert, domain
from services.experiments.webhooks.domain import DEFAULT_OVERLAP_SECONDS
from services.experiments.webhooks.usecases import DeliveryLog, WebhookEndpoints
from services.runtime.clock import now
from services.runtime.rpc import Context


class WebhookServicer(webhook_service_pb2_grpc.WebhookServiceServicer):
    """Implements WebhookService. The proto describes the RPCs."""

    def __init__(self, endpoints: WebhookEndpoints, log: DeliveryLog) -> None:
        self._endpoints = endpoints
        self._log = log

    async def CreateWebhookEndpoint(
        self, request: webhook_service_pb2.CreateWebhookEndpointRequest, context: Context
    ) -> webhook_service_pb2.WebhookEndpointWithSecret:
        endpoint, secret = await self._endpoints.create(request.url, request.request_id)
        return convert.endpoint_with_secret(endpoint, secret, now())

    async def ListWebhookEndpoints(
        self, request: webhook_service_pb2.ListWebhookEndpointsRequest, context: Context
    ) -> webhook_service_pb2.ListWebhookEndpointsResponse:
        endpoints, token = await self._endpoints.page(request.page_size, request.page_token)
        moment = now()
        return webhook_service_pb2.ListWebhookEndpointsResponse(
            endpoints=[convert.endpoint(endpoint, moment) for endpoint in endpoints], next_page_token=token
        )

    async def GetWebhookEndpoint(
        self, request: webhook_service_pb2.GetWebhookEndpointRequest, context: Context
    ) -> webhook_pb2.WebhookEndpoint:
        return convert.endpoint(await self._endpoints.get(request.id), now())

    async def DeleteWebhookEndpoint(
        self, request: webhook_service_pb2.DeleteWebhookEndpointRequest, context: Context
    ) -> webhook_service_pb2.DeleteWebhookEndpointResponse:
        await self._endpoints.delete(request.id)
        return webhook_service_pb2.DeleteWebhookEndpointResponse(id=request.id)

    async def RotateWebhookSecret(
        self, request: webhook_service_pb2.RotateWebhookSecretRequest, context: Context
    ) -> webhook_service_pb2.WebhookEndpointWithSecret:
        overlap = request.overlap_seconds if request.HasField("overlap_seconds") else DEFAULT_OVERLAP_SECONDS
        endpoint, secret = await self._endpoints.rotate(request.id, overlap)
        return convert.endpoint_with_secret(endpoint, secret, now())

    async def EnableWebhookEndpoint(
        self, request: webhook_service_pb2.EnableWebhookEndpointRequest, context: Context
    ) -> webhook_pb2.WebhookEndpoint:
        return convert.endpoint(await self._endpoints.enable(request.id), now())

    async def ListWebhookDeliveries(
        self, request: webhook_service_pb2.ListWebhookDeliveriesRequest, context: Context
    ) -> webhook_service_pb2.ListWebhookDeliveriesResponse:
        deliveries, token = await self._log.page(
            domain.EXPERIMENT, request.experiment_id, request.page_size, request.page_token
        )
        return webhook_service_pb2.ListWebhookDeliveriesResponse(
            deliveries=[convert.delivery(*each) for each in deliveries], next_page_token=token
        )

    async def RedeliverWebhook(
        self, request: webhook_service_pb2.RedeliverWebhookRequest, context: Context
    ) -> webhook_pb2.WebhookDelivery:
        redelivered = await self._log.redeliver(domain.EXPERIMENT, request.experiment_id, request.delivery_id)
        return convert.delivery(*redelivered)

    async def ListEvaluationWebhookDeliveries(
        self, request: webhook_service_pb2.ListEvaluationWebhookDeliveriesRequest, context: Context
    ) -> webhook_service_pb2.ListWebhookDeliveriesResponse:
        deliveries, token = await self._log.page(
            domain.EVALUATION, request.evaluation_id, request.page_size, request.page_token
        )
        return webhook_service_pb2.ListWebhookDeliveriesResponse(
            deliveries=[convert.delivery(*each) for each in deliveries], next_page_token=token
        )

    async def RedeliverEvaluationWebhook(
        self, request: webhook_service_pb2.RedeliverEvaluationWebhookRequest, context: Context
    ) -> webhook_pb2.WebhookDelivery:
        redelivered = await self._log.redeliver(domain.EVALUATION, request.evaluation_id, request.delivery_id)
        return convert.delivery(*redelivered)

    async def ListBattleWebhookDeliveries(
        self, request: webhook_service_pb2.ListBattleWebhookDeliveriesRequest, context: Context
    ) -> webhook_service_pb2.ListWebhookDeliveriesResponse:
        deliveries, token = await self._log.page(
            domain.BATTLE, request.battle_id, request.page_size, request.page_token
        )
        return webhook_service_pb2.ListWebhookDeliveriesResponse(
            deliveries=[convert.delivery(*each) for each in deliveries], next_page_token=token
        )

    async def RedeliverBattleWebhook(
        self, request: webhook_service_pb2.RedeliverBattleWebhookRequest, context: Context
    ) -> webhook_pb2.WebhookDelivery:
        redelivered = await self._log.redeliver(domain.BATTLE, request.battle_id, request.delivery_id)
        return convert.delivery(*redelivered)

    async def EnsureWebhookEndpoint(
        self, request: webhook_service_pb2.EnsureWebhookEndpointRequest, context: Context
    ) -> webhook_service_pb2.EnsureWebhookEndpointResponse:
        await self._endpoints.ensure(request.webhook_url)
        return webhook_service_pb2.EnsureWebhookEndpointResponse()

    async def ShowWebhookSecret(
        self, request: webhook_service_pb2.ShowWebhookSecretRequest, context: Context
    ) -> webhook_service_pb2.ShowWebhookSecretResponse:
        secret = await self._endpoints.secret_to_show_once(request.webhook_url)
        return webhook_service_pb2.ShowWebhookSecretResponse(secret=secret)
