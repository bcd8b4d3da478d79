"""Retrying, cloning and deleting experiments, and events that arrive after a deletion."""

import dataclasses
from collections.abc import Sequence

import pytest
from google.protobuf.message import Message
from voicearena.experiments.v1.events_pb2 import ExperimentCancelled, ExperimentCompleted
from voicearena.scoring.v1.events_pb2 import EvaluationDeletionRequested, EvaluationRequested
from voicearena.tts.v1.events_pb2 import SpeechDeletionRequested, SynthesisCancellationRequested, SynthesisRequested

from services.experiments.domain import Experiment, ExperimentStatus, ModelSpec, Trial, TrialStatus
from services.experiments.planning.lifecycle import Lifecycle
from services.runtime.errors import InvalidInput, NotFound, QuotaExceeded, WrongState
from services.shared.metrics import Measurements
from tests.unit.experiments.conftest import SIGNAL, SYNTHESIS, World, call_as

PENDING, SYNTHESIZING, SCORING = TrialStatus.PENDING, TrialStatus.SYNTHESIZING, TrialStatus.SCORING
RUNNING, COMPLETED = ExperimentStatus.RUNNING, ExperimentStatus.COMPLETED
PRIVATE = (SynthesisRequested, EvaluationRequested)
"""Events that can contain prompts."""


@pytest.fixture
def lifecycle(world: World) -> Lifecycle:
    return Lifecycle(
        world.database,
        world.store,
        world.lifecycle_store,
        world.clips,
        world.listening,
        world.planning,
        world.dispatcher,
        world.rules.max_running,
    )


async def fail(world: World, trial: Trial, during: TrialStatus = SYNTHESIZING) -> None:
    await world.progress.failed(
        world.event_id(), trial.id, None, during, "no", kind="timed_out", provider_requests=trial.attempts
    )


async def with_a_failure(world: World, during: TrialStatus = SYNTHESIZING) -> tuple[str, Trial, Trial]:
    """Completes an experiment whose second trial has failed. Returns its id and both trials."""
    experiment_id, (first, second) = await world.start()
    await world.finish(first)
    if during is SCORING:
        await world.speak(second)
    await fail(world, second, during)
    completed, failed = await world.trials(experiment_id)
    assert failed.status is TrialStatus.FAILED
    return experiment_id, completed, failed


def since(world: World, before: int) -> Sequence[Message]:
    return world.database.published()[before:]


async def test_a_retry_requests_failed_trials_again_and_computes_a_new_verdict(
    world: World, lifecycle: Lifecycle
) -> None:
    experiment_id, completed, failed = await with_a_failure(world)
    before = len(world.database.published())
    running = await lifecycle.retry(experiment_id)
    assert (running.status, running.completed_trials, running.failed_trials) == (RUNNING, 1, 0)
    assert running.ended_at is None
    with pytest.raises(WrongState, match="is running"):
        await world.reading.results(experiment_id)
    untouched, retried = await world.trials(experiment_id)
    assert untouched == completed
    assert (retried.status, retried.attempts, retried.attempts_before) == (SYNTHESIZING, 2, 1)
    assert (retried.error_kind, retried.error_message, retried.ended_at) == ("", "", None)
    [asked] = since(world, before)
    assert isinstance(asked, SynthesisRequested)
    assert (asked.job_id, asked.attempt, asked.run_id) == (failed.id, 2, experiment_id)

    await world.finish(retried)
    after = await world.reading.get(experiment_id)
    assert (after.status, after.completed_trials, after.failed_trials) == (COMPLETED, 2, 0)
    results = await world.reading.results(experiment_id)
    assert [ranking["trials_completed"] for ranking in results["rankings"]] == [1, 1]
    completions = [event for event in world.database.published() if isinstance(event, ExperimentCompleted)]
    assert len(completions) == 2


