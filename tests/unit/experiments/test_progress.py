"""Progress: which events change a trial, which are ignored, and how the last trial ends the experiment."""

from dataclasses import replace
from datetime import timedelta

import pytest
from google.protobuf.message import Message
from voicearena.experiments.v1.events_pb2 import ExperimentCancelled, ExperimentCompleted, ExperimentFailed
from voicearena.scoring.v1.events_pb2 import EvaluationDeletionRequested, EvaluationRequested
from voicearena.tts.v1.events_pb2 import SpeechDeletionRequested, SynthesisRequested

from services.experiments.domain import ExperimentStatus, Trial, TrialStatus
from services.experiments.running import finishing
from services.runtime import outbox
from services.runtime.clock import now
from services.runtime.errors import WrongState
from services.shared.clips.progress import MAX_ATTEMPTS
from services.shared.metrics import Measurements
from tests.fakes.memory_database import table
from tests.unit.experiments.conftest import SIGNAL, SYNTHESIS, World

SYNTHESIZING, SCORING = TrialStatus.SYNTHESIZING, TrialStatus.SCORING
# Less than any age: every request without a result counts as stale.
STALE_AFTER = timedelta(days=-1)


async def started(world: World) -> tuple[str, Trial, Trial]:
    """Runs an experiment with two trials. Returns its id and the trials."""
    experiment_id, (first, second) = await world.start()
    return experiment_id, first, second


async def current(world: World, trial: Trial) -> Trial:
    return next(t for t in await world.trials(trial.experiment_id) if t.id == trial.id)


def published_since(world: World, before: int) -> list[Message]:
    return world.database.published()[before:]


async def test_a_synthesized_trial_requests_its_evaluation(world: World) -> None:
    _, trial, _ = await started(world)
    before = len(world.database.published())
    await world.speak(trial)
    after = await current(world, trial)
    assert (after.status, after.attempts, after.audio_name) == (SCORING, 1, f"{trial.id}.wav")
    assert after.measurements == SYNTHESIS
    assert published_since(world, before) == [
        EvaluationRequested(
            requester="experiments",
            job_id=trial.id,
            attempt=1,
            developer_id="dev_a",
            audio_name=f"{trial.id}.wav",
            run_id=trial.experiment_id,
        )
    ]


async def test_an_evaluated_trial_is_completed_with_all_its_measurements(world: World) -> None:
    experiment_id, trial, _ = await started(world)
    await world.finish(trial)
    after = await current(world, trial)
    assert after.status is TrialStatus.COMPLETED
    assert after.ended_at is not None
    assert (after.measurements.ttfb_ms, after.measurements.silence_ratio) == (100.0, 0.2)
    experiment = await world.reading.get(experiment_id)
    assert (experiment.status, experiment.completed_trials) == (ExperimentStatus.RUNNING, 1)


async def test_the_last_trial_completes_the_experiment_once(world: World) -> None:
    experiment_id, first, second = await started(world)
    await world.finish(first)
    with pytest.raises(WrongState, match=r"The experiment is running\. Results are available once it is completed\."):
        await world.reading.results(experiment_id)
    before = len(world.database.published())
    await world.finish(second)
    experiment = await world.reading.get(experiment_id)
    assert (experiment.status, experiment.completed_trials) == (ExperimentStatus.COMPLETED, 2)
    assert experiment.ended_at is not None
    results = await world.reading.results(experiment_id)
    assert [ranking["trials_completed"] for ranking in results["rankings"]] == [1, 1]
    (_, completed) = published_since(world, before)
    assert completed == ExperimentCompleted(experiment_id=experiment_id, developer_id="dev_a")


async def test_a_failed_trial_does_not_fail_the_experiment(world: World) -> None:
    experiment_id, first, second = await started(world)
    await world.progress.failed(
        world.event_id(), first.id, 1, SYNTHESIZING, "bad_audio:\n  nothing \t came", kind="bad_audio"
    )
    failed = await current(world, first)
    assert (failed.status, failed.error_message) == (TrialStatus.FAILED, "bad_audio: nothing came")
    assert failed.error_kind == "bad_audio"
    await world.finish(second)
    experiment = await world.reading.get(experiment_id)
    assert (experiment.status, experiment.completed_trials, experiment.failed_trials) == (
        ExperimentStatus.COMPLETED,
        1,
        1,
    )


async def test_an_experiment_whose_trials_all_failed_has_results_without_a_winner(world: World) -> None:
    experiment_id, first, second = await started(world)
    for trial in (first, second):
        await world.progress.failed(world.event_id(), trial.id, 1, SYNTHESIZING, "no", kind="bad_audio")
    results = await world.reading.results(experiment_id)
    assert "winner" not in results
    assert results["confidence"] == "inconclusive"


async def test_a_failed_evaluation_fails_the_trial(world: World) -> None:
    _, trial, _ = await started(world)
    await world.speak(trial)
    await world.progress.failed(world.event_id(), trial.id, 1, SCORING, "x" * 1000, kind="bad_audio")
    failed = await current(world, trial)
    assert (failed.status, len(failed.error_message)) == (TrialStatus.FAILED, 500)
    assert failed.audio_name == f"{trial.id}.wav"


