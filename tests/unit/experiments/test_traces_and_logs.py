"""All work for an experiment is in the trace of the call that ran it, and its log lines name the experiment."""

from datetime import timedelta

import pytest
import structlog
from opentelemetry.trace import SpanKind

from services.experiments.results import domain as results
from services.runtime.telemetry import span
from tests.unit.experiments.conftest import World

STALE_AFTER = timedelta(0)
TRACE = "0af7651916cd43dd8448eb211c80319c"
RUN = f"00-{TRACE}-b7ad6b7169203331-01"
ANOTHER = "00-11111111111111111111111111111111-2222222222222222-01"


def captured() -> "structlog.testing.capture_logs":  # type: ignore[valid-type]
    return structlog.testing.capture_logs(processors=[structlog.contextvars.merge_contextvars])


async def test_work_after_later_events_and_timers_is_in_the_trace_of_the_run(world: World) -> None:
    with span("run", RUN, SpanKind.SERVER):
        experiment_id, trials = await world.start(webhook_url="https://example.com/hook", prompts=["A.", "B.", "C."])
    asked = len(world.database.traces())
    # The reconciler runs in no trace, and a result can come in the trace of an older run.
    await world.progress.reconcile(STALE_AFTER)
    with span("result", ANOTHER, SpanKind.CONSUMER):
        await world.finish(*await world.trials(experiment_id))
    assert len(world.database.traces()) > asked + len(trials)
    assert set(world.database.traces()) == {TRACE}


async def test_an_experiment_run_without_a_trace_gets_none(world: World) -> None:
    _, trials = await world.start()
    await world.finish(*trials)
    assert set(world.database.traces()) == {""}


async def test_log_lines_of_repeated_requests_and_late_results_name_the_experiment(world: World) -> None:
    experiment_id, (first, _) = await world.start()
    with captured() as lines:
        await world.progress.reconcile(STALE_AFTER)
        await world.speak(first)
    logged = [(line["event"], line.get("experiment_id")) for line in lines]
    assert logged == [("asking again", experiment_id)] * 2 + [("a late result is ignored", experiment_id)]


async def test_the_log_line_of_a_failed_verdict_names_the_experiment(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results, "decide", lambda *_, **__: 1 / 0)
    experiment_id, trials = await world.start()
    with captured() as lines:
        await world.finish(*trials)
    (line,) = (line for line in lines if line["log_level"] == "error")
    assert (line["event"], line["experiment_id"]) == ("a verdict could not be computed", experiment_id)
