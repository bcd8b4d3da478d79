"""Runs a service: opens resources, serves RPCs, runs background work, reports health, and stops in order."""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Collection, Mapping
from functools import partial
from types import TracebackType
from typing import Any, Protocol, TypeVar, runtime_checkable

import grpc
import structlog
from google.protobuf.descriptor import MethodDescriptor
from grpc_health.v1 import health as health_service
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import aio as health
from grpc_reflection.v1alpha import reflection
from voicearena.auth.v1 import auth_service_pb2, auth_service_pb2_grpc
from voicearena.mesh.v1 import process_service_pb2_grpc

from services.runtime import disk, telemetry
from services.runtime.background import Background, Work
from services.runtime.channels import open_channel
from services.runtime.http_bytes import Find, HttpBytes
from services.runtime.http_uploads import Take
from services.runtime.identity import MAX_CHECKED_KEYS, TokenVerifier
from services.runtime.interceptors import GuardedServer
from services.runtime.open_streams import OpenStreams
from services.runtime.outside_text import first_line
from services.runtime.periodic import periodic
from services.runtime.process_servicer import ProcessServicer
from services.runtime.settings import ServiceSettings
from services.runtime.status import Reporter

log = structlog.get_logger()

CHECK_INTERVAL_SECONDS = 1.0
CHECK_TIMEOUT_SECONDS = 3.0
# For one call to auth's CheckApiKeys.
KEY_CHECK_TIMEOUT_SECONDS = 1.0
MAX_REQUEST_BYTES = 4 * 1024 * 1024
# The gateway accepts 32 kB of headers and adds its own. gRPC's default limit is 8 to 16 kB.
MAX_METADATA_BYTES = 64 * 1024
LOST_WORK_EXIT_STATUS = 70
"""The exit status of a process that can't restart its background work. Its supervisor starts the process again."""


class Resource(Protocol):
    """Something that the service opens when it starts and closes when it stops."""

    async def ping(self) -> None:
        """Raises if the resource can't be used now."""

    async def close(self) -> None:
        """Closes the resource."""


@runtime_checkable
class Drainable(Protocol):
    """A resource that takes in work. Before it is closed, it finishes its work or hands it back."""

    async def drain(self, seconds: float) -> None:
        """Takes no more work. Finishes the work in progress within `seconds`, or hands it back shortly after."""


R = TypeVar("R", bound=Resource)