async def test_an_event_that_arrives_twice_counts_once(world: World) -> None:
    experiment_id, trial, _ = await started(world)
    for _ in range(2):
        await world.progress.synthesized("evt_same", trial.id, 1, "a.wav", SYNTHESIS)
    await world.score(trial)
    # Another event with the same fact, too late.
    await world.score(trial)
    await world.speak(trial)
    await world.progress.failed(world.event_id(), trial.id, 1, SCORING, "late", kind="bad_audio")
    assert (await current(world, trial)).status is TrialStatus.COMPLETED
    experiment = await world.reading.get(experiment_id)
    assert (experiment.completed_trials, experiment.failed_trials) == (1, 0)
    assert [type(e) for e in world.database.published()].count(EvaluationRequested) == 1


@pytest.mark.parametrize("attempt", [0, 1, 3])
async def test_an_event_of_another_attempt_is_ignored(world: World, attempt: int) -> None:
    _, trial, _ = await started(world)
    await world.progress.reconcile(STALE_AFTER)
    again = await current(world, trial)
    assert again.attempts == 2
    await world.progress.synthesized(world.event_id(), trial.id, attempt, "late.wav", SYNTHESIS)
    await world.progress.failed(world.event_id(), trial.id, attempt, SYNTHESIZING, "late", kind="bad_audio")
    assert await current(world, trial) == again
    await world.progress.synthesized(world.event_id(), trial.id, 2, "good.wav", SYNTHESIS)
    assert (await current(world, trial)).audio_name == "good.wav"


async def test_a_failure_without_an_attempt_number_counts_for_the_current_step(world: World) -> None:
    _, trial, _ = await started(world)
    await world.progress.failed(world.event_id(), trial.id, None, SCORING, "another step", kind="bad_audio")
    assert (await current(world, trial)).status is SYNTHESIZING
    await world.progress.failed(world.event_id(), trial.id, None, SYNTHESIZING, "the current step", kind="bad_audio")
    assert (await current(world, trial)).status is TrialStatus.FAILED


async def test_speech_and_evaluations_of_a_deleted_trial_are_deleted(world: World) -> None:
    speech = SpeechDeletionRequested(requester="experiments", job_ids=["trl_gone"])
    evaluation = EvaluationDeletionRequested(requester="experiments", job_ids=["trl_gone"])
    for _ in range(2):
        await world.progress.synthesized("evt_same", "trl_gone", 1, "a.wav", SYNTHESIS)
    # Deletion is requested each time, because the work may have been done again.
    assert world.database.published() == [speech] * 2
    await world.progress.failed(world.event_id(), "trl_gone", None, SYNTHESIZING, "no", kind="timed_out")
    assert world.database.published() == [speech] * 3
    await world.progress.evaluated(world.event_id(), "trl_gone", 1, SIGNAL)
    assert world.database.published() == [*[speech] * 4, evaluation]


async def test_cancelling_ends_unfinished_trials_and_ignores_later_events(world: World) -> None:
    experiment_id, first, second = await started(world)
    await world.finish(first)
    cancelled = await world.planning.cancel(experiment_id)
    assert cancelled.status is ExperimentStatus.CANCELLED
    await world.finish(second)
    assert [t.status for t in await world.trials(experiment_id)] == [TrialStatus.COMPLETED, TrialStatus.CANCELLED]
    assert await world.reading.get(experiment_id) == cancelled
    assert await world.progress.reconcile(STALE_AFTER) == 0


async def test_models_stop_listening_to_the_trials_of_a_cancelled_experiment(world: World) -> None:
    experiment_id, first, second = await started(world)
    async with world.database.transaction() as connection:
        experiments = table(connection, "experiments")
        experiments[experiment_id] = replace(experiments[experiment_id], listens=True)
    await world.speak(first)
    asked = world.database.published()[-1]
    assert isinstance(asked, EvaluationRequested)
    assert (asked.job_id, asked.listen, asked.reference_text) == (first.id, True, "Hello.")
    await world.planning.cancel(experiment_id)
    requests = [event for event in world.database.published() if isinstance(event, EvaluationRequested)]
    assert [(event.job_id, event.attempt, event.listen, event.reference_text) for event in requests] == [
        (first.id, 1, True, "Hello."),
        (first.id, 1, False, ""),
    ]
    assert second.id not in {event.job_id for event in requests}


async def test_cancelling_twice_publishes_one_event(world: World) -> None:
    made = await world.planning.create(world.plan())
    first = await world.planning.cancel(made.id)
    assert await world.planning.cancel(made.id) == first
    assert world.database.published() == [ExperimentCancelled(experiment_id=made.id, developer_id="dev_a")]
    with pytest.raises(WrongState, match=r"is cancelled\. Only a created experiment can be run"):
        await world.planning.run(made.id)