async def test_a_late_response_from_before_a_retry_has_no_effect(world: World, lifecycle: Lifecycle) -> None:
    experiment_id, _, failed = await with_a_failure(world)
    await lifecycle.retry(experiment_id)
    await world.progress.synthesized(world.event_id(), failed.id, 1, "late.wav", SYNTHESIS)
    await world.progress.failed(world.event_id(), failed.id, 1, SYNTHESIZING, "late", kind="timed_out")
    _, retried = await world.trials(experiment_id)
    assert (retried.status, retried.audio_name) == (SYNTHESIZING, None)


async def test_a_trial_with_audio_is_only_measured_again(world: World, lifecycle: Lifecycle) -> None:
    experiment_id, _, failed = await with_a_failure(world, SCORING)
    before = len(world.database.published())
    await lifecycle.retry(experiment_id)
    assert since(world, before) == [
        EvaluationRequested(
            requester="experiments",
            job_id=failed.id,
            attempt=2,
            developer_id="dev_a",
            audio_name=f"{failed.id}.wav",
            run_id=failed.experiment_id,
        )
    ]
    await world.progress.evaluated(world.event_id(), failed.id, 1, SIGNAL)
    assert (await world.trials(experiment_id))[1].status is SCORING
    await world.progress.evaluated(world.event_id(), failed.id, 2, SIGNAL)
    _, measured = await world.trials(experiment_id)
    assert (measured.status, measured.measurements.ttfb_ms) == (TrialStatus.COMPLETED, SYNTHESIS.ttfb_ms)
    assert (await world.reading.get(experiment_id)).status is COMPLETED


async def test_a_trial_whose_audio_was_deleted_is_spoken_again(world: World, lifecycle: Lifecycle) -> None:
    experiment_id, _, failed = await with_a_failure(world, SCORING)
    async with world.database.transaction() as connection:
        await world.lifecycle_store.forget_audio(connection, [experiment_id], failed.created_at)
    await lifecycle.retry(experiment_id)
    _, retried = await world.trials(experiment_id)
    assert (retried.status, retried.audio_deleted_at, retried.measurements) == (SYNTHESIZING, None, Measurements())


async def test_only_a_completed_experiment_with_failed_trials_can_be_retried(
    world: World, lifecycle: Lifecycle
) -> None:
    experiment_id, (first, second) = await world.start()
    with pytest.raises(WrongState, match="is running") as raised:
        await lifecycle.retry(experiment_id)
    assert raised.value.metadata == {"status": "running"}
    await world.finish(first, second)
    with pytest.raises(WrongState, match="No trial of the experiment has failed"):
        await lifecycle.retry(experiment_id)
    planned = await world.planning.create(world.plan())
    await world.planning.cancel(planned.id)
    with pytest.raises(WrongState, match="is cancelled"):
        await lifecycle.retry(planned.id)


async def test_a_retry_counts_towards_the_limit_of_running_experiments(world: World, lifecycle: Lifecycle) -> None:
    experiment_id, _, failed = await with_a_failure(world)
    for _ in range(world.rules.max_running):
        await world.start()
    with pytest.raises(QuotaExceeded):
        await lifecycle.retry(experiment_id)
    assert (await world.trials(experiment_id))[1] == failed
    assert (await world.reading.get(experiment_id)).status is COMPLETED


async def test_a_clone_has_the_requested_changes_and_its_own_trial_order(world: World, lifecycle: Lifecycle) -> None:
    plan = world.plan(prompts=["One.", "Two."], repeats=2, webhook_url="https://example.org/x", audio_retention_days=9)
    original = await world.planning.create(dataclasses.replace(plan, seed=7, weights=[("ttfb", 0.5), ("silence", 0.5)]))
    clone = await lifecycle.clone(original.id, lambda plan: dataclasses.replace(plan, name="another"))

    def without_own_fields(experiment: Experiment) -> Experiment:
        own = {"id": "", "name": "", "cloned_from": "", "seed": 0, "created_at": original.created_at}
        return dataclasses.replace(experiment, **own)

    assert without_own_fields(clone) == without_own_fields(original)
    assert (clone.name, clone.cloned_from, clone.status) == ("another", original.id, ExperimentStatus.CREATED)
    assert clone.id != original.id
    assert clone.seed != 7
    assert await world.reading.get(clone.id) == clone