class Service:
    """One process of a service. Use it as `async with`; `run` serves until SIGTERM or SIGINT."""

    def __init__(self, name: str, settings: ServiceSettings, verifier: TokenVerifier | None = None) -> None:
        self.name = name
        self.failing: Mapping[str, Exception] = {}
        """The health checks that failed in the last round, by name."""
        self.serving = False
        """Whether the process takes calls, as its health says."""
        self._reported_serving: bool | None = None
        self._reporters: list[Reporter] = []
        self._settings = settings
        self._open: list[Resource | grpc.aio.Channel] = []
        self._checks: dict[str, Callable[[], Awaitable[None]]] = {}
        self._stopping = asyncio.Event()
        self._lost = ""
        self._background = Background(self._end_for)
        self._names: list[str] = [reflection.SERVICE_NAME, health_service.SERVICE_NAME]
        self._verifier = verifier or TokenVerifier(partial(signing_keys, settings.auth_address))
        self._streams = OpenStreams(self._key_faults)
        self._auth: auth_service_pb2_grpc.AuthServiceAsyncStub | None = None
        self._http = HttpBytes(self._verifier, self._streams)
        self._health = health.HealthServicer()
        self._server = grpc.aio.server(
            options=[
                ("grpc.max_receive_message_length", MAX_REQUEST_BYTES),
                ("grpc.max_metadata_size", MAX_METADATA_BYTES),
                ("grpc.absolute_max_metadata_size", MAX_METADATA_BYTES),
                # Without this, two processes on one port would share its calls at random.
                ("grpc.so_reuseport", 0),
            ],
        )

    async def __aenter__(self) -> "Service":
        disk.watch(self._settings.arena_data_dir)
        telemetry.start(self.name, self._settings.log_level, self._settings.metrics_address)
        telemetry.SERVING.set_function(lambda: self.serving)
        await self._health.set("", health_pb2.HealthCheckResponse.NOT_SERVING)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        self.add_servicer(
            process_service_pb2_grpc.add_ProcessServiceServicer_to_server,
            ProcessServicer(self, self._reporters),
            listed=False,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for resource in reversed(self._open):
            try:
                await resource.close()
            except Exception as failure:  # noqa: BLE001 - the other resources must be closed too
                log.warning("a resource could not be closed", resource=type(resource).__name__, error=str(failure))

    async def enter(self, name: str, resource: R | Awaitable[R], *, needed: bool = True) -> R:
        """Opens a resource and returns it. Resources are closed when the service stops, the last one first.

        If the service can't serve without it (`needed`), pinging it becomes a health check.
        """
        opened = await resource if isinstance(resource, Awaitable) else resource
        self._open.append(opened)
        if needed:
            self._checks[name] = opened.ping
        return opened

    def channel(self, address: str) -> grpc.aio.Channel:
        """Returns a channel to another service. It is closed when the service stops."""
        channel = open_channel(address)
        self._open.append(channel)
        return channel

    def add_servicer(self, add: Callable[[Any, Any], None], servicer: Any, *, listed: bool = True) -> None:
        """Serves a gRPC service. RPCs that are not public need an identity. Reflection lists it if `listed`."""
        guarded = GuardedServer(self._server, self._verifier, (), self._streams)
        add(servicer, guarded)
        if listed:
            self._names += guarded.services

    async def _key_faults(self, key_ids: Collection[str]) -> Mapping[str, str]:
        """Asks auth which API keys are no longer valid. Returns the reason by key id."""
        if self._auth is None:
            self._auth = auth_service_pb2_grpc.AuthServiceStub(self.channel(self._settings.auth_address))
        faults: dict[str, str] = {}
        ids = list(key_ids)
        for start in range(0, len(ids), MAX_CHECKED_KEYS):
            request = auth_service_pb2.CheckApiKeysRequest(ids=ids[start : start + MAX_CHECKED_KEYS])
            response = await self._auth.CheckApiKeys(request, timeout=KEY_CHECK_TIMEOUT_SECONDS)
            faults |= {fault.id: fault.reason for fault in response.faults}
        return faults

    def add_unlisted(self, add: Callable[[Any, grpc.aio.Server], None], servicer: Any) -> None:
        """Serves a gRPC service that only the gateway calls. It needs no identity and is not listed."""
        add(servicer, self._server)

    def serve_bytes(self, address: str, method: MethodDescriptor, find: Find) -> None:
        """Also serves an RPC that streams stored bytes over plain HTTP. `find` decides who may call it."""
        self._http.add(address, method, find)

    def take_uploads(self, address: str, method: MethodDescriptor, take: Take) -> None:
        """Takes uploads over plain HTTP at the path of an RPC's JSON route. `take` returns the RPC's response."""
        self._http.add_uploads(address, method, take)

    def reflect(self, *names: str) -> None:
        """Adds gRPC services to the list of this process's reflection."""
        self._names.extend(name for name in names if name not in self._names)

    def health_check(self, name: str, check: Callable[[], Awaitable[None]]) -> None:
        """Adds a health check. The process is not SERVING while `check` raises."""
        self._checks[name] = check

    def report(self, reporter: Reporter) -> None:
        """Adds a function that adds its part to this process's status."""
        self._reporters.append(reporter)

    def background(self, name: str, work: Work, check: Callable[[], Awaitable[None]] | None = None) -> None:
        """Adds work that runs as long as the service. If it ends or fails it is restarted, after a growing delay.

        The health check `check` raises while the work does not achieve its purpose.
        """
        self._background.add(name, work)
        if check is not None:
            self._checks[name] = check

    async def run(self) -> None:
        """Serves until SIGTERM or SIGINT, then waits for the calls and events in progress.

        Raises SystemExit if background work can't be restarted.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopping.set)
        reflection.enable_server_reflection(self._names, self._server)
        self._server.add_insecure_port(self._settings.grpc_address)
        await self._server.start()
        await self._http.start(self._settings.drain_seconds)
        self._background.add("health", lambda: periodic(self._check_health, self._check_interval_seconds))
        self._background.start()
        log.info("listening", address=self._settings.grpc_address)
        await self._stopping.wait()
        log.info("stopping")
        self.serving = False
        await self._health.enter_graceful_shutdown()
        drains = [each.drain(self._settings.drain_seconds) for each in self._open if isinstance(each, Drainable)]
        await asyncio.gather(self._server.stop(self._settings.drain_seconds), self._http.stop(), *drains)
        # Background work ends last: the outbox, for example, publishes the events of those calls.
        await self._background.end()
        if self._lost:
            raise SystemExit(LOST_WORK_EXIT_STATUS)

    def _end_for(self, work: str) -> None:
        """Ends the process because some background work is lost."""
        self._lost = work
        self._stopping.set()
        log.error("the process ends because background work was lost", work=work)

    async def _check_health(self) -> None:
        self.failing = await self._failing()
        self.serving = not self.failing and not self._stopping.is_set()
        if self._reported_serving is self.serving:
            return
        self._reported_serving = self.serving
        status = "SERVING" if self.serving else "NOT_SERVING"
        faults = {name: first_line(error) for name, error in self.failing.items()}
        log.log(20 if self.serving else 30, "health", status=status, **faults)
        for name in ("", self.name):
            await self._health.set(name, health_pb2.HealthCheckResponse.ServingStatus.Value(status))

    def _check_interval_seconds(self) -> float:
        return CHECK_INTERVAL_SECONDS if self.serving else CHECK_INTERVAL_SECONDS / 10

    async def _failing(self) -> Mapping[str, Exception]:
        """Runs all health checks. Returns those that fail, by name, with what each raised."""
        found: dict[str, Exception] = dict(self._background.failing())
        for name, check in self._checks.items():
            try:
                async with asyncio.timeout(CHECK_TIMEOUT_SECONDS):
                    await check()
            except Exception as error:  # noqa: BLE001 - any error is reported as the reason
                found[name] = error
        return found


async def signing_keys(auth_address: str) -> Mapping[str, bytes]:
    """Returns auth's public keys for identity tokens, by id. Raises ConnectionError if auth does not respond."""
    async with open_channel(auth_address) as channel:
        stub = auth_service_pb2_grpc.AuthServiceStub(channel)
        try:
            response = await stub.ListSigningKeys(auth_service_pb2.ListSigningKeysRequest())
        except grpc.aio.AioRpcError as error:
            raise ConnectionError(error.details()) from error
    return {key.id: key.public_key for key in response.keys}