async def test_a_completed_experiment_can_not_be_cancelled(world: World) -> None:
    experiment_id, trials = await world.start()
    await world.finish(*trials)
    with pytest.raises(WrongState, match="The experiment is completed and can't be cancelled"):
        await world.planning.cancel(experiment_id)
    assert (await world.reading.get(experiment_id)).status is ExperimentStatus.COMPLETED


async def test_an_error_in_the_verdict_fails_the_experiment_with_the_reason(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> object:
        raise ZeroDivisionError("no\nnumbers")

    monkeypatch.setattr(finishing, "compute_verdict", broken)
    experiment_id, trials = await world.start()
    await world.finish(*trials)
    failed = await world.reading.get(experiment_id)
    message = "results could not be computed: no numbers"
    assert (failed.status, failed.error_message) == (ExperimentStatus.FAILED, message)
    assert failed.ended_at is not None
    assert world.database.published()[-1] == ExperimentFailed(
        experiment_id=experiment_id, developer_id="dev_a", message=message
    )
    with pytest.raises(WrongState, match="The experiment is failed"):
        await world.reading.results(experiment_id)


async def test_an_event_whose_transaction_failed_can_be_handled_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, trial, _ = await started(world)
    with monkeypatch.context() as patched:
        patched.setattr(outbox, "add_each", None)
        with pytest.raises(TypeError):
            await world.progress.synthesized("evt_same", trial.id, 1, "a.wav", SYNTHESIS)
    assert (await current(world, trial)).status is SYNTHESIZING
    await world.progress.synthesized("evt_same", trial.id, 1, "a.wav", SYNTHESIS)
    assert (await current(world, trial)).status is SCORING


async def test_requests_without_a_result_are_repeated_with_the_next_attempt(world: World) -> None:
    _, first, second = await started(world)
    await world.speak(first)
    before = len(world.database.published())
    assert await world.progress.reconcile(STALE_AFTER) == 2
    evaluation, synthesis = sorted(published_since(world, before), key=lambda event: type(event).__name__)
    assert isinstance(evaluation, EvaluationRequested)
    assert (evaluation.job_id, evaluation.attempt, evaluation.audio_name) == (first.id, 2, f"{first.id}.wav")
    assert isinstance(synthesis, SynthesisRequested)
    assert (synthesis.job_id, synthesis.attempt, synthesis.text) == (second.id, 2, "Hello.")


async def test_recent_requests_are_not_repeated(world: World) -> None:
    await started(world)
    before = len(world.database.published())
    assert await world.progress.reconcile(timedelta(seconds=20)) == 0
    assert published_since(world, before) == []


async def test_a_trial_delayed_by_its_provider_is_not_repeated_before_that_time(world: World) -> None:
    _, first, second = await started(world)
    await world.progress.delayed(world.event_id(), first.id, 1, now() + timedelta(seconds=60))
    # A delay of another attempt, and a delay that is over.
    await world.progress.delayed(world.event_id(), second.id, 2, now() + timedelta(seconds=60))
    await world.progress.delayed(world.event_id(), second.id, 1, now() - timedelta(seconds=1))
    assert await world.progress.reconcile(timedelta(0)) == 1
    assert [(await current(world, trial)).attempts for trial in (first, second)] == [1, 2]
    await world.speak(first)
    assert (await current(world, first)).status is SCORING


async def test_a_trial_without_any_result_fails_after_the_last_attempt(world: World) -> None:
    experiment_id, first, second = await started(world)
    await world.speak(second)
    for _ in range(MAX_ATTEMPTS):
        await world.progress.reconcile(STALE_AFTER)
    assert await world.progress.reconcile(STALE_AFTER) == 0
    given_up = [await current(world, trial) for trial in (first, second)]
    assert [(trial.error_kind, trial.error_message) for trial in given_up] == [
        ("timed_out", "no speech came back after 8 requests"),
        ("evaluation_failed", "no measurements came back after 8 requests"),
    ]
    experiment = await world.reading.get(experiment_id)
    assert (experiment.status, experiment.failed_trials) == (ExperimentStatus.COMPLETED, 2)


async def test_the_rankings_have_the_measurements_of_the_trials(world: World) -> None:
    experiment_id, (first, second) = await world.start()
    await world.finish(first)
    await world.progress.synthesized(
        world.event_id(),
        second.id,
        1,
        "b.wav",
        Measurements(duration_seconds=4.0, ttfb_ms=50.0, generation_time_ms=80.0),
    )
    await world.progress.evaluated(world.event_id(), second.id, 1, SIGNAL)
    by_voice = {r["voice_id"]: r for r in (await world.reading.results(experiment_id))["rankings"]}
    assert (by_voice["en"]["avg_ttfb_ms"], by_voice["en"]["avg_duration_seconds"]) == (100.0, 2.0)
    assert (by_voice["slt"]["avg_ttfb_ms"], by_voice["slt"]["avg_generation_time_ms"]) == (50.0, 80.0)
