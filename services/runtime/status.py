"""The state of a process, as any developer may read it."""

from collections.abc import Callable

from prometheus_client import Gauge
from voicearena.mesh.v1 import mesh_pb2

from services.runtime import disk, telemetry
from services.runtime.disconnections import is_disconnected
from services.runtime.errors import ArenaError, BusUnavailable

MAX_COUNT = 2**31 - 1

Reporter = Callable[[mesh_pb2.ProcessStatus], None]
"""Adds a service's own part to the status of its process."""

# A part of a library's error text in lower case, and the reason to show. Library texts can name hosts, users and paths,
# and any developer may read a status, so the texts themselves are not shown.
_REASONS = (
    ("connection refused", "connection refused"),
    ("connectionrefusederror", "connection refused"),
    ("name or service not known", "its host name is unknown"),
    ("failed to resolve host", "its host name is unknown"),
    ("temporary failure in name resolution", "its host name is unknown"),
    ("password authentication failed", "the password is not accepted"),
    ("starting up", "it is starting"),
    ("not yet accepting connections", "it is starting"),
    ("shutting down", "it is shutting down"),
    ("terminating connection", "it closed the connection"),
    ("closed the connection", "it closed the connection"),
    ("too many clients", "it has too many connections"),
    ("remaining connection slots", "it has too many connections"),
    ("queuepool limit", "all connections are in use"),
    ("too many open files", "it has too many open files and connections"),
    ("read-only file system", "it is read-only"),
    ("permission denied", "permission denied"),
    ("permissionerror", "permission denied"),
    ("no such file", "it does not exist"),
    ("filenotfounderror", "it does not exist"),
    ("not found", "it does not exist"),
    ("does not exist", "it does not exist"),
    ("timed out", "no response in time"),
    ("timeout", "no response in time"),
)


def failure_reason(error: Exception) -> str:
    """Returns why something failed, as a short phrase that names no host, user or path."""
    # A full disk can cause these errors without being named in them.
    possibly_full = is_disconnected(error) or isinstance(error, BusUnavailable | TimeoutError)
    if disk.is_disk_full_error(error) or (possibly_full and disk.is_full()):
        return "no space is left on its disk"
    own = isinstance(error, ArenaError | BusUnavailable)
    text = str(error).strip()
    # An error with a cause can have the words of a library in it.
    if own and text and error.__cause__ is None:
        return text
    if isinstance(error, TimeoutError):
        return "no response in time"
    searched = f"{type(error).__name__} {text}".lower()
    for part, reason in _REASONS:
        if part in searched:
            return reason
    return f"{type(error.__cause__ or error).__name__}; see the service's log"


def count(value: float) -> int:
    """Returns a gauge's value as an int32 that is not negative."""
    return max(0, min(round(value), MAX_COUNT))


def by_labels(gauge: Gauge) -> dict[tuple[str, ...], float]:
    """Returns a gauge's values by label values, which are in the order in which the gauge declares its labels."""
    return {tuple(sample.labels.values()): sample.value for family in gauge.collect() for sample in family.samples}


def streams() -> list[mesh_pb2.StreamStatus]:
    """Returns the status of each stream of events that this process consumes."""
    waiting, in_progress = by_labels(telemetry.EVENTS_WAITING), by_labels(telemetry.EVENTS_IN_PROGRESS)
    return [
        mesh_pb2.StreamStatus(
            stream=stream,
            consumer=consumer,
            waiting=count(waiting.get((stream, consumer), 0)),
            in_hand=count(in_progress.get((stream, consumer), 0)),
        )
        for stream, consumer in sorted(waiting.keys() | in_progress.keys())
    ]
