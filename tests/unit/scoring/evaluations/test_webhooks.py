"""The webhook of an evaluation: its endpoint, and the facts that are announced."""

import pytest
from voicearena.scoring.v1.events_pb2 import (
    RecordingEvaluated,
    RecordingEvaluationDeleted,
    RecordingEvaluationFailed,
)

from services.runtime.errors import InvalidInput, Unavailable
from services.scoring.evaluations.domain import Evaluation, Plan
from services.scoring.workers.job import EvaluationFailed
from tests.unit.scoring.evaluations.conftest import MODEL, Studio

URL = "https://example.org/done"
PLAN = Plan(steps=("signal",), model_id=MODEL, webhook_url=URL)


def about(evaluation: Evaluation) -> dict[str, str]:
    return {
        "evaluation_id": evaluation.id,
        "developer_id": "dev_a",
        "webhook_url": URL,
        "model_id": MODEL,
    }


async def test_a_completed_evaluation_is_announced(studio: Studio) -> None:
    async with studio.running():
        evaluation = await studio.upload(PLAN)
        ended = await studio.ended(evaluation.id)
    assert studio.database.published() == [
        RecordingEvaluated(**about(evaluation), duration_seconds=ended.duration_seconds or 0.0)
    ]


async def test_a_failed_evaluation_is_announced_with_the_reason(studio: Studio) -> None:
    studio.runner.errors = [EvaluationFailed("It ended its process twice.")]
    async with studio.running():
        evaluation = await studio.upload(PLAN)
        await studio.ended(evaluation.id)
    assert studio.database.published() == [
        RecordingEvaluationFailed(**about(evaluation), message="It ended its process twice.")
    ]


async def test_a_cancelled_evaluation_is_not_announced(studio: Studio) -> None:
    await studio.evaluations.cancel((await studio.upload(PLAN)).id)
    assert studio.database.published() == []


async def test_deleting_withdraws_what_was_not_announced_yet(studio: Studio) -> None:
    async with studio.running():
        evaluation = await studio.upload(PLAN)
        await studio.ended(evaluation.id)
    await studio.evaluations.delete(evaluation.id)
    assert studio.database.published() == [
        RecordingEvaluationDeleted(evaluation_id=evaluation.id, developer_id="dev_a")
    ]


async def test_the_secret_of_a_new_endpoint_is_shown_once(studio: Studio) -> None:
    evaluation = await studio.upload(PLAN)
    assert await studio.evaluations.secret_to_show(evaluation) == f"secret of {URL}"
    assert await studio.evaluations.secret_to_show(evaluation) == ""


async def test_a_secret_that_cannot_be_shown_now_is_shown_later(studio: Studio) -> None:
    evaluation = await studio.upload(PLAN)
    studio.endpoints.error = Unavailable("experiments does not answer")
    assert await studio.evaluations.secret_to_show(evaluation) == ""
    studio.endpoints.error = None
    assert await studio.evaluations.secret_to_show(evaluation) == f"secret of {URL}"


async def test_an_evaluation_without_a_webhook_makes_no_endpoint(studio: Studio) -> None:
    evaluation = await studio.upload()
    assert await studio.evaluations.secret_to_show(evaluation) == ""
    assert studio.endpoints.untold == {}


async def test_a_webhook_at_a_private_address_is_refused_before_the_recording_is_read(studio: Studio) -> None:
    with pytest.raises(InvalidInput, match="webhook_url"):
        await studio.evaluations.prepare(Plan(webhook_url="http://10.0.0.1/"))
