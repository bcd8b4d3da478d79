"""Chooses ports and checks that they are free before anything starts."""

import errno
import random
import socket
from collections.abc import Mapping, Sequence

from deploy.local.errors import MeshError
from deploy.local.settings import PORT_SETTINGS, LocalSettings

# Below the ports that Linux and macOS use for outgoing connections. So no connection can take a port before its process
# uses it, or while its process restarts.
PICKED_FROM = range(20000, 32000)
MAX_ATTEMPTS = 200


def choose_ports(
    settings: LocalSettings, unused: frozenset[str] = frozenset(), further: Sequence[str] = ()
) -> dict[str, int]:
    """Returns a port for each `..._port` setting except `unused`, and a free port for each of `further`.

    Raises MeshError that names each port in use.
    """
    requested = {name: getattr(settings, name) for name in PORT_SETTINGS if name not in unused}
    requested |= dict.fromkeys(further, 0)
    problems = _in_use(requested, settings.api_host) + _duplicates(requested)
    if problems:
        raise MeshError("\n".join(problems))
    chosen = {name: port for name, port in requested.items() if port}
    for name in requested:
        if name not in chosen:
            chosen[name] = _pick(set(chosen.values()))
    return chosen


def _host_of(name: str, api_host: str) -> str:
    return api_host if name == "api_port" else "127.0.0.1"


def _in_use(requested: Mapping[str, int], api_host: str) -> list[str]:
    problems = []
    for name, port in requested.items():
        fault = port and _fault(_host_of(name, api_host), port)
        if fault:
            problems.append(f"port {port} {fault}: set {name.upper()} to another one (0 picks a free one)")
    return problems


def _duplicates(requested: Mapping[str, int]) -> list[str]:
    by_port: dict[int, list[str]] = {}
    for name, port in requested.items():
        by_port.setdefault(port, []).append(name.upper())
    return [f"port {port} is set for both {' and '.join(n)}" for port, n in by_port.items() if port and len(n) > 1]


def _fault(host: str, port: int) -> str | None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # Servers set this too. Without it, connections of a mesh that has just ended would block the port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError as error:
            return "is in use" if error.errno == errno.EADDRINUSE else f"can't be used ({error.strerror})"
    return None


def _pick(chosen: set[int]) -> int:
    for _ in range(MAX_ATTEMPTS):
        port = random.choice(PICKED_FROM)  # noqa: S311
        if port not in chosen and _fault("127.0.0.1", port) is None:
            return port
    raise MeshError(f"no free port was found between {PICKED_FROM.start} and {PICKED_FROM.stop}")
