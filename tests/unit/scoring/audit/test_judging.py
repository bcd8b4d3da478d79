"""What is judged of a metric: it moves as it should, or the reason says why not."""

from typing import Any

import pytest

from services.scoring.audit.expectations import AUDITED, EXPECTATIONS, OF_TRIALS, Movement, steps_for
from services.scoring.audit.judging import AuditStatus, MetricResult, judge
from services.scoring.audit.perturbations import PERTURBATIONS
from services.scoring.audit.versions import builds_on
from services.scoring.pipeline.step import RecordingEvaluation, StepOutcome, StepStatus
from services.scoring.pipeline.steps import STEPS
from services.shared.metrics import METRICS
from tests.fakes.audited_clips import NO_SPEECH, ORIGINAL, evaluation

BUILDS_ON = {metric.step: builds_on(metric.step) for metric in AUDITED}
CLIPS = 2
NOT_INSTALLED = "The package speechmos is not installed. `make listening` installs it."


def measured(**constant: Any) -> dict[str, list[RecordingEvaluation]]:
    """Returns evaluations as they should be. The metrics in `constant` have that value wherever somebody speaks."""
    return {
        name: [evaluation(name, **({} if name in NO_SPEECH else constant)) for _ in range(CLIPS)]
        for name in PERTURBATIONS
    }


def replaced(step: str, outcome: StepOutcome, *changes: str) -> dict[str, list[RecordingEvaluation]]:
    """Returns evaluations as they should be, with another outcome of a step in all clips of these changes."""
    found = measured()
    for name in changes:
        for one in found[name]:
            one.outcomes[step] = outcome
    return found


def result(name: str, of: dict[str, list[RecordingEvaluation]]) -> MetricResult:
    return next(one for one in judge(of, BUILDS_ON) if one.name == name)


def test_metrics_that_move_as_they_should_pass() -> None:
    results = judge(measured(), BUILDS_ON)
    assert [(one.step, one.name) for one in results] == [(metric.step, metric.name) for metric in AUDITED]
    assert {one.status for one in results} == {AuditStatus.passed}
    assert all(finding.ok for one in results for finding in one.findings)
    assert sum(len(one.findings) for one in results) == len(EXPECTATIONS)
    errors = result("word_error_rate", measured())
    assert errors.backends == ("word_errors/1",)
    seen = {finding.perturbation: finding.seen for finding in errors.findings}
    assert seen["swapped_text"] == pytest.approx(0.95)
    assert seen["original"] == pytest.approx(0.05)
    assert seen["rate_48_khz"] == 0
    assert seen["silence"] is None


@pytest.mark.parametrize("name", ORIGINAL)
def test_a_metric_that_never_moves_fails(name: str) -> None:
    found = result(name, measured(**{name: ORIGINAL[name]}))
    assert found.status is AuditStatus.failed
    assert found.reason.startswith(next(finding.perturbation for finding in found.findings if not finding.ok))
    assert all(one.status is AuditStatus.passed for one in judge(measured(), BUILDS_ON) if one.name != name)


@pytest.mark.parametrize("name", ORIGINAL)
def test_a_metric_with_a_value_where_nobody_speaks_fails(name: str) -> None:
    of = measured()
    of["silence"] = [evaluation("original") for _ in range(CLIPS)]
    found = result(name, of)
    assert (found.status, "where nobody speaks" in found.reason) == (AuditStatus.failed, True)


@pytest.mark.parametrize("name", ORIGINAL)
@pytest.mark.parametrize("change", ["rate_48_khz", "level_minus_20_db"])
def test_a_metric_that_moves_with_rate_or_level_fails(name: str, change: str) -> None:
    of = measured()
    of[change] = [evaluation(change, **{name: ORIGINAL[name] + 1}), evaluation(change, **{name: ORIGINAL[name] - 1})]
    found = result(name, of)
    assert found.status is AuditStatus.failed
    # The clips move in opposite directions, and still it is not steady.
    assert found.reason == next(one.detail for one in found.findings if one.perturbation == change)
    assert found.reason.startswith(f"{change}: It moved by ")


def test_each_further_step_of_noise_has_to_cost_something() -> None:
    of = measured()
    of["noise_0_db"] = of["noise_10_db"]
    found = result("overall_mos", of)
    assert found.reason == "noise_0_db: It changed by +0.00 and should fall by 0.15 or more."
    assert [one.against for one in found.findings if not one.ok] == ["noise_10_db"]


def test_clips_that_the_recogniser_does_not_understand_prove_nothing() -> None:
    found = result("word_error_rate", measured(word_error_rate=0.9))
    assert found.reason == "original: It is 0.90 and should be 0.3 or less."


def test_a_metric_that_is_not_installed_was_not_audited() -> None:
    missing = StepOutcome("quality", StepStatus.skipped, reason=NOT_INSTALLED)
    found = result("overall_mos", replaced("quality", missing, *PERTURBATIONS))
    assert found == MetricResult("quality", "overall_mos", AuditStatus.not_run, NOT_INSTALLED)


def test_a_score_that_no_installed_model_gives_was_not_audited() -> None:
    found = result("utmos", measured(utmos=None))
    assert (found.status, found.reason) == (AuditStatus.not_run, "No clip has a value of it.")
    assert result("distillmos", measured(utmos=None)).status is AuditStatus.passed


def test_a_step_that_fails_for_a_change_fails_the_metric() -> None:
    broken = StepOutcome("quality", StepStatus.failed, reason="It ended with an error of its own (ValueError).")
    found = result("overall_mos", replaced("quality", broken, "rate_8_khz"))
    assert found.status is AuditStatus.failed
    assert found.reason == (
        "rate_8_khz: It has no value for 2 of 2 clips. It ended with an error of its own (ValueError)."
    )


def test_a_change_that_was_not_evaluated_fails_the_metrics_that_need_it() -> None:
    of = measured()
    of["end_removed"] = [RecordingEvaluation(None, {})] * CLIPS
    assert "It was not measured." in result("failures", of).reason
    assert result("overall_mos", of).status is AuditStatus.passed


def test_texts_without_hard_words_do_not_count() -> None:
    of = measured()
    for evaluations in of.values():
        evaluations[1] = evaluation("original", hard_word_accuracy=None)
    for name in NO_SPEECH:
        of[name] = [evaluation(name) for _ in range(CLIPS)]
    assert result("hard_word_accuracy", of).status is AuditStatus.passed


def test_every_expectation_is_of_a_known_change_and_can_fail() -> None:
    assert {metric.step for metric in AUDITED} <= {step.name for step in STEPS}
    for one in EXPECTATIONS:
        assert {one.perturbation, one.against} <= PERTURBATIONS.keys()
        assert one.limit > 0 or one.movement is Movement.absent
        assert one.metric in AUDITED
    for metric in AUDITED:
        movements = {one.movement for one in EXPECTATIONS if one.metric is metric}
        # A constant can't pass.
        assert movements & {Movement.rises, Movement.falls}
        assert {Movement.absent, Movement.steady} <= movements


def test_only_the_steps_that_a_change_is_about_run() -> None:
    assert steps_for("swapped_text") == ("word_errors", "meaning", "bert_score")
    assert steps_for("noise_20_db") == ("naturalness", "quality")
    assert steps_for("long_pause") == ("prosody",)
    assert set(steps_for("original")) == {metric.step for metric in AUDITED}


def test_the_metrics_of_trials_that_models_give_are_audited() -> None:
    known = {metric.name for metric in METRICS if metric.source.name == "LISTENING"}
    assert known <= OF_TRIALS.keys()