async def test_an_experiment_can_be_cloned_in_every_state(world: World, lifecycle: Lifecycle) -> None:
    experiment_id, _, _ = await with_a_failure(world)
    clone = await lifecycle.clone(experiment_id, lambda plan: plan)
    assert (clone.status, clone.completed_trials, clone.started_at) == (ExperimentStatus.CREATED, 0, None)
    await world.planning.run(clone.id)
    assert len(await world.trials(clone.id)) == 2


async def test_a_repeated_request_creates_one_clone(world: World, lifecycle: Lifecycle) -> None:
    original = await world.planning.create(world.plan())

    async def clone(name: str) -> Experiment:
        return await lifecycle.clone(original.id, lambda p: dataclasses.replace(p, name=name, request_id="again"))

    assert await clone("first") == await clone("second")


async def test_a_clone_is_validated_like_a_new_experiment(world: World, lifecycle: Lifecycle) -> None:
    original = await world.planning.create(world.plan())
    with pytest.raises(InvalidInput) as raised:
        await lifecycle.clone(
            original.id, lambda plan: dataclasses.replace(plan, repeats=6, models=[ModelSpec("espeak", "en")])
        )
    assert [violation.field for violation in raised.value.violations] == ["models", "repeats"]


async def test_a_deletion_removes_the_experiment_here_and_in_other_services(world: World, lifecycle: Lifecycle) -> None:
    experiment_id, (first, second) = await world.start(request_id="once")
    await world.finish(first, second)
    before = [event for event in world.database.published() if not isinstance(event, PRIVATE)]
    assert await lifecycle.delete(experiment_id) == 2
    trial_ids = sorted([first.id, second.id])
    # Requests that were not sent yet are withdrawn, because they contain the prompts.
    assert world.database.published() == [
        *before,
        SynthesisCancellationRequested(requester="experiments", run_id=experiment_id),
        SpeechDeletionRequested(requester="experiments", job_ids=trial_ids),
        EvaluationDeletionRequested(requester="experiments", job_ids=trial_ids),
    ]
    assert await world.trials(experiment_id) == []
    for again in (world.reading.get, lifecycle.delete, lifecycle.retry, world.planning.run):
        with pytest.raises(NotFound):
            await again(experiment_id)
    assert (await world.planning.create(world.plan(request_id="once"))).id != experiment_id


async def test_deleting_a_running_experiment_cancels_it(world: World, lifecycle: Lifecycle) -> None:
    experiment_id, (first, second) = await world.start()
    await world.speak(first)
    before = [event for event in world.database.published() if not isinstance(event, PRIVATE)]
    assert await lifecycle.delete(experiment_id) == 2
    trial_ids = sorted([first.id, second.id])
    # Requests that were not sent yet are withdrawn, because they contain the prompts.
    assert world.database.published() == [
        *before,
        SynthesisCancellationRequested(requester="experiments", run_id=experiment_id),
        ExperimentCancelled(experiment_id=experiment_id, developer_id="dev_a"),
        SpeechDeletionRequested(requester="experiments", job_ids=trial_ids),
        EvaluationDeletionRequested(requester="experiments", job_ids=trial_ids),
    ]


async def test_the_slots_of_a_deleted_experiment_are_given_to_others(world: World, lifecycle: Lifecycle) -> None:
    models = [ModelSpec("espeak", "en"), ModelSpec("espeak", "de")]
    first_id, _ = await world.start(models=models)
    _, waiting = await world.start(models=models)
    assert {trial.status for trial in waiting} == {PENDING}
    await lifecycle.delete(first_id)
    assert {trial.status for trial in await world.trials(waiting[0].experiment_id)} == {SYNTHESIZING}


