"""What scoring measures, as this service asks for it."""

from collections.abc import Collection
from typing import Protocol

from voicearena.scoring.v1 import scoring_service_pb2, scoring_service_pb2_grpc


class Metrics(Protocol):
    """Where it is known what is measured of speech."""

    async def measured(self) -> Collection[str]:
        """Returns the names of all that is measured, such as `naturalness_mos`."""


class ScoringMetrics:
    """The metrics that the scoring service lists."""

    def __init__(self, stub: "scoring_service_pb2_grpc.ScoringServiceAsyncStub") -> None:
        self._stub = stub

    async def measured(self) -> Collection[str]:
        answer = await self._stub.ListMetrics(scoring_service_pb2.ListMetricsRequest())
        return frozenset(metric.name for metric in answer.metrics)
