"""The whole mesh on one machine: embedded PostgreSQL and NATS, the five services, and Envoy in front.

async with Mesh(load_settings(ephemeral=True, api_port=0)) as mesh:
    ...  # mesh.api_url answers
"""

import asyncio
import json
import signal
import sys
from collections.abc import Mapping, Sequence
from types import TracebackType

from deploy.local import envoy
from deploy.local.data_dir import DataDir
from deploy.local.environment import base_environment
from deploy.local.errors import MeshError
from deploy.local.first_developer import first_api_key
from deploy.local.monitor import Monitor
from deploy.local.nats import Nats
from deploy.local.page import has_page
from deploy.local.ports import choose_ports
from deploy.local.postgres import Postgres
from deploy.local.process import Command, PrintLine, Process, ignoring_errors
from deploy.local.readiness import wait_healthy
from deploy.local.services import SERVICES, ServiceProcess, command, endpoints, http_endpoints, with_workers
from deploy.local.settings import LocalSettings, inherited_environment
from gateway.config import ExtraRoute
from gateway.connection_pressure import ConnectionPressure

DEFAULT_WAIT_SECONDS = 60.0


class Mesh:
    """A mesh that runs while the context is open.

    Open it in the main thread: on Linux the children end with the thread that started them.
    """

    def __init__(
        self,
        settings: LocalSettings,
        *,
        services: Sequence[ServiceProcess] = SERVICES,
        service_env: Mapping[str, Mapping[str, str]] | None = None,
        extra_routes: Sequence[ExtraRoute] = (),
        print_line: PrintLine = lambda line: print(line, file=sys.stderr, flush=True),
    ) -> None:
        """`service_env` overrides the environment of a service or of one of its workers, by name.

        `print_line` is called with one line for each event.
        """
        self.settings = settings
        self.processes: dict[str, Process] = {}
        """Every child process by name: postgres, nats, envoy and the services."""
        self.endpoints: dict[str, str] = {}
        """The address of each service and each further worker: `host:port` by name."""
        self.ports: dict[str, int] = {}
        """The port of each port setting."""
        self.ready = False
        """Whether all services have been serving at the same time."""
        self.data_dir: DataDir
        self._postgres: Postgres | None = None
        self._nats: Nats | None = None
        self._pressure: ConnectionPressure | None = None
        self._services = with_workers(services, settings.workers)
        self._service_env = service_env or {}
        self._extra_routes = extra_routes
        self._print_line = ignoring_errors(print_line)
        self._starts_before: dict[str, int] = {}
        self._monitoring: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "Mesh":
        """Starts everything and waits until every service is serving. Raises MeshError if that fails."""
        self.data_dir = DataDir(None if self.settings.ephemeral else self.settings.arena_data_dir)
        try:
            await self._start()
        except OSError as error:
            await self._stop()
            raise MeshError(f"the mesh can't be started: {error}") from None
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stops services, Envoy, NATS and PostgreSQL, in this order."""
        await self._stop()

    @property
    def api_url(self) -> str:
        """The URL of the API for JSON. Without `http://` it is the address for gRPC."""
        host = "localhost" if self.settings.api_host in ("127.0.0.1", "0.0.0.0") else self.settings.api_host  # noqa: S104
        return f"http://{host}:{self.ports['api_port']}"

    @property
    def public_url(self) -> str:
        """Where people reach the gateway."""
        return self.settings.public_url or self.api_url

    @property
    def page_url(self) -> str | None:
        """The URL of the page, None if it is not built or switched off."""
        return f"{self.api_url}/" if has_page(self.data_dir) else None

    async def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> None:
        """Sends a signal to a process. `wait_restarted` waits until the process is started again.

        It is not a failure of the process: the delay before it is started again does not grow with it.
        """
        process = self.processes[name]
        self._starts_before[name] = process.starts
        process.interrupt(number)

    async def wait_restarted(self, name: str, seconds: float = DEFAULT_WAIT_SECONDS) -> None:
        """Waits until a killed process has been started again. It may not be serving yet."""
        async with asyncio.timeout(seconds):
            await self.processes[name].wait_started(self._starts_before[name] + 1)

    async def wait_serving(self, seconds: float = DEFAULT_WAIT_SECONDS) -> None:
        """Waits until every service is serving. Raises MeshError if that takes too long."""
        await wait_healthy(self.api_url, self.processes, self.data_dir, seconds)

    async def stop(self, name: str) -> None:
        """Stops a process. It stays stopped until `start`."""
        await self.processes[name].stop()

    async def start(self, name: str) -> None:
        """Starts a stopped process. Waits until PostgreSQL or NATS accepts connections."""
        process = self.processes[name]
        await process.start()
        await self._wait_ready(name, process)

    async def wipe_nats(self) -> None:
        """Stops the embedded NATS, deletes all of its stored data, and starts it again."""
        if self._nats is None:
            raise MeshError("NATS_URL is set, so this mesh has no NATS of its own")
        await self.stop("nats")
        self._nats.delete_stored()
        await self.start("nats")

    async def first_api_key(self) -> str | None:
        """Returns the API key of the first developer; see first_developer."""
        return await first_api_key(self.api_url, self.data_dir)

    async def _start(self) -> None:
        settings = self.settings
        external = {"postgres_port": settings.database_url, "nats_port": settings.nats_url}
        self.ports = choose_ports(
            settings,
            frozenset(name for name, url in external.items() if url),
            [name for s in self._services if s.worker_of for name in s.port_settings],
        )
        self.endpoints = endpoints(self._services, self.ports)
        everything = inherited_environment()
        environment = base_environment(everything)
        if not settings.database_url:
            self._postgres = Postgres(self.data_dir, self.ports["postgres_port"], environment)
        if not settings.nats_url:
            self._nats = Nats(self.data_dir, self.ports["nats_port"], environment)
        workers: dict[str, list[str]] = {}
        audio = http_endpoints(self._services, self.ports)
        for service in self._services:
            workers.setdefault(service.kind, []).append(self.endpoints[service.name])
            if service.name in audio:
                workers.setdefault(f"{service.kind}_http", []).append(audio[service.name])
        self._pressure = ConnectionPressure(self.data_dir.path / "run" / "connection_pressure")
        await self._pressure.open()
        gateway = envoy.command(
            settings,
            self.ports,
            workers,
            self.data_dir,
            environment,
            self._pressure,
            self.public_url,
            self._extra_routes,
        )
        shared = {**everything, **self._shared(everything)}
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._launch(gateway))
                if self._nats:
                    group.create_task(self._launch(self._nats.command()))
                if self._postgres:
                    group.create_task(self._launch_postgres(self._postgres))
                # They load their code meanwhile, and then wait for PostgreSQL and NATS.
                for service in self._services:
                    extra = {**self._service_env.get(service.kind, {}), **self._service_env.get(service.name, {})}
                    group.create_task(self._launch(command(service, self.ports, shared, extra)))
        except* MeshError as errors:
            raise errors.exceptions[0] from None
        except* OSError as errors:
            raise MeshError(f"the mesh can't be started: {errors.exceptions[0]}") from None
        self._monitoring = asyncio.create_task(
            Monitor(self.data_dir, self.processes, self._nats, self._print_line).run(), name="monitor"
        )
        await self.wait_serving(settings.ready_seconds)
        self.ready = True

    def _shared(self, environment: Mapping[str, str]) -> dict[str, str]:
        settings = self.settings
        return {
            "ARENA_DATA_DIR": str(self.data_dir.path),
            "DATABASE_URL": self.database_url,
            "NATS_URL": self.nats_url,
            "AUDIO_STORAGE_PATH": settings.audio_storage_path or str(self.data_dir.path / "audio"),
            "AUDIO_URL_SECRET": environment.get("AUDIO_URL_SECRET") or self.data_dir.secret("audio_url_secret"),
            "PUBLIC_URL": self.public_url,
            # Well below stop_seconds, after which a service that does not stop is killed.
            "DRAIN_SECONDS": environment.get("DRAIN_SECONDS") or str(settings.stop_seconds / 3),
            # Nobody else can add models and scenarios while only this machine reaches the gateway.
            "PUBLIC_APPROVAL": environment.get("PUBLIC_APPROVAL") or str(settings.reachable_by_others).lower(),
            # Webhooks are never sent to these addresses.
            "MESH_ADDRESSES": ",".join(f"127.0.0.1:{port}" for port in self.ports.values()),
            **{f"{s.name.upper()}_ADDRESS": self.endpoints[s.name] for s in self._services if not s.worker_of},
            # Health and status include all of them.
            "FURTHER_WORKERS": json.dumps({s.name: self.endpoints[s.name] for s in self._services if s.worker_of}),
        }

    @property
    def database_url(self) -> str:
        """The URL of PostgreSQL."""
        if self._postgres:
            return self._postgres.url
        assert self.settings.database_url
        return self.settings.database_url.get_secret_value()

    @property
    def nats_url(self) -> str:
        """The URL of NATS."""
        if self._nats:
            return self._nats.url
        assert self.settings.nats_url
        return self.settings.nats_url

    async def _launch(self, command: Command) -> None:
        process = Process(command, self.data_dir, self._print_line, self.settings.stop_seconds)
        self.processes[command.name] = process
        await process.start()
        await self._wait_ready(command.name, process)

    async def _launch_postgres(self, postgres: Postgres) -> None:
        await postgres.prepare()
        await self._launch(postgres.command())

    async def _wait_ready(self, name: str, process: Process) -> None:
        try:
            if name == "postgres" and self._postgres:
                await self._postgres.wait_ready(process)
            if name == "nats" and self._nats:
                await self._nats.wait_ready(process)
        except (MeshError, TimeoutError) as error:
            problem = str(error) or f"{name} did not accept connections in time"
            raise MeshError(f"{problem}; the end of its log:\n{self.data_dir.tail(name)}") from None

    async def _stop(self) -> None:
        """Stops all processes that were started, each before the processes that it uses."""
        if self._monitoring is not None:
            self._monitoring.cancel()
            await asyncio.wait([self._monitoring])
        base = ("envoy", "nats", "postgres")
        await asyncio.gather(*(p.stop() for name, p in self.processes.items() if name not in base))
        for name in base:
            if name in self.processes:
                await self.processes[name].stop()
        if self._pressure:
            self._pressure.close()
        self.data_dir.release()
