"""Evaluations are created, read, retried, cancelled and deleted."""

import dataclasses
from typing import Any

import pytest
from voicearena.scoring.v1.evaluation_service_pb2 import CreateEvaluationRequest

from services.runtime.clock import now
from services.runtime.errors import (
    Busy,
    CredentialsMissing,
    InvalidInput,
    NotFound,
    QuotaExceeded,
    RequestIdReused,
    WrongState,
)
from services.runtime.identity import set_caller
from services.runtime.request_ids import set_request
from services.scoring.domain import Job, Status
from services.scoring.evaluations import domain
from services.scoring.evaluations.domain import EvaluationPlan, StoredRecording, safe_content_type
from services.scoring.pipeline.step import StepStatus
from services.scoring.pipeline.steps import STEPS
from tests.fakes.memory_scoring_store import MemoryScoringStore
from tests.unit.scoring.evaluations.conftest import (
    AWAY,
    MAX_EVALUATIONS,
    MODEL,
    RECORDED,
    SCENARIO,
    SPOKEN,
    World,
    call_as,
)

TRIAL = "trl_" + "0" * 32
UNKNOWN = "evl_" + "0" * 32
ALL_STEPS = tuple(step.name for step in STEPS)


async def measured_trial(world: World, developer_id: str = "dev_a") -> str:
    """Stores the audio of a trial and its evaluation, and returns the name of the audio."""
    job = Job(TRIAL, "experiments", 1, developer_id, f"{TRIAL}.wav", now())
    async with world.database.transaction() as connection:
        await MemoryScoringStore().begin(connection, job)
    return world.audio.add(job.audio_name)


async def test_an_uploaded_recording_waits_for_its_turn(world: World) -> None:
    plan = EvaluationPlan(
        model_id=MODEL, reference_text="Good morning.", num_speakers=2, conditions=("telephone",), names=("Ada",)
    )
    evaluation = await world.upload(plan)
    details = await world.evaluations.get(evaluation.id)
    assert details.evaluation == evaluation
    assert (evaluation.status, evaluation.developer_id, evaluation.language) == (Status.pending, "dev_a", "en")
    assert (evaluation.model_id, evaluation.reference_text, evaluation.num_speakers) == (MODEL, "Good morning.", 2)
    assert (evaluation.content_type, evaluation.uploaded, evaluation.names) == ("audio/flac", True, ("Ada",))
    assert evaluation.steps == ALL_STEPS
    assert [(one.condition, one.step) for one in details.outcomes] == [
        (condition, step) for condition in ("", "telephone") for step in ALL_STEPS
    ]
    assert {one.status for one in details.outcomes} == {StepStatus.pending}


