"""Starts the mesh as a child process on this machine, waits for it, and stops it with all of its processes."""

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
# The first start creates a database. Later starts take a few seconds.
READY_TIMEOUT_SECONDS = 90.0
POLL_INTERVAL_SECONDS = 0.2
# The runner drains its services and gives each process 15 s before it kills it. After this time the runner is killed.
STOP_TIMEOUT_SECONDS = 60.0
# Processes that the runner left behind are killed after this time.
ORPHAN_TIMEOUT_SECONDS = 2.0
LOG_NAME = "logs/demo.log"
MAX_LOG_LINES_SHOWN = 12
PR_SET_PDEATHSIG = 1


def runner_command(data_dir: Path | None, ephemeral: bool) -> list[str]:
    """Returns the command that runs the mesh in the foreground."""
    command = [sys.executable, "-m", "deploy.local"]
    if data_dir is not None:
        command += ["--data-dir", str(data_dir)]
    return [*command, "--ephemeral"] if ephemeral else command


def local_address(environment: Mapping[str, str | None]) -> GatewayAddress:
    """Returns the address of a mesh with these settings: API_PORT on this machine, or a free port if API_PORT is 0.

    Raises CliError if API_PORT is not a port.
    """
    text = environment.get("API_PORT") or str(DEFAULT_API_PORT)
    if not text.isdecimal() or int(text) > 65535:
        raise CliError(f"API_PORT must be 0 to 65535. It is {text!r}.", ExitCode.USAGE, hint="0 chooses a free port.")
    return GatewayAddress("http", "localhost", int(text) or _free_port())


def port_is_taken(port: int) -> bool:
    """Returns whether a program on this machine listens on the port."""
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class LocalMesh:
    """A mesh that this process starts and stops. Its output goes to `logs/demo.log` in its data directory."""

    def __init__(
        self,
        data_dir: Path,
        address: GatewayAddress,
        command: Sequence[str],
        settings: Mapping[str, str] | None = None,
    ) -> None:
        """`settings` are settings of the mesh, unless the environment has them."""
        self.address = address
        self._settings = dict(settings or {})
        self.log_path = data_dir / LOG_NAME
        self._command = list(command)
        self._child: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts the runner. Raises CliError if the gateway's port is in use."""
        if port_is_taken(self.address.port):
            raise CliError(
                f"Port {self.address.port} is in use, perhaps by a mesh that is already running.",
                ExitCode.CONFLICT,
                hint=f"Stop that program, or choose another port: API_PORT={self.address.port + 1000} arena demo",
            )
        try:
            self.log_path.parent.mkdir(parents=True, exist_ok=True)
            with self.log_path.open("wb") as log:
                self._child = subprocess.Popen(
                    self._command,
                    env={**self._settings, **os.environ, "API_PORT": str(self.address.port)},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    # Ctrl-C then reaches only this process, which stops the mesh in order.
                    start_new_session=True,
                    preexec_fn=_dies_with_parent(),
                )
        except OSError as error:
            raise CliError(f"Can't start the mesh: {error}.", hint="Check the data directory.") from error

    def wait_until_ready(
        self, seconds: float = READY_TIMEOUT_SECONDS, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        """Returns when every service is serving. Raises CliError with the end of the log if the mesh exits or takes too
        long."""
        end = time.monotonic() + seconds
        last = "it does not answer"
        with ArenaClient(self.address, None) as client:
            while time.monotonic() < end:
                if self._child is not None and self._child.poll() is not None:
                    raise self._failure(f"The mesh exited with code {self._child.returncode} before it was ready.")
                try:
                    client.health(timeout=2.0)
                except CliError as error:
                    last = error.message
                else:
                    return
                sleep(POLL_INTERVAL_SECONDS)
        raise self._failure(f"The mesh was not ready after {seconds:g} s: {last}")

    @property
    def started(self) -> bool:
        """Whether the mesh was started and not stopped since."""
        return self._child is not None

    def stop(self) -> bool:
        """Stops the mesh and all its processes. Returns whether all ended without being killed. Can be called at any
        time."""
        # A second Ctrl-C must not leave processes behind.
        with _ignoring_interrupts():
            child, self._child = self._child, None
            if child is None or child.poll() is not None:
                return True
            return _end(child)

    def _failure(self, message: str) -> CliError:
        lines = self.log_path.read_text(encoding="utf-8", errors="replace").splitlines()
        return CliError(
            message,
            ExitCode.UNAVAILABLE,
            details=lines[-MAX_LOG_LINES_SHOWN:],
            hint=f"The full output is in {self.log_path}",
        )


@contextmanager
def stopping_on_signals() -> Iterator[None]:
    """Makes SIGTERM and SIGHUP raise KeyboardInterrupt like Ctrl-C, so that `finally` blocks run."""

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
    """Ends a process and its descendants. Returns whether none had to be killed."""
    import psutil

    try:
        family = psutil.Process(child.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        family = []
    in_order = True
    child.terminate()
    try:
        child.wait(STOP_TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        in_order = False
        child.kill()
        child.wait()
    _, left = psutil.wait_procs([process for process in family if process.is_running()], timeout=ORPHAN_TIMEOUT_SECONDS)
    for process in left:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(left, timeout=ORPHAN_TIMEOUT_SECONDS)
    return in_order and not left


def _dies_with_parent() -> Callable[[], None] | None:
    """Returns a function that a child calls to get SIGTERM when this process is killed. None except on Linux."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl

    def set_death_signal() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGTERM)

    return set_death_signal


def exec_runner(data_dir: Path | None, ephemeral: bool) -> NoReturn:
    """Replaces this process by the runner, which then gets the signals and sets the exit code."""
    sys.stdout.flush()
    sys.stderr.flush()
    command = runner_command(data_dir, ephemeral)
    os.execv(command[0], command)  # noqa: S606 - no shell is wanted
