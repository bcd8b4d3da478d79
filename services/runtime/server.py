"""The one way to run a service: resources, servicers, background work, health, and an orderly end."""

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
from services.runtime.http_bytes import Find, HttpBytes
from services.runtime.http_uploads import Take
from services.runtime.identity import MAX_CHECKED_KEYS, TokenVerifier
from services.runtime.interceptors import GuardedServer, open_channel
from services.runtime.open_streams import OpenStreams
from services.runtime.outside_text import first_line
from services.runtime.periodic import periodic
from services.runtime.process_servicer import ProcessServicer
from services.runtime.settings import ServiceSettings
from services.runtime.status import Reporter

log = structlog.get_logger()

CHECK_EVERY_SECONDS = 1.0
CHECK_TIMEOUT_SECONDS = 3.0
# How long auth may take to say which API keys are good.
KEY_CHECK_TIMEOUT_SECONDS = 1.0
MAX_REQUEST_BYTES = 4 * 1024 * 1024
# The gateway takes 32 kB of headers and adds its own; gRPC by default refuses what is above 8 to 16 kB.
MAX_METADATA_BYTES = 64 * 1024
LOST_STATUS = 70
"""With what a process ends that can't keep its background work going; its supervisor starts it again."""


class Resource(Protocol):
    """Something that is open while the service runs: registered once, with its ping and its close."""

    async def ping(self) -> None:
        """Raises if it can't be used now."""

    async def close(self) -> None:
        """Lets go of it."""


@runtime_checkable
class Drains(Protocol):
    """A resource that takes work in. At the end it takes no more, and finishes or hands back what it has in hand."""

    async def drain(self, seconds: float) -> None:
        """Takes nothing more and lets go of what it has, within this time or shortly after."""


R = TypeVar("R", bound=Resource)