async def test_a_deletion_is_split_into_events_of_limited_size(
    world: World, lifecycle: Lifecycle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.shared.clips.facts.MAX_DELETED_JOBS", 3)
    experiment_id, trials = await world.start(prompts=["One.", "Two."], repeats=2)
    await lifecycle.delete(experiment_id)
    parts = [event.job_ids for event in world.database.published() if isinstance(event, SpeechDeletionRequested)]
    assert [len(part) for part in parts] == [3, 3, 2]
    assert sorted(trial_id for part in parts for trial_id in part) == sorted(trial.id for trial in trials)


async def test_deleting_an_experiment_that_never_ran_sends_nothing_to_other_services(
    world: World, lifecycle: Lifecycle
) -> None:
    planned = await world.planning.create(world.plan())
    assert await lifecycle.delete(planned.id) == 0
    assert world.database.published() == [ExperimentCancelled(experiment_id=planned.id, developer_id="dev_a")]


async def test_audio_that_arrives_late_for_a_deleted_trial_is_deleted_each_time(
    world: World, lifecycle: Lifecycle
) -> None:
    experiment_id, (first, _) = await world.start()
    await lifecycle.delete(experiment_id)
    before = len(world.database.published())
    for _ in range(2):
        await world.progress.synthesized("evt_late", first.id, 1, f"{first.id}.wav", SYNTHESIS)
    assert since(world, before) == [SpeechDeletionRequested(requester="experiments", job_ids=[first.id])] * 2
    await world.progress.evaluated(world.event_id(), first.id, 1, SIGNAL)
    assert EvaluationDeletionRequested(requester="experiments", job_ids=[first.id]) in since(world, before)


@pytest.mark.parametrize("verb", ["retry", "delete", "clone"])
async def test_the_experiment_of_another_developer_is_not_found(world: World, lifecycle: Lifecycle, verb: str) -> None:
    experiment_id, _, _ = await with_a_failure(world)
    call_as("dev_b")
    verbs = {
        "retry": lifecycle.retry,
        "delete": lifecycle.delete,
        "clone": lambda id_: lifecycle.clone(id_, lambda plan: plan),
    }
    with pytest.raises(NotFound):
        await verbs[verb](experiment_id)
    with pytest.raises(InvalidInput, match="exp_ and 32 hexadecimal digits"):
        await verbs[verb]("exp_1")
    call_as("dev_a")
    assert (await world.reading.get(experiment_id)).status is COMPLETED


async def test_cancelling_a_running_experiment_cancels_its_synthesis_requests(world: World) -> None:
    experiment_id, _ = await world.start()
    await world.planning.cancel(experiment_id)
    planned = await world.planning.create(world.plan())
    await world.planning.cancel(planned.id)
    cancelled = [e for e in world.database.published() if isinstance(e, SynthesisCancellationRequested)]
    assert cancelled == [SynthesisCancellationRequested(requester="experiments", run_id=experiment_id)]


async def test_an_old_experiment_with_equal_prompts_can_still_be_cloned(world: World, lifecycle: Lifecycle) -> None:
    planned = await world.planning.create(world.plan(prompts=["Hi.", "Ho."]))
    # Such an experiment was possible before equal prompts were refused.
    old = dataclasses.replace(planned, id="exp_" + "e" * 32, prompts=["Hi.", " hi."])
    async with world.database.transaction() as connection:
        await world.store.add(connection, old, "")
    assert list((await lifecycle.clone(old.id, lambda plan: dataclasses.replace(plan, name="again"))).prompts) == [
        "Hi.",
        " hi.",
    ]
    with pytest.raises(InvalidInput) as refused:
        await lifecycle.clone(old.id, lambda plan: dataclasses.replace(plan, prompts=["HI.", " hi."]))
    assert [violation.field for violation in refused.value.violations] == ["prompts[1]"]
    assert "prompts[0]" in refused.value.violations[0].description
