"""The RPCs of ScoringService."""

from unittest.mock import sentinel

import pytest
from voicearena.scoring.v1 import scoring_pb2, scoring_service_pb2

from services.runtime.errors import NotFound
from services.scoring.domain import LISTED_METRICS
from services.scoring.servicer import ScoringServicer
from tests.unit.scoring.test_convert import RUNNING


class OneEvaluation:
    """Use cases with a single evaluation."""

    async def get_evaluation(self, evaluation_id: str) -> object:
        if evaluation_id != RUNNING.id:
            raise NotFound.of("evaluation", evaluation_id)
        return RUNNING


SERVICER = ScoringServicer(OneEvaluation())  # type: ignore[arg-type]


async def test_metrics_are_listed_from_the_table() -> None:
    listed = await SERVICER.ListMetrics(scoring_service_pb2.ListMetricsRequest(), sentinel.context)
    assert [(metric.name, metric.description) for metric in listed.metrics] == [
        (metric.name, metric.description) for metric in LISTED_METRICS
    ]


async def test_an_evaluation_is_read_by_its_id() -> None:
    found = await SERVICER.GetEvaluation(scoring_service_pb2.GetEvaluationRequest(id=RUNNING.id), sentinel.context)
    assert (found.id, found.status) == (RUNNING.id, scoring_pb2.Evaluation.running)


async def test_errors_are_left_to_the_interceptor() -> None:
    with pytest.raises(NotFound):
        await SERVICER.GetEvaluation(scoring_service_pb2.GetEvaluationRequest(id="trl_2"), sentinel.context)
