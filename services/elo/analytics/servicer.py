"""AnalyticsService: converts requests, calls use cases, converts results."""

from voicearena.elo.v1 import analytics_service_pb2, analytics_service_pb2_grpc

from services.elo.analytics import convert
from services.elo.analytics.domain import DEFAULT_DAYS
from services.elo.analytics.usecases import Analytics
from services.runtime.rpc import Context


class AnalyticsServicer(analytics_service_pb2_grpc.AnalyticsServiceServicer):
    """Implements AnalyticsService. The proto describes the RPCs."""

    def __init__(self, analytics: Analytics) -> None:
        self._analytics = analytics

    async def GetSummary(
        self, request: analytics_service_pb2.GetSummaryRequest, context: Context
    ) -> analytics_service_pb2.GetSummaryResponse:
        days = request.days if request.HasField("days") else DEFAULT_DAYS
        return convert.summary(await self._analytics.summary(days))

    async def GetCorrelations(
        self, request: analytics_service_pb2.GetCorrelationsRequest, context: Context
    ) -> analytics_service_pb2.GetCorrelationsResponse:
        return convert.correlations(await self._analytics.correlations())
