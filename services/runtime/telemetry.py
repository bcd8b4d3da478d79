"""Logs as JSON lines, traces with W3C context, and operational metrics for Prometheus."""

import logging
import os
import re
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from random import getrandbits
from typing import TextIO, cast

import structlog
from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, TraceFlags, Tracer
from prometheus_client import Counter, Gauge, Histogram, disable_created_metrics, start_http_server

from services.runtime.log_stream import LogStream
from services.runtime.outside_text import for_log

RPC_SECONDS = Histogram(
    "voicearena_rpc_seconds",
    "Time from an RPC's arrival to its end",
    ["method", "code"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
EVENT_SECONDS = Histogram(
    "voicearena_event_seconds",
    "Time that handling one event took",
    ["event", "outcome"],
    buckets=(0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)
SERVING = Gauge("voicearena_serving", "Whether the process takes calls, 0 or 1")
EVENTS_PUBLISHED = Counter("voicearena_events_published_total", "Events published", ["subject"])
# `consumer` is `shared` (by the processes of a service) or `broadcast` (each process has its own).
EVENTS_IN_PROGRESS = Gauge("voicearena_events_in_hand", "Events that this process works on now", ["stream", "consumer"])
EVENTS_WAITING = Gauge(
    "voicearena_events_waiting", "Events that no process has taken yet: the consumer's lag", ["stream", "consumer"]
)
EVENTS_UNCONFIRMED = Gauge(
    "voicearena_events_unconfirmed", "Events that are in progress in all processes together", ["stream", "consumer"]
)
# The services that have an outbox export it.
OUTBOX_AGE = "voicearena_outbox_age_seconds"
DEAD_LETTERS = Counter("voicearena_dead_letters_total", "Dead events: given up after the last attempt", ["event"])

# Ids come from events and are added to each log line.
MAX_LOGGED_ID_CHARACTERS = 120

# W3C Trace Context. Later versions begin like this one, and ff is no version. It comes from outside and is logged.
_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")

_traceparent: ContextVar[str] = ContextVar("traceparent", default="")
_tracer: Tracer | None = None


def start(service: str, log_level: str, metrics_address: str) -> None:
    """Starts logging, serves operational metrics, and exports traces if OTEL_EXPORTER_OTLP_ENDPOINT is set."""
    start_logging(service, log_level)
    host, _, port = metrics_address.rpartition(":")
    disable_created_metrics()  # type: ignore[no-untyped-call]
    start_http_server(int(port), addr=host)
    if os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT"):
        _start_tracing(service)


def start_logging(service: str, log_level: str) -> None:
    """Begins logging."""
    stream = cast(TextIO, LogStream(sys.stderr))
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        _add_trace_id,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        # Without local variables: they can contain keys, texts and passwords.
        structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False)),
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.EventRenamer("message"), _clean, structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[log_level]),
        logger_factory=structlog.WriteLoggerFactory(stream),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(service=service)
    # Libraries log with the standard library. Their lines get the same form.
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.EventRenamer("message"),
                _clean,
                structlog.processors.JSONRenderer(),
            ],
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
        )
    )
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)


def _start_tracing(service: str) -> None:
    # Imported here because the exporter needs memory and start-up time, and few users export traces.
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    global _tracer
    provider = TracerProvider(resource=Resource.create({"service.name": f"voicearena-{service}"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    _tracer = provider.get_tracer("voicearena")


def current_traceparent() -> str:
    """Returns the W3C traceparent of the current work, empty if there is none."""
    return _traceparent.get()


def span(name: str, traceparent: str, kind: SpanKind) -> AbstractContextManager[None]:
    """Continues the trace of `traceparent` in the block, or starts a trace. Log lines of the block have its id."""
    parent = _parse(traceparent) if traceparent else None
    if _tracer is not None:
        return _recorded(_tracer, name, parent, kind)
    # This runs for every call. Trace ids need not be hard to guess, and a class is faster than a generator.
    return _Bound(traceparent if parent else f"00-{getrandbits(128) or 1:032x}-{getrandbits(64) or 1:016x}-00")


@contextmanager
def _recorded(tracer: Tracer, name: str, parent: SpanContext | None, kind: SpanKind) -> Iterator[None]:
    context = trace.set_span_in_context(NonRecordingSpan(parent)) if parent else None
    with tracer.start_as_current_span(name, context=context, kind=kind) as current:
        own = current.get_span_context()
        with _Bound(f"00-{own.trace_id:032x}-{own.span_id:016x}-{int(own.trace_flags):02x}"):
            yield


def continuing(traceparent: str) -> AbstractContextManager[object]:
    """Continues a stored trace in the block, unless the block is in that trace already.

    It is for work that a timer or another call starts: its events and logs belong to the trace that requested the work.
    """
    if _parse(traceparent) is None or traceparent[3:35] == trace_id():
        return nullcontext()
    return _Bound(traceparent)


@contextmanager
def working_on(**ids: str) -> Iterator[None]:
    """Adds ids, such as `experiment_id`, to each log line of the block and to its span."""
    known = {name: value[:MAX_LOGGED_ID_CHARACTERS] for name, value in ids.items() if value}
    if _tracer is not None:
        trace.get_current_span().set_attributes(known)
    with structlog.contextvars.bound_contextvars(**known):
        yield


class _Bound:
    """Sets the traceparent of the work in a block."""

    __slots__ = ("_before", "_traceparent")

    def __init__(self, traceparent: str) -> None:
        self._traceparent = traceparent

    def __enter__(self) -> None:
        self._before = _traceparent.get()
        _traceparent.set(self._traceparent)

    def __exit__(self, *_: object) -> None:
        # Not with the token of `set`: when a client leaves, its stream can be closed in another context.
        _traceparent.set(self._before)


def trace_id() -> str:
    """Returns the id of the current trace, 32 hexadecimal digits, or an empty string if there is none."""
    return _traceparent.get()[3:35]


def _parse(traceparent: str) -> SpanContext | None:
    found = _TRACEPARENT.fullmatch(traceparent)
    if found is None:
        return None
    trace_id, span_id, flags = (int(part, 16) for part in found.groups())
    context = SpanContext(trace_id, span_id, True, TraceFlags(flags))
    return context if context.is_valid else None


def _add_trace_id(_: object, __: str, entry: structlog.typing.EventDict) -> structlog.typing.EventDict:
    if found := trace_id():
        entry["trace_id"] = found
    return entry


def _clean(_: object, __: str, entry: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Cleans every text of a log line: any of them, such as an error message, can come from outside."""
    return {name: for_log(value) for name, value in entry.items()}
