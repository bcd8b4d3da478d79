"""ProcessService: the status of one process."""

from collections.abc import Iterable, Mapping
from importlib import metadata
from typing import Protocol

from prometheus_client import REGISTRY
from voicearena.mesh.v1 import mesh_pb2, process_service_pb2, process_service_pb2_grpc

from services.runtime import telemetry
from services.runtime.event_loop import Stopwatch
from services.runtime.rpc import Context
from services.runtime.status import Reporter, count, failure_reason, streams

DISTRIBUTION = "voice-arena"


class ServingState(Protocol):
    """Whether a process serves, and why not. `server.Service` has it."""

    @property
    def failing(self) -> Mapping[str, Exception]:
        """The health checks that failed in the last round, by name, with what each raised."""

    @property
    def serving(self) -> bool:
        """Whether the process takes calls."""


class ProcessServicer(process_service_pb2_grpc.ProcessServiceServicer):
    """Implements ProcessService for its own process."""

    def __init__(self, state: ServingState, reporters: Iterable[Reporter]) -> None:
        """`reporters` are called at each request."""
        self._state = state
        self._reporters = reporters
        self._version = _version()
        self._running = Stopwatch()

    async def GetProcessStatus(
        self, request: process_service_pb2.GetProcessStatusRequest, context: Context
    ) -> process_service_pb2.GetProcessStatusResponse:
        status = mesh_pb2.ProcessStatus(
            serving=self._state.serving,
            faults=[
                mesh_pb2.Fault(name=name, reason=failure_reason(error)) for name, error in self._state.failing.items()
            ],
            version=self._version,
            uptime_seconds=round(self._running.seconds(), 1),
            outbox_age_seconds=REGISTRY.get_sample_value(telemetry.OUTBOX_AGE),
            streams=streams(),
            dead_letters=_dead_letters(),
        )
        for report in self._reporters:
            report(status)
        return process_service_pb2.GetProcessStatusResponse(status=status)


def _dead_letters() -> int:
    samples = (sample for family in telemetry.DEAD_LETTERS.collect() for sample in family.samples)
    return count(sum(sample.value for sample in samples if sample.name.endswith("_total")))


def _version() -> str:
    try:
        return metadata.version(DISTRIBUTION)
    except metadata.PackageNotFoundError:
        return ""
