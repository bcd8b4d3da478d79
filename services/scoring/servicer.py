"""ScoringService: converts requests, calls use cases and converts their results."""

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing

from voicearena.scoring.v1 import metric_audit_pb2, scoring_pb2, scoring_service_pb2, scoring_service_pb2_grpc

from services.runtime.rpc import Context
from services.scoring.audit import convert as audit_convert
from services.scoring.audit.usecases import MetricAudits
from services.scoring.evaluations import convert as evaluations_convert
from services.scoring.evaluations.usecases import Evaluations


class ScoringServicer(scoring_service_pb2_grpc.ScoringServiceServicer):
    """Implements ScoringService. The proto describes the RPCs."""

    def __init__(self, evaluations: Evaluations, audits: MetricAudits, metrics: Sequence[scoring_pb2.Metric]) -> None:
        self._evaluations = evaluations
        self._audits = audits
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
        audited = audit_convert.with_audit(self._metrics, await self._audits.current())
        return scoring_service_pb2.ListMetricsResponse(metrics=audited)

    async def RunMetricAudit(
        self, request: scoring_service_pb2.RunMetricAuditRequest, context: Context
    ) -> AsyncIterator[scoring_service_pb2.RunMetricAuditResponse]:
        given = audit_convert.given_clips(request)
        async with aclosing(self._audits.run(given, request.language)) as updates:
            async for update in updates:
                yield audit_convert.update(update)

    async def GetMetricAudit(
        self, request: scoring_service_pb2.GetMetricAuditRequest, context: Context
    ) -> metric_audit_pb2.MetricAudit:
        return audit_convert.audit(await self._audits.latest())
