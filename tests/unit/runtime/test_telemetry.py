"""Traces: what a span continues, and what it begins anew."""

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


def test_outside_of_work_there_is_no_trace() -> None:
    assert (current_traceparent(), trace_id()) == ("", "")


def test_a_span_continues_the_trace_that_it_is_given() -> None:
    with span("work", PARENT, SpanKind.SERVER):
        assert trace_id() == TRACE
        assert current_traceparent().split("-")[1] == TRACE
    assert current_traceparent() == ""


def test_a_span_without_a_trace_begins_one() -> None:
    with span("work", "", SpanKind.SERVER):
        first = current_traceparent()
    with span("work", "", SpanKind.SERVER):
        assert current_traceparent() != first
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}", first)


def test_the_outer_trace_is_there_again_after_an_inner_one_that_broke() -> None:
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
def test_a_malformed_parent_is_no_parent(malformed: str) -> None:
    with span("work", malformed, SpanKind.SERVER):
        assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}", current_traceparent())
        assert trace_id() not in (TRACE, TRACE.upper())


OTHER = "00-11111111111111111111111111111111-2222222222222222-01"


@pytest.mark.parametrize("outer", ["", OTHER])
def test_work_for_something_goes_on_with_its_trace_whatever_brought_it_about(outer: str) -> None:
    with span("outer", outer, SpanKind.CONSUMER):
        before = current_traceparent()
        with continuing(PARENT):
            assert current_traceparent() == PARENT
        assert current_traceparent() == before


def test_work_that_is_in_its_trace_already_stays_where_it_is_in_it() -> None:
    child = f"00-{TRACE}-3333333333333333-01"
    with span("event", child, SpanKind.CONSUMER), continuing(PARENT):
        assert current_traceparent() == child


@pytest.mark.parametrize("kept", ["", "nonsense"])
def test_work_whose_trace_was_not_kept_stays_in_the_one_at_hand(kept: str) -> None:
    with span("event", PARENT, SpanKind.CONSUMER), continuing(kept):
        assert current_traceparent() == PARENT


def test_what_is_worked_on_is_bound_to_log_lines_for_the_block() -> None:
    with working_on(experiment_id="exp_1", job_id=""):
        with working_on(job_id="j" * 500):
            assert structlog.contextvars.get_contextvars() == {
                "experiment_id": "exp_1",
                "job_id": "j" * MAX_LOGGED_ID_CHARACTERS,
            }
        assert structlog.contextvars.get_contextvars() == {"experiment_id": "exp_1"}
    assert structlog.contextvars.get_contextvars() == {}
