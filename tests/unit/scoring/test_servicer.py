"""The RPCs of ScoringService."""

from unittest.mock import sentinel

import pytest
from voicearena.scoring.v1 import scoring_pb2, scoring_service_pb2

from services.runtime.errors import NotFound
from services.scoring import convert
from services.scoring.audit import convert as audit_convert
from services.scoring.availability import step_availability
from services.scoring.backends.choice import Backends
from services.scoring.evaluations.domain import Evaluation, EvaluationDetails
from services.scoring.servicer import ScoringServicer
from tests.unit.scoring.evaluations.outcomes import RUNNING


class OneEvaluation:
    """Use cases with a single evaluation."""

    async def get(self, evaluation_id: str) -> EvaluationDetails:
        if evaluation_id != RUNNING.id:
            raise NotFound.of("evaluation", evaluation_id)
        return EvaluationDetails(RUNNING)

    async def find(self, evaluation_id: str) -> Evaluation:
        return (await self.get(evaluation_id)).evaluation


class NeverAudited:
    """Audits of which none was run."""

    async def current(self) -> None:
        return None


AUDITS = NeverAudited()
LISTED = convert.metrics(step_availability(Backends()))
SERVICER = ScoringServicer(OneEvaluation(), AUDITS, LISTED)  # type: ignore[arg-type]


async def test_all_metrics_are_listed() -> None:
    listed = await SERVICER.ListMetrics(scoring_service_pb2.ListMetricsRequest(), sentinel.context)
    assert list(listed.metrics) == audit_convert.with_audit(LISTED, None)


async def test_an_evaluation_is_read_by_its_id() -> None:
    found = await SERVICER.GetEvaluation(scoring_service_pb2.GetEvaluationRequest(id=RUNNING.id), sentinel.context)
    assert (found.id, found.status) == (RUNNING.id, scoring_pb2.Evaluation.running)


async def test_errors_are_left_to_the_interceptor() -> None:
    with pytest.raises(NotFound):
        await SERVICER.GetEvaluation(scoring_service_pb2.GetEvaluationRequest(id="trl_2"), sentinel.context)


async def test_other_services_can_check_that_an_evaluation_belongs_to_the_caller() -> None:
    await SERVICER.CheckEvaluation(scoring_service_pb2.CheckEvaluationRequest(id=RUNNING.id), sentinel.context)
    with pytest.raises(NotFound):
        await SERVICER.CheckEvaluation(scoring_service_pb2.CheckEvaluationRequest(id="trl_2"), sentinel.context)
