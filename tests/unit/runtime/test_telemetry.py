"""Traces: when a span continues a trace, and when it starts one."""

import re

import pytest
import structlog
from opentelemetry.trace import SpanKind

from services.runtime.telemetry import (
    MAX_LOGGED_ID_CHARACTERS,
    continuing,
    current_traceparent,
    span,
    trace_id,
    working_on,
)

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE}-b7ad6b7169203331-01"


def test_outside_of_a_span_there_is_no_trace() -> None:
    assert (current_traceparent(), trace_id()) == ("", "")


def test_a_span_continues_the_given_trace() -> None:
    with span("work", PARENT, SpanKind.SERVER):
        assert trace_id() == TRACE
        assert current_traceparent().split("-")[1] == TRACE
    assert current_traceparent() == ""


def test_a_span_without_a_trace_starts_one() -> None:
    with span("work", "", SpanKind.SERVER):
        first = current_traceparent()
    with span("work", "", SpanKind.SERVER):
        assert current_traceparent() != first
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}", first)


def test_the_outer_trace_is_restored_after_a_failed_inner_span() -> None:
    with span("outer", PARENT, SpanKind.SERVER):
        with pytest.raises(ZeroDivisionError), span("inner", "", SpanKind.CONSUMER):
            raise ZeroDivisionError
        assert trace_id() == TRACE


@pytest.mark.parametrize(
    "malformed",
    [
        "nonsense",
        "00",
        PARENT + "-more",
        PARENT[:-1],
        PARENT.replace(TRACE, "0" * 32),
        PARENT.replace("b7ad6b7169203331", "0" * 16),
        PARENT.replace(TRACE, TRACE.upper()),
        PARENT.replace(TRACE, "g" + TRACE[1:]),
        PARENT.replace(TRACE, "0x" + TRACE[2:]),
        PARENT.replace(TRACE, "+" + TRACE[1:]),
        PARENT.replace(TRACE, TRACE[:3] + "_" + TRACE[4:]),
        PARENT.replace(TRACE, " " + TRACE[1:]),
        "ff" + PARENT[2:],
        "zz" + PARENT[2:],
        PARENT + "\n",
        "\n" + PARENT,
    ],
)
def test_a_malformed_traceparent_is_ignored(malformed: str) -> None:
    with span("work", malformed, SpanKind.SERVER):
        assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}", current_traceparent())
        assert trace_id() not in (TRACE, TRACE.upper())


OTHER = "00-11111111111111111111111111111111-2222222222222222-01"


@pytest.mark.parametrize("outer", ["", OTHER])
def test_work_continues_its_stored_trace_instead_of_the_current_one(outer: str) -> None:
    with span("outer", outer, SpanKind.CONSUMER):
        before = current_traceparent()
        with continuing(PARENT):
            assert current_traceparent() == PARENT
        assert current_traceparent() == before


def test_work_that_is_already_in_its_trace_stays_in_the_current_span() -> None:
    child = f"00-{TRACE}-3333333333333333-01"
    with span("event", child, SpanKind.CONSUMER), continuing(PARENT):
        assert current_traceparent() == child


@pytest.mark.parametrize("stored", ["", "nonsense"])
def test_work_without_a_stored_trace_stays_in_the_current_one(stored: str) -> None:
    with span("event", PARENT, SpanKind.CONSUMER), continuing(stored):
        assert current_traceparent() == PARENT


def test_ids_are_added_to_log_lines_during_the_block() -> None:
    with working_on(experiment_id="exp_1", job_id=""):
        with working_on(job_id="j" * 500):
            assert structlog.contextvars.get_contextvars() == {
                "experiment_id": "exp_1",
                "job_id": "j" * MAX_LOGGED_ID_CHARACTERS,
            }
        assert structlog.contextvars.get_contextvars() == {"experiment_id": "exp_1"}
    assert structlog.contextvars.get_contextvars() == {}