class Service:
    """A process of the mesh. Use as `async with`; `run` serves until SIGTERM or SIGINT."""

    def __init__(self, name: str, settings: ServiceSettings, verifier: TokenVerifier | None = None) -> None:
        self.name = name
        self.failing: Mapping[str, Exception] = {}
        """The checks that failed when they were last made."""
        self.serving = False
        """Whether it takes calls: what its health says."""
        self._health_told: bool | None = None
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
                # Two processes on one port would share its calls by chance.
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
            except Exception as failure:  # noqa: BLE001 - the others have to be closed all the same
                log.warning("a resource could not be closed", resource=type(resource).__name__, error=str(failure))

    async def enter(self, name: str, resource: R | Awaitable[R], *, needed: bool = True) -> R:
        """Takes a resource, which may have to be opened first. It is closed at the end, the last one first.

        It is pinged for health if the service can't serve without it.
        """
        opened = await resource if isinstance(resource, Awaitable) else resource
        self._open.append(opened)
        if needed:
            self._checks[name] = opened.ping
        return opened

    def channel(self, address: str) -> grpc.aio.Channel:
        """Returns a channel to another service, closed at the end."""
        channel = open_channel(address)
        self._open.append(channel)
        return channel

    def add_servicer(self, add: Callable[[Any, Any], None], servicer: Any, *, listed: bool = True) -> None:
        """Serves a gRPC service, which reflection lists if `listed`. Its RPCs that are public need no identity."""
        guarded = GuardedServer(self._server, self._verifier, (), self._streams)
        add(servicer, guarded)
        if listed:
            self._names += guarded.services

    async def _key_faults(self, key_ids: Collection[str]) -> Mapping[str, str]:
        """Asks auth which API keys are not good any more, and why."""
        if self._auth is None:
            self._auth = auth_service_pb2_grpc.AuthServiceStub(self.channel(self._settings.auth_address))
        faults: dict[str, str] = {}
        ids = list(key_ids)
        for start in range(0, len(ids), MAX_CHECKED_KEYS):
            request = auth_service_pb2.CheckApiKeysRequest(ids=ids[start : start + MAX_CHECKED_KEYS])
            answer = await self._auth.CheckApiKeys(request, timeout=KEY_CHECK_TIMEOUT_SECONDS)
            faults |= {fault.id: fault.reason for fault in answer.faults}
        return faults

    def add_unlisted(self, add: Callable[[Any, grpc.aio.Server], None], servicer: Any) -> None:
        """Serves what is for the gateway alone and not part of the API, unguarded."""
        add(servicer, self._server)

    def serve_bytes(self, address: str, method: MethodDescriptor, find: Find) -> None:
        """Serves an RPC that streams stored bytes over plain HTTP too, at an address. `find` judges who may call."""
        self._http.add(address, method, find)

    def take_uploads(self, address: str, method: MethodDescriptor, take: Take) -> None:
        """Takes uploads over plain HTTP at the path of an RPC's JSON route. `take` returns the RPC's response."""
        self._http.add_uploads(address, method, take)

    def reflect(self, *names: str) -> None:
        """Lists further services in this process's reflection."""
        self._names.extend(name for name in names if name not in self._names)

    def health_check(self, name: str, check: Callable[[], Awaitable[None]]) -> None:
        """Adds a condition of being SERVING: a coroutine that raises while it does not hold."""
        self._checks[name] = check

    def report(self, reporter: Reporter) -> None:
        """Adds to what this process tells of its status."""
        self._reporters.append(reporter)

    def background(self, name: str, work: Work, check: Callable[[], Awaitable[None]] | None = None) -> None:
        """Adds work that goes on while the service runs; however it ends it is begun again, later each time.

        `check` raises while the work does not do what it is for, which is then a fault of the service's health.
        """
        self._background.add(name, work)
        if check is not None:
            self._checks[name] = check

    async def run(self) -> None:
        """Serves until SIGTERM or SIGINT, then lets the calls and events in hand end.

        SystemExit if background work can't be kept going.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopping.set)
        reflection.enable_server_reflection(self._names, self._server)
        self._server.add_insecure_port(self._settings.grpc_address)
        await self._server.start()
        await self._http.start(self._settings.drain_seconds)
        self._background.add("health", lambda: periodic(self._check_health, self._seconds_between_checks))
        self._background.start()
        log.info("listening", address=self._settings.grpc_address)
        await self._stopping.wait()
        log.info("stopping")
        self.serving = False
        await self._health.enter_graceful_shutdown()
        drains = [each.drain(self._settings.drain_seconds) for each in self._open if isinstance(each, Drains)]
        await asyncio.gather(self._server.stop(self._settings.drain_seconds), self._http.stop(), *drains)
        # Background work, the outbox for one, goes on until what was in hand is done.
        await self._background.end()
        if self._lost:
            raise SystemExit(LOST_STATUS)

    def _end_for(self, work: str) -> None:
        """Ends the process, since it can't do all that it is for any more."""
        self._lost = work
        self._stopping.set()
        log.error("the process ends, since background work was lost", work=work)

    async def _check_health(self) -> None:
        self.failing = await self._failing()
        # One that stops is not serving, whatever it still could do.
        self.serving = not self.failing and not self._stopping.is_set()
        if self._health_told is self.serving:
            return
        self._health_told = self.serving
        status = "SERVING" if self.serving else "NOT_SERVING"
        faults = {name: first_line(error) for name, error in self.failing.items()}
        log.log(20 if self.serving else 30, "health", status=status, **faults)
        for name in ("", self.name):
            await self._health.set(name, health_pb2.HealthCheckResponse.ServingStatus.Value(status))

    def _seconds_between_checks(self) -> float:
        return CHECK_EVERY_SECONDS if self.serving else CHECK_EVERY_SECONDS / 10

    async def _failing(self) -> Mapping[str, Exception]:
        """Makes all checks; returns what keeps the service from serving: each check that fails, and why."""
        found: dict[str, Exception] = dict(self._background.failing())
        for name, check in self._checks.items():
            try:
                async with asyncio.timeout(CHECK_TIMEOUT_SECONDS):
                    await check()
            except Exception as error:  # noqa: BLE001 - whatever it is, it is reported as the reason
                found[name] = error
        return found


async def signing_keys(auth_address: str) -> Mapping[str, bytes]:
    """Asks auth for the public keys, by id, that verify identity tokens. ConnectionError if it does not answer."""
    async with open_channel(auth_address) as channel:
        stub = auth_service_pb2_grpc.AuthServiceStub(channel)
        try:
            answer = await stub.ListSigningKeys(auth_service_pb2.ListSigningKeysRequest())
        except grpc.aio.AioRpcError as error:
            raise ConnectionError(error.details()) from error
    return {key.id: key.public_key for key in answer.keys}
