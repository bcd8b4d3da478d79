"""ScoringService: converts requests, calls use cases and converts their results."""

from collections.abc import Sequence

from voicearena.scoring.v1 import scoring_pb2, scoring_service_pb2, scoring_service_pb2_grpc

from services.runtime.rpc import Context
from services.scoring.evaluations import convert as evaluations_convert
from services.scoring.evaluations.usecases import Evaluations


class ScoringServicer(scoring_service_pb2_grpc.ScoringServiceServicer):
    """Implements ScoringService. The proto describes the RPCs."""

    def __init__(self, evaluations: Evaluations, metrics: Sequence[scoring_pb2.Metric]) -> None:
        self._evaluations = evaluations
        self._metrics = metrics

    async def GetEvaluation(
        self, request: scoring_service_pb2.GetEvaluationRequest, context: Context
    ) -> scoring_pb2.Evaluation:
        return evaluations_convert.details(await self._evaluations.get(request.id))

    async def CheckEvaluation(
        self, request: scoring_service_pb2.CheckEvaluationRequest, context: Context
    ) -> scoring_service_pb2.CheckEvaluationResponse:
        await self._evaluations.find(request.id)
        return scoring_service_pb2.CheckEvaluationResponse()

    async def ListMetrics(
        self, request: scoring_service_pb2.ListMetricsRequest, context: Context
    ) -> scoring_service_pb2.ListMetricsResponse:
        return scoring_service_pb2.ListMetricsResponse(metrics=self._metrics)