async def test_chosen_steps_run_with_those_whose_results_they_use(world: World) -> None:
    assert (await world.upload(EvaluationPlan(steps=("noise",)))).steps == ("decode", "speech_activity", "noise")
    assert (await world.upload(EvaluationPlan(steps=("rhythm", "signal")))).steps == (
        *("decode", "signal", "speech_activity", "transcription", "alignment", "pitch", "rhythm"),
    )


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"audio_name": "a.wav"}, "audio_name"),
        ({"scenario_id": "scn_1"}, "scenario_id"),
        ({"model_id": "mdl_" + "b" * 32}, "model_id"),
        ({"reference_text": "x" * 100_001}, "reference_text"),
        ({"reference_text": "a\0b"}, "reference_text"),
        ({"language": "e"}, "language"),
        ({"language": "en_US"}, "language"),
        ({"num_speakers": 0}, "num_speakers"),
        ({"num_speakers": 50}, "num_speakers"),
        ({"steps": ("signal", "telepathy")}, "steps[1]"),
        ({"conditions": ("underwater",)}, "conditions[0]"),
        ({"names": ("x",) * 101}, "names"),
        ({"names": ("",)}, "names[0]"),
        ({"request_id": "x" * 101}, "request_id"),
        ({"webhook_url": "ftp://example.com"}, "webhook_url"),
    ],
)
async def test_a_field_that_is_out_of_range_is_named(world: World, changes: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        await world.evaluations.prepare(EvaluationPlan(**changes))
    assert [violation.field for violation in raised.value.violations] == [field]


async def test_all_invalid_fields_are_named_at_once(world: World) -> None:
    with pytest.raises(InvalidInput, match=r"scenario_id: .*; num_speakers: must be 1 to 20"):
        await world.evaluations.prepare(EvaluationPlan(scenario_id="x" * 201, num_speakers=21))


@pytest.mark.parametrize("model_id", ["", MODEL, RECORDED])
async def test_the_text_and_the_language_of_a_scenario_are_those_of_its_recording(world: World, model_id: str) -> None:
    evaluation = await world.upload(EvaluationPlan(model_id=model_id, scenario_id=SCENARIO))
    assert (evaluation.reference_text, evaluation.language) == (SPOKEN, "en-GB")
    assert evaluation.copy_name == (f"{evaluation.id}.wav" if model_id else "")


async def test_a_recording_that_takes_no_part_in_battles_may_have_its_own_text_and_language(world: World) -> None:
    plan = EvaluationPlan(model_id=MODEL, scenario_id=SCENARIO, reference_text="Hi.", language="de", steps=("noise",))
    evaluation = await world.upload(plan)
    assert (evaluation.reference_text, evaluation.language) == ("Hi.", "de")


async def test_a_recording_that_takes_part_in_battles_is_measured_as_every_other_one(world: World) -> None:
    taking_part = EvaluationPlan(model_id=RECORDED, scenario_id=SCENARIO)
    same = dataclasses.replace(taking_part, reference_text=SPOKEN, language="EN-gb")
    assert (await world.evaluations.prepare(same)).plan.reference_text == SPOKEN
    other = dataclasses.replace(taking_part, reference_text="Hi.", language="de", steps=("noise",), names=("Ann",))
    with pytest.raises(InvalidInput) as raised:
        await world.evaluations.prepare(other)
    assert [violation.field for violation in raised.value.violations] == [
        "reference_text",
        "language",
        "steps",
        "names",
    ]


async def test_an_upload_is_repeated_although_its_recording_is_fixed_by_now(world: World) -> None:
    plan = EvaluationPlan(model_id=RECORDED, scenario_id=SCENARIO, request_id="req-1")
    evaluation = await world.upload(plan)
    world.catalogue.fixed = True
    assert (await world.evaluations.prepare(plan)).earlier == evaluation
    with pytest.raises(WrongState, match="are fixed"):
        await world.evaluations.prepare(dataclasses.replace(plan, request_id="req-2"))


@pytest.mark.parametrize(
    ("claimed", "served"),
    [
        ("audio/mpeg", "audio/mpeg"),
        ("Audio/OGG; codecs=opus", "audio/ogg"),
        ("video/webm", "video/webm"),
        ("text/html", "application/octet-stream"),
        ("audio/x\r\nset-cookie: a=b", "application/octet-stream"),
        ("", "application/octet-stream"),
    ],
)
def test_a_recording_is_served_as_audio_or_as_plain_bytes(claimed: str, served: str) -> None:
    assert safe_content_type(claimed) == served


async def test_the_audio_of_a_trial_is_evaluated(world: World) -> None:
    name = await measured_trial(world)
    evaluation = await world.evaluations.create(EvaluationPlan(audio_name=name))
    assert (evaluation.audio_name, evaluation.content_type, evaluation.uploaded) == (name, "audio/wav", False)
    await world.evaluations.delete(evaluation.id)
    assert world.audio.names == [name]


async def test_the_recording_of_an_evaluation_is_evaluated_again_otherwise(world: World) -> None:
    uploaded = await world.upload()
    evaluation = await world.evaluations.create(EvaluationPlan(audio_name=uploaded.audio_name, language="de"))
    assert (evaluation.audio_name, evaluation.content_type) == (uploaded.audio_name, "audio/flac")


async def test_only_own_audio_that_exists_is_evaluated(world: World) -> None:
    name = await measured_trial(world, "dev_b")
    for unknown in (name, "b.wav"):
        with pytest.raises(NotFound, match="There is no audio"):
            await world.evaluations.create(EvaluationPlan(audio_name=unknown))
    call_as("dev_b")
    await world.audio.delete(name)
    with pytest.raises(NotFound, match="There is no audio"):
        await world.evaluations.create(EvaluationPlan(audio_name=name))
    with pytest.raises(InvalidInput, match="audio_name: must be the name of stored audio"):
        await world.evaluations.create(EvaluationPlan())


async def test_a_repeated_request_returns_the_first_evaluation_and_keeps_one_recording(world: World) -> None:
    plan = EvaluationPlan(request_id="once")
    set_request(CreateEvaluationRequest(request_id="once"))
    late = await world.evaluations.prepare(plan)
    first = await world.upload(plan)
    assert (await world.evaluations.prepare(plan)).earlier == first
    world.audio.add(late.recording_name)
    assert await world.evaluations.start(plan, StoredRecording(late.recording_name, uploaded=True)) == first
    assert world.audio.names == [first.audio_name]
    set_request(CreateEvaluationRequest(request_id="once", language="de"))
    with pytest.raises(RequestIdReused):
        await world.evaluations.prepare(dataclasses.replace(plan, language="de"))
    set_request(None)


async def test_a_developer_has_a_quota_of_evaluations_and_deleting_one_frees_a_place(world: World) -> None:
    uploaded = [await world.upload() for _ in range(MAX_EVALUATIONS)]
    with pytest.raises(QuotaExceeded, match="You have 3 evaluations, which is the limit"):
        await world.evaluations.prepare(EvaluationPlan())
    with pytest.raises(QuotaExceeded):
        await world.evaluations.create(EvaluationPlan(audio_name=uploaded[0].audio_name))
    await world.evaluations.delete(uploaded[0].id)
    await world.upload()
    call_as("dev_b")
    await world.upload()


async def test_a_full_queue_takes_no_more(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(domain, "MAX_WAITING", 1)
    first = await world.upload()
    with pytest.raises(Busy):
        await world.evaluations.prepare(EvaluationPlan())
    await world.evaluations.cancel(first.id)
    await world.upload()


async def test_an_evaluation_is_read_by_its_owner_only(world: World) -> None:
    evaluation = await world.upload()
    await measured_trial(world)
    assert (await world.evaluations.get(TRIAL)).evaluation.audio_name == f"{TRIAL}.wav"
    call_as("dev_b")
    for id_ in (evaluation.id, TRIAL, UNKNOWN):
        with pytest.raises(NotFound, match="There is no evaluation"):
            await world.evaluations.get(id_)
    for change in (world.evaluations.retry, world.evaluations.cancel, world.evaluations.delete):
        with pytest.raises(NotFound, match="There is no evaluation"):
            await change(evaluation.id)
    with pytest.raises(NotFound, match="There is no evaluation"):
        await world.evaluations.audio(evaluation.id)
    set_caller(None)
    with pytest.raises(CredentialsMissing):
        await world.evaluations.get(evaluation.id)


@pytest.mark.parametrize("id_", ["", "1", "evl_", "evl_" + "0" * 31, "evl_" + "0" * 32 + "\n", "' OR 1"])
async def test_a_malformed_id_is_refused(world: World, id_: str) -> None:
    with pytest.raises(InvalidInput, match="id: must be the id of an evaluation"):
        await world.evaluations.get(id_)


async def test_lists_are_paged_and_filtered(world: World) -> None:
    first, second = await world.upload(), await world.upload(EvaluationPlan(model_id=MODEL))
    await world.evaluations.cancel(first.id)

    async def page(model: str = "", status: str = "", size: int = 0, token: str = "") -> tuple[list[str], str]:
        found, following = await world.evaluations.page(model, "", status, size, token)
        return [each.id for each in found], following

    ids, token = await page(size=1)
    assert ids == [second.id]
    assert await page(size=1, token=token) == ([first.id], "")
    assert await page(MODEL) == ([second.id], "")
    assert await page(status="cancelled") == ([first.id], "")
    with pytest.raises(InvalidInput, match="status: must be one of"):
        await page(status="17")
    with pytest.raises(InvalidInput, match="page_token"):
        await page(MODEL, size=1, token=token)


async def test_the_recording_is_returned_as_it_was_uploaded(world: World) -> None:
    evaluation = await world.upload(content=b"fLaC1234")
    content_type, pieces = await world.evaluations.audio(evaluation.id)
    assert (content_type, b"".join([piece async for piece in pieces])) == ("audio/flac", b"fLaC1234")


async def test_a_waiting_evaluation_is_cancelled_once(world: World) -> None:
    evaluation = await world.upload(EvaluationPlan(steps=("signal",)))
    cancelled = await world.evaluations.cancel(evaluation.id)
    assert cancelled.status is Status.cancelled
    assert await world.evaluations.cancel(evaluation.id) == cancelled
    outcomes = await world.outcomes(evaluation.id)
    assert [(one.status, one.reason) for one in outcomes] == [(StepStatus.skipped, "The evaluation was cancelled.")] * 2


async def test_an_evaluation_that_was_cancelled_can_be_retried(world: World) -> None:
    evaluation = await world.upload()
    with pytest.raises(WrongState, match=r"is pending\. Only one that has ended can be retried"):
        await world.evaluations.retry(evaluation.id)
    await world.evaluations.cancel(evaluation.id)
    assert await world.evaluations.retry(evaluation.id) == evaluation
    assert {one.status for one in await world.outcomes(evaluation.id)} == {StepStatus.pending}


async def test_an_evaluation_without_its_recording_is_not_retried(world: World) -> None:
    evaluation = await world.upload()
    await world.evaluations.cancel(evaluation.id)
    await world.audio.delete(evaluation.audio_name)
    with pytest.raises(WrongState, match="The recording was deleted"):
        await world.evaluations.retry(evaluation.id)


async def test_deleting_deletes_the_recording(world: World) -> None:
    evaluation = await world.upload()
    await world.evaluations.delete(evaluation.id)
    assert world.audio.names == []
    with pytest.raises(NotFound):
        await world.evaluations.get(evaluation.id)
    assert await world.recordings.sweep() == 0


async def test_other_evaluations_of_a_deleted_recording_stay_without_it(world: World) -> None:
    first = await world.upload()
    second = await world.evaluations.create(EvaluationPlan(audio_name=first.audio_name))
    await world.evaluations.cancel(second.id)
    await world.evaluations.delete(first.id)
    kept = (await world.evaluations.get(second.id)).evaluation
    assert kept.audio_deleted_at is not None
    with pytest.raises(NotFound, match="There is no recording"):
        await world.evaluations.audio(second.id)
    with pytest.raises(WrongState, match="The recording was deleted"):
        await world.evaluations.retry(second.id)
    with pytest.raises(NotFound, match="There is no audio"):
        await world.evaluations.create(EvaluationPlan(audio_name=first.audio_name))


async def test_a_recording_that_cannot_be_deleted_now_is_deleted_later(world: World) -> None:
    evaluation = await world.upload()
    world.audio.error = AWAY
    await world.evaluations.delete(evaluation.id)
    assert world.audio.names == [evaluation.audio_name]
    world.audio.error = None
    assert await world.retention.sweep() == 1
    assert world.audio.names == []


async def test_the_evaluation_of_a_trial_is_changed_with_its_experiment_only(world: World) -> None:
    await measured_trial(world)
    for change in (world.evaluations.retry, world.evaluations.cancel, world.evaluations.delete):
        with pytest.raises(WrongState, match="belongs to a trial"):
            await change(TRIAL)
