"""The webhook of an evaluation: its endpoint, and the facts that are announced."""

import pytest
from voicearena.scoring.v1.events_pb2 import (
    RecordingEvaluated,
    RecordingEvaluationDeleted,
    RecordingEvaluationFailed,
)

from services.runtime.errors import InvalidInput, Unavailable
from services.scoring.evaluations.domain import Evaluation, EvaluationPlan
from services.scoring.workers.job import EvaluationFailed
from tests.unit.scoring.evaluations.conftest import MODEL, World

URL = "https://example.org/done"
PLAN = EvaluationPlan(steps=("signal",), model_id=MODEL, webhook_url=URL)


def about(evaluation: Evaluation) -> dict[str, str]:
    return {
        "evaluation_id": evaluation.id,
        "developer_id": "dev_a",
        "webhook_url": URL,
        "model_id": MODEL,
    }


async def test_a_completed_evaluation_is_announced(world: World) -> None:
    async with world.running():
        evaluation = await world.upload(PLAN)
        ended = await world.ended(evaluation.id)
    assert world.database.published() == [
        RecordingEvaluated(**about(evaluation), duration_seconds=ended.duration_seconds or 0.0)
    ]


async def test_a_failed_evaluation_is_announced_with_the_reason(world: World) -> None:
    world.runner.errors = [EvaluationFailed("It ended its process twice.")]
    async with world.running():
        evaluation = await world.upload(PLAN)
        await world.ended(evaluation.id)
    assert world.database.published() == [
        RecordingEvaluationFailed(**about(evaluation), message="It ended its process twice.")
    ]


async def test_a_cancelled_evaluation_is_not_announced(world: World) -> None:
    await world.evaluations.cancel((await world.upload(PLAN)).id)
    assert world.database.published() == []


async def test_deleting_withdraws_what_was_not_announced_yet(world: World) -> None:
    async with world.running():
        evaluation = await world.upload(PLAN)
        await world.ended(evaluation.id)
    await world.evaluations.delete(evaluation.id)
    assert world.database.published() == [RecordingEvaluationDeleted(evaluation_id=evaluation.id, developer_id="dev_a")]


async def test_the_secret_of_a_new_endpoint_is_shown_once(world: World) -> None:
    evaluation = await world.upload(PLAN)
    assert await world.evaluations.secret_to_show(evaluation) == f"secret of {URL}"
    assert await world.evaluations.secret_to_show(evaluation) == ""


async def test_a_secret_that_cannot_be_shown_now_is_shown_later(world: World) -> None:
    evaluation = await world.upload(PLAN)
    world.endpoints.error = Unavailable("experiments does not answer")
    assert await world.evaluations.secret_to_show(evaluation) == ""
    world.endpoints.error = None
    assert await world.evaluations.secret_to_show(evaluation) == f"secret of {URL}"


async def test_an_evaluation_without_a_webhook_makes_no_endpoint(world: World) -> None:
    evaluation = await world.upload()
    assert await world.evaluations.secret_to_show(evaluation) == ""
    assert world.endpoints.untold == {}


async def test_a_webhook_at_a_private_address_is_refused_before_the_recording_is_read(world: World) -> None:
    with pytest.raises(InvalidInput, match="webhook_url"):
        await world.evaluations.prepare(EvaluationPlan(webhook_url="http://10.0.0.1/"))
