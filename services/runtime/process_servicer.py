"""ProcessService: whether a process serves, what keeps it from that, and whether it keeps up."""

from collections.abc import Iterable, Mapping
from importlib import metadata
from typing import Protocol

from prometheus_client import REGISTRY
from voicearena.mesh.v1 import mesh_pb2, process_service_pb2, process_service_pb2_grpc

from services.runtime import telemetry
from services.runtime.event_loop import Stopwatch
from services.runtime.rpc import Context
from services.runtime.status import Reporter, count, reason_of, streams

DISTRIBUTION = "voice-arena"


class Progress(Protocol):
    """What is known of a process at a moment."""

    @property
    def failing(self) -> Mapping[str, Exception]:
        """The checks that failed when they were last made, and what each raised."""

    @property
    def serving(self) -> bool:
        """Whether it takes calls."""


class ProcessServicer(process_service_pb2_grpc.ProcessServiceServicer):
    """Implements ProcessService for the process that it is in."""

    def __init__(self, progress: Progress, reporters: Iterable[Reporter]) -> None:
        """`reporters` are asked at each call."""
        self._progress = progress
        self._reporters = reporters
        self._version = _version()
        self._running = Stopwatch()

    async def GetProcessStatus(
        self, request: process_service_pb2.GetProcessStatusRequest, context: Context
    ) -> process_service_pb2.GetProcessStatusResponse:
        status = mesh_pb2.ProcessStatus(
            serving=self._progress.serving,
            faults=[
                mesh_pb2.Fault(name=name, reason=reason_of(error)) for name, error in self._progress.failing.items()
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
