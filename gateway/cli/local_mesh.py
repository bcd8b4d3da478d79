"""The mesh as a child process on this machine: started, waited for, and stopped with everything that it started."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import NoReturn

from gateway.cli.address import GatewayAddress
from gateway.cli.client import ArenaClient
from gateway.cli.errors import CliError, ExitCode

DEFAULT_API_PORT = 8080
# The first start creates a database; later ones take a few seconds.
READY_SECONDS = 90.0
POLL_SECONDS = 0.2
# The runner drains its services and gives each process 15 s before it kills it; what is left after this is killed.
STOP_SECONDS = 60.0
# What the runner started and left behind gets this long to end by itself.
ORPHAN_SECONDS = 2.0
LOG_NAME = "logs/demo.log"
LOG_LINES_SHOWN = 12
PR_SET_PDEATHSIG = 1


def runner_command(data_dir: Path | None, ephemeral: bool) -> list[str]:
    """The command that runs the mesh in the foreground."""
    command = [sys.executable, "-m", "deploy.local"]
    if data_dir is not None:
        command += ["--data-dir", str(data_dir)]
    return [*command, "--ephemeral"] if ephemeral else command


def local_address(environment: Mapping[str, str | None]) -> GatewayAddress:
    """Where a mesh with these settings will answer: API_PORT on this machine, or a free port if that is 0."""
    text = environment.get("API_PORT") or str(DEFAULT_API_PORT)
    if not text.isdecimal() or int(text) > 65535:
        raise CliError(f"API_PORT is {text!r}, which is not a port.", ExitCode.USAGE, hint="Use 0 to 65535.")
    return GatewayAddress("http", "localhost", int(text) or _free_port())


def port_is_taken(port: int) -> bool:
    """Whether something on this machine listens on the port."""
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class LocalMesh:
    """A mesh that is stopped by who started it. Its output goes to `logs/demo.log` under its data directory."""

    def __init__(self, data_dir: Path, address: GatewayAddress, command: Sequence[str]) -> None:
        self.address = address
        self.log_path = data_dir / LOG_NAME
        self._command = list(command)
        self._child: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts the runner. Raises CliError if the gateway's port is taken."""
        if port_is_taken(self.address.port):
            raise CliError(
                f"Port {self.address.port} is taken, perhaps by a mesh that is already up.",
                ExitCode.CONFLICT,
                hint=f"Stop what listens there, or choose another port: API_PORT={self.address.port + 1000} arena demo",
            )
        try:
            self.log_path.parent.mkdir(parents=True, exist_ok=True)
            with self.log_path.open("wb") as log:
                self._child = subprocess.Popen(
                    self._command,
                    env={**os.environ, "API_PORT": str(self.address.port)},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    # Ctrl-C reaches this process only, which then stops the mesh in order.
                    start_new_session=True,
                    preexec_fn=_dies_with_parent(),
                )
        except OSError as error:
            raise CliError(f"Can't start the mesh: {error}.", hint="Check the data directory.") from error

    def wait_until_ready(self, seconds: float = READY_SECONDS, sleep: Callable[[float], None] = time.sleep) -> None:
        """Returns when every service is serving. Raises CliError with the end of the log if that never comes."""
        end = time.monotonic() + seconds
        last = "it does not answer"
        with ArenaClient(self.address, None) as client:
            while time.monotonic() < end:
                if self._child is not None and self._child.poll() is not None:
                    raise self._failure(f"The mesh ended with exit code {self._child.returncode} before it was ready.")
                try:
                    client.health(timeout=2.0)
                except CliError as error:
                    last = error.message
                else:
                    return
                sleep(POLL_SECONDS)
        raise self._failure(f"The mesh was not ready after {seconds:g} s: {last}")

    @property
    def started(self) -> bool:
        """Whether there is something to stop."""
        return self._child is not None

    def stop(self) -> bool:
        """Ends the mesh and all its processes; returns whether it went in good order. Safe to call at any time."""
        # A second Ctrl-C must not leave processes behind.
        with _ignoring_interrupts():
            child, self._child = self._child, None
            if child is None or child.poll() is not None:
                return True
            return _end(child)

    def _failure(self, message: str) -> CliError:
        lines = self.log_path.read_text(encoding="utf-8", errors="replace").splitlines()
        return CliError(
            message, ExitCode.UNAVAILABLE, details=lines[-LOG_LINES_SHOWN:], hint=f"All of its output: {self.log_path}"
        )


@contextmanager
def stopping_on_signals() -> Iterator[None]:
    """Within it, SIGTERM and a closed terminal interrupt like Ctrl-C, so that `finally` blocks run."""

    def interrupt(number: int, frame: FrameType | None) -> NoReturn:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _ignoring_interrupts() -> Iterator[None]:
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, signal.SIG_IGN) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end(child: subprocess.Popen[bytes]) -> bool:
    """Ends a process and its descendants; returns whether none had to be killed."""
    import psutil

    try:
        family = psutil.Process(child.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        family = []
    in_order = True
    child.terminate()
    try:
        child.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        in_order = False
        child.kill()
        child.wait()
    _, left = psutil.wait_procs([process for process in family if process.is_running()], timeout=ORPHAN_SECONDS)
    for process in left:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(left, timeout=ORPHAN_SECONDS)
    return in_order and not left


def _dies_with_parent() -> Callable[[], None] | None:
    """On Linux, what makes a child get SIGTERM when this process is killed outright."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl

    def set_death_signal() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGTERM)

    return set_death_signal


def exec_runner(data_dir: Path | None, ephemeral: bool) -> NoReturn:
    """Becomes the runner, so that signals, output and exit code are its own."""
    sys.stdout.flush()
    sys.stderr.flush()
    command = runner_command(data_dir, ephemeral)
    os.execv(command[0], command)  # noqa: S606 - no shell is wanted
