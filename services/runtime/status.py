"""What a process may tell of its state to whoever has a key."""

from collections.abc import Callable

from prometheus_client import Gauge
from voicearena.mesh.v1 import mesh_pb2

from services.runtime import disk, telemetry
from services.runtime.db import DISCONNECTED
from services.runtime.errors import ArenaError, BusUnavailable

MAX_COUNT = 2**31 - 1

# What fails without a word of why where there is no room to write.
AWAY = (*DISCONNECTED, BusUnavailable, TimeoutError)

Reporter = Callable[[mesh_pb2.ProcessStatus], None]
"""Adds what a service knows of its own work."""

# What libraries say names hosts, users and paths. Whoever has a key may read a status, so only what is known is told.
_KNOWN = (
    ("connection refused", "connection refused"),
    ("connectionrefusederror", "connection refused"),
    ("name or service not known", "the name of its host is not known"),
    ("failed to resolve host", "the name of its host is not known"),
    ("temporary failure in name resolution", "the name of its host is not known"),
    ("password authentication failed", "the password is not accepted"),
    ("starting up", "it is starting"),
    ("not yet accepting connections", "it is starting"),
    ("shutting down", "it is shutting down"),
    ("terminating connection", "it closed the connection"),
    ("closed the connection", "it closed the connection"),
    ("too many clients", "it has too many connections"),
    ("remaining connection slots", "it has too many connections"),
    ("queuepool limit", "all connections are in use"),
    ("too many open files", "too many files and connections are open"),
    ("read-only file system", "it is read-only"),
    ("permission denied", "permission denied"),
    ("permissionerror", "permission denied"),
    ("no such file", "it is not there"),
    ("filenotfounderror", "it is not there"),
    ("not found", "it is not there"),
    ("does not exist", "it is not there"),
    ("timed out", "no answer in time"),
    ("timeout", "no answer in time"),
)


def reason_of(error: Exception) -> str:
    """Returns why a check failed, in a few words that name no host, user or path."""
    if disk.says_full(error) or (isinstance(error, AWAY) and disk.is_full()):
        return "no space is left on its disk"
    own = isinstance(error, ArenaError | BusUnavailable)
    text = str(error).strip()
    # What was raised for something that a library said has its words.
    if own and text and error.__cause__ is None:
        return text
    if isinstance(error, TimeoutError):
        return "no answer in time"
    looked_at = f"{type(error).__name__} {text}".lower()
    for said, reason in _KNOWN:
        if said in looked_at:
            return reason
    return f"{type(error.__cause__ or error).__name__}; the log of the service says more"


def count(value: float) -> int:
    """Returns a figure as the whole number of a message."""
    return max(0, min(round(value), MAX_COUNT))


def by_labels(gauge: Gauge) -> dict[tuple[str, ...], float]:
    """Returns a gauge's values by its labels' values, in the order in which the gauge names them."""
    return {tuple(sample.labels.values()): sample.value for family in gauge.collect() for sample in family.samples}


def streams() -> list[mesh_pb2.StreamStatus]:
    """Returns how far this process is with the streams of events that it takes part in."""
    waiting, in_hand = by_labels(telemetry.EVENTS_WAITING), by_labels(telemetry.EVENTS_IN_HAND)
    return [
        mesh_pb2.StreamStatus(
            stream=stream,
            consumer=consumer,
            waiting=count(waiting.get((stream, consumer), 0)),
            in_hand=count(in_hand.get((stream, consumer), 0)),
        )
        for stream, consumer in sorted(waiting.keys() | in_hand.keys())
    ]
