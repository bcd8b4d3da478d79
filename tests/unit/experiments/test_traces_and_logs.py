"""All that is done for an experiment is in the trace of the call that ran it, and its log lines name it."""

from datetime import timedelta

import pytest
import structlog
from opentelemetry.trace import SpanKind

from services.experiments.results import domain as results
from services.runtime.telemetry import span
from tests.unit.experiments.conftest import Desk

NO_PATIENCE = timedelta(0)
TRACE = "0af7651916cd43dd8448eb211c80319c"
RUN = f"00-{TRACE}-b7ad6b7169203331-01"
ANOTHER = "00-11111111111111111111111111111111-2222222222222222-01"


def captured() -> "structlog.testing.capture_logs":  # type: ignore[valid-type]
    return structlog.testing.capture_logs(processors=[structlog.contextvars.merge_contextvars])


async def test_what_a_later_event_or_the_clock_brings_about_is_in_the_trace_of_the_run(desk: Desk) -> None:
    with span("run", RUN, SpanKind.SERVER):
        experiment_id, trials = await desk.start(webhook_url="https://example.com/hook", prompts=["A.", "B.", "C."])
    asked = len(desk.database.traces())
    # The reconciler is in no trace, and an answer may be in that of an older run.
    await desk.progress.reconcile(NO_PATIENCE)
    with span("answer", ANOTHER, SpanKind.CONSUMER):
        await desk.finish(*await desk.trials(experiment_id))
    assert len(desk.database.traces()) > asked + len(trials)
    assert set(desk.database.traces()) == {TRACE}


async def test_without_a_trace_nothing_is_made_up(desk: Desk) -> None:
    _, trials = await desk.start()
    await desk.finish(*trials)
    assert set(desk.database.traces()) == {""}


async def test_the_lines_of_asking_again_and_of_late_answers_name_the_experiment(desk: Desk) -> None:
    experiment_id, (first, _) = await desk.start()
    with captured() as lines:
        await desk.progress.reconcile(NO_PATIENCE)
        await desk.speak(first)
    told = [(line["event"], line.get("experiment_id")) for line in lines]
    assert told == [("asking again", experiment_id)] * 2 + [("a late result is ignored", experiment_id)]


async def test_the_line_of_a_verdict_that_fails_names_the_experiment(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results, "decide", lambda *_, **__: 1 / 0)
    experiment_id, trials = await desk.start()
    with captured() as lines:
        await desk.finish(*trials)
    (line,) = (line for line in lines if line["log_level"] == "error")
    assert (line["event"], line["experiment_id"]) == ("a verdict could not be computed", experiment_id)
