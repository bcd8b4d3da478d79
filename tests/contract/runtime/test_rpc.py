"""Identity, errors, deadlines and traces of RPCs, over real connections between two services."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import jwt
import psycopg
import pytest
import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import aio as health
from grpc_status import rpc_status
from prometheus_client import REGISTRY
from structlog.testing import capture_logs
from voicearena.experiments.v1 import experiment_pb2, experiment_service_pb2, experiment_service_pb2_grpc

from services.runtime import identity, interceptors, telemetry
from services.runtime.channels import DEFAULT_CALL_TIMEOUT_SECONDS, open_channel
from services.runtime.error_status import from_status
from services.runtime.errors import (
    ArenaError,
    Busy,
    CredentialsMissing,
    DeadlineExceeded,
    FieldViolation,
    InvalidInput,
    Unauthenticated,
    Unavailable,
)
from services.runtime.identity import IDENTITY_HEADER, TokenVerifier, current_caller, current_identity
from services.runtime.interceptors import GuardedServer
from services.runtime.open_streams import OpenStreams
from tests.contract.runtime.conftest import SOON

PRIVATE = Ed25519PrivateKey.generate()
GET = experiment_service_pb2.GetExperimentRequest(id="exp_a")
WATCH = experiment_service_pb2.WatchExperimentRequest(id="exp_a")
LIST_PATH = "/voicearena.experiments.v1.ExperimentService/ListExperiments"
Stub = experiment_service_pb2_grpc.ExperimentServiceStub
Act = Callable[[Any], Awaitable[str]]


def token(developer_id: str = "dev_a", scope: str = "experiments:read") -> str:
    issued = datetime.now(UTC)
    claims = {
        "iss": identity.ISSUER,
        "aud": identity.AUDIENCE,
        "sub": developer_id,
        "scope": scope,
        "iat": issued,
        # Some are made long before their test runs.
        "exp": issued + timedelta(hours=2),
    }
    return jwt.encode(claims, PRIVATE, algorithm=identity.ALGORITHM, headers={"kid": "sig_a"})


CREDENTIALS = ((IDENTITY_HEADER, token()),)


async def keys() -> Mapping[str, bytes]:
    return {"sig_a": PRIVATE.public_key().public_bytes_raw()}


async def no_faults(key_ids: Collection[str]) -> Mapping[str, str]:
    return {}


class Servicer(experiment_service_pb2_grpc.ExperimentServiceServicer):
    """A service whose RPCs call a function of the test, and return its result as the experiment's name."""

    def __init__(self) -> None:
        self.act: Act | None = None
        self.stream: Callable[[], AsyncIterator[str]] | None = None

    async def GetExperiment(self, request: Any, context: Any) -> experiment_pb2.Experiment:  # noqa: N802
        assert self.act is not None
        return experiment_pb2.Experiment(id=request.id, name=await self.act(context))

    async def ListExperiments(  # noqa: N802
        self, request: Any, context: Any
    ) -> experiment_service_pb2.ListExperimentsResponse:
        caller = current_caller()
        return experiment_service_pb2.ListExperimentsResponse(next_page_token=caller.token if caller else "nobody")

    async def WatchExperiment(  # noqa: N802
        self, request: Any, context: Any
    ) -> AsyncIterator[experiment_service_pb2.WatchExperimentResponse]:
        assert self.stream is not None
        async for name in self.stream():
            yield experiment_service_pb2.WatchExperimentResponse(experiment=experiment_pb2.Experiment(name=name))


class Service:
    """A guarded server, as every service has. ListExperiments is public."""

    def __init__(self) -> None:
        # The stubs call it abstract, but RPCs that are not overridden return UNIMPLEMENTED.
        self.servicer = Servicer()  # type: ignore[abstract]
        self.server = grpc.aio.server()
        guarded: Any = GuardedServer(self.server, TokenVerifier(keys), {LIST_PATH}, OpenStreams(no_faults))
        experiment_service_pb2_grpc.add_ExperimentServiceServicer_to_server(self.servicer, guarded)
        health_pb2_grpc.add_HealthServicer_to_server(health.HealthServicer(), self.server)
        self.address = f"127.0.0.1:{self.server.add_insecure_port('127.0.0.1:0')}"


@pytest.fixture
async def services() -> AsyncIterator[tuple[Service, Service]]:
    """Two services."""
    pair = Service(), Service()
    for service in pair:
        await service.server.start()
    yield pair
    for service in pair:
        await service.server.stop(0)


@pytest.fixture
def service(services: tuple[Service, Service]) -> Servicer:
    """The servicer of the first service."""
    return services[0].servicer


@pytest.fixture
async def stub(services: tuple[Service, Service]) -> AsyncIterator[Any]:
    """A stub of the first service with a plain channel."""
    async with grpc.aio.insecure_channel(services[0].address) as channel:
        yield Stub(channel)


@pytest.fixture
async def next_service(services: tuple[Service, Service]) -> AsyncIterator[Any]:
    """A stub of the second service with the channel that services use."""
    async with open_channel(services[1].address) as channel:
        yield Stub(channel)


async def error_of(call: Any) -> tuple[grpc.StatusCode, ArenaError | None, str]:
    """Returns the code, the error and the message of a failed call."""
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await call
    status = rpc_status.from_call(raised.value)  # type: ignore[arg-type]
    return raised.value.code(), from_status(status) if status else None, raised.value.details() or ""


def raising(error: Exception) -> Act:
    async def act(_: Any) -> str:
        raise error

    return act


async def test_each_call_has_the_identity_of_its_developer(service: Servicer, stub: Any) -> None:
    async def caller_id(_: Any) -> str:
        return current_identity().developer_id

    service.act = caller_id
    responses = await asyncio.gather(
        *(
            stub.GetExperiment(GET, metadata=((IDENTITY_HEADER, token(developer)),), timeout=SOON)
            for developer in ("dev_a", "dev_b", "dev_a")
        )
    )
    assert [response.name for response in responses] == ["dev_a", "dev_b", "dev_a"]


@pytest.mark.parametrize(
    ("metadata", "kind"),
    [((), CredentialsMissing), (((IDENTITY_HEADER, "made.up.token"),), Unauthenticated)],
    ids=["no token", "a bad token"],
)
async def test_a_call_without_a_valid_identity_is_refused(
    service: Servicer, stub: Any, metadata: tuple[tuple[str, str], ...], kind: type[ArenaError]
) -> None:
    service.act = raising(AssertionError("the call was allowed"))
    service.stream = raising(AssertionError("the call was allowed"))  # type: ignore[assignment]
    for call in (
        stub.GetExperiment(GET, metadata=metadata),
        anext(aiter(stub.WatchExperiment(WATCH, metadata=metadata))),
    ):
        code, error, _ = await error_of(call)
        assert (code, type(error)) == (grpc.StatusCode.UNAUTHENTICATED, kind)


async def test_a_public_call_needs_no_identity_but_uses_a_given_one(stub: Any) -> None:
    request = experiment_service_pb2.ListExperimentsRequest()
    assert (await stub.ListExperiments(request)).next_page_token == "nobody"
    assert (await stub.ListExperiments(request, metadata=CREDENTIALS)).next_page_token == CREDENTIALS[0][1]
    code, _, _ = await error_of(stub.ListExperiments(request, metadata=((IDENTITY_HEADER, "bad"),)))
    assert code is grpc.StatusCode.UNAUTHENTICATED


async def test_health_needs_no_identity(services: tuple[Service, Service]) -> None:
    async with grpc.aio.insecure_channel(services[0].address) as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        response = await stub.Check(health_pb2.HealthCheckRequest())
    assert response.status == health_pb2.HealthCheckResponse.SERVING


@pytest.mark.parametrize(
    ("raised", "code", "expected"),
    [
        (Busy("too many", limit="3"), grpc.StatusCode.RESOURCE_EXHAUSTED, Busy("too many", limit="3")),
        (
            InvalidInput.of(FieldViolation("name", "must be short")),
            grpc.StatusCode.INVALID_ARGUMENT,
            InvalidInput.of(FieldViolation("name", "must be short")),
        ),
        (TimeoutError(), grpc.StatusCode.DEADLINE_EXCEEDED, DeadlineExceeded("The call was not finished in time")),
        (
            psycopg.OperationalError("connection to 10.0.0.1 refused"),
            grpc.StatusCode.UNAVAILABLE,
            Unavailable("The database can't be reached. Try again."),
        ),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
@pytest.mark.parametrize("streaming", [False, True], ids=["unary", "stream"])
async def test_known_errors_are_returned(
    service: Servicer, stub: Any, raised: Exception, code: grpc.StatusCode, expected: ArenaError, streaming: bool
) -> None:
    async def stream() -> AsyncIterator[str]:
        yield "first"
        raise raised

    service.act, service.stream = raising(raised), stream
    if streaming:
        call = stub.WatchExperiment(WATCH, metadata=CREDENTIALS)
        assert (await call.read()).experiment.name == "first"
        ended = await error_of(call.read())
    else:
        ended = await error_of(stub.GetExperiment(GET, metadata=CREDENTIALS))
    assert ended[0] is code
    assert ended[1] is not None
    assert (type(ended[1]), ended[1].message, ended[1].metadata) == (
        type(expected),
        expected.message,
        expected.metadata,
    )
    assert getattr(ended[1], "violations", None) == getattr(expected, "violations", None)


async def test_an_unexpected_error_is_returned_with_an_id_that_is_logged(
    service: Servicer, stub: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.act = raising(KeyError("password=hunter2"))
    with capture_logs() as logs:
        monkeypatch.setattr(interceptors, "log", structlog.get_logger())
        code, error, message = await error_of(stub.GetExperiment(GET, metadata=CREDENTIALS))
    (entry,) = [line for line in logs if line["event"] == "an RPC failed unexpectedly"]
    assert (code, error) == (grpc.StatusCode.INTERNAL, None)
    assert message == f"Internal error. The service's log describes it under {entry['error_id']}."
    assert "hunter2" in str(entry["exc_info"])


async def test_an_error_of_the_next_service_is_passed_on(
    services: tuple[Service, Service], service: Servicer, stub: Any, next_service: Any
) -> None:
    async def ask(_: Any) -> str:
        return str((await next_service.GetExperiment(GET)).name)

    service.act = ask
    services[1].servicer.act = raising(Busy("too many"))
    code, error, message = await error_of(stub.GetExperiment(GET, metadata=CREDENTIALS))
    assert (code, type(error), message) == (grpc.StatusCode.RESOURCE_EXHAUSTED, Busy, "too many")
    services[1].servicer.act = raising(KeyError("hunter2"))
    code, error, message = await error_of(stub.GetExperiment(GET, metadata=CREDENTIALS))
    assert (code, error) == (grpc.StatusCode.INTERNAL, None)
    assert "hunter2" not in message


async def test_a_next_service_that_is_down_is_unavailable(
    services: tuple[Service, Service], service: Servicer, stub: Any, next_service: Any
) -> None:
    async def ask(_: Any) -> str:
        return str((await next_service.GetExperiment(GET)).name)

    service.act = ask
    await services[1].server.stop(0)
    code, error, message = await error_of(stub.GetExperiment(GET, metadata=CREDENTIALS))
    assert (code, type(error)) == (grpc.StatusCode.UNAVAILABLE, Unavailable)
    assert message == "Another service can't be reached"


@pytest.mark.parametrize(
    ("timeout", "longest"), [(2.0, 2.0), (60.0, DEFAULT_CALL_TIMEOUT_SECONDS), (None, DEFAULT_CALL_TIMEOUT_SECONDS)]
)
async def test_the_next_service_gets_the_remaining_time(
    services: tuple[Service, Service],
    service: Servicer,
    stub: Any,
    next_service: Any,
    timeout: float | None,
    longest: float,
) -> None:
    async def ask(_: Any) -> str:
        return str((await next_service.GetExperiment(GET)).name)

    async def time_left(context: Any) -> str:
        return str(context.time_remaining())

    service.act, services[1].servicer.act = ask, time_left
    left = float((await stub.GetExperiment(GET, metadata=CREDENTIALS, timeout=timeout)).name)
    # gRPC rounds times up.
    assert 0 < left < longest + 0.1


async def test_a_call_to_a_next_service_is_cancelled_at_its_timeout(
    services: tuple[Service, Service], service: Servicer, stub: Any, next_service: Any
) -> None:
    ended = asyncio.Event()

    async def ask(_: Any) -> str:
        return str((await next_service.GetExperiment(GET, timeout=0.2)).name)

    async def hang(_: Any) -> str:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return ""

    service.act, services[1].servicer.act = ask, hang
    code, error, _ = await error_of(stub.GetExperiment(GET, metadata=CREDENTIALS, timeout=SOON))
    assert (code, type(error)) == (grpc.StatusCode.DEADLINE_EXCEEDED, DeadlineExceeded)
    async with asyncio.timeout(SOON):
        await ended.wait()


async def test_identity_and_trace_are_passed_on(
    services: tuple[Service, Service], service: Servicer, stub: Any, next_service: Any
) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"

    async def ask(_: Any) -> str:
        return f"{telemetry.trace_id()} {(await next_service.GetExperiment(GET)).name}"

    async def received(_: Any) -> str:
        return f"{telemetry.trace_id()} {current_identity().developer_id}"

    service.act, services[1].servicer.act = ask, received
    metadata = (*CREDENTIALS, ("traceparent", f"00-{trace}-b7ad6b7169203331-01"))
    assert (await stub.GetExperiment(GET, metadata=metadata)).name == f"{trace} {trace} dev_a"


class Proxy:
    """Forwards bytes to and from an address until `cut`."""

    def __init__(self, address: str) -> None:
        self._host, _, self._port = address.rpartition(":")
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: list[asyncio.StreamWriter] = []

    async def __aenter__(self) -> "Proxy":
        self._server = await asyncio.start_server(self._connect, "127.0.0.1", 0)
        self.address = f"127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self.cut()

    async def _connect(self, near_reader: asyncio.StreamReader, near: asyncio.StreamWriter) -> None:
        far_reader, far = await asyncio.open_connection(self._host, int(self._port))
        self._writers += (near, far)
        for reader, writer in ((near_reader, far), (far_reader, near)):
            self._tasks.add(asyncio.create_task(self._forward(reader, writer)))

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)

    def cut(self) -> None:
        """Aborts all connections and accepts no more."""
        self._server.close()
        for task in self._tasks:
            task.cancel()
        for writer in self._writers:
            writer.transport.abort()


@pytest.mark.parametrize("how", ["cancelled", "abandoned", "disconnected"])
async def test_a_stream_s_handler_ends_when_its_client_leaves(
    services: tuple[Service, Service], service: Servicer, how: str
) -> None:
    ended = asyncio.Event()

    async def endless() -> AsyncIterator[str]:
        try:
            yield "first"
            await asyncio.Event().wait()
        finally:
            ended.set()

    service.stream = endless
    before = calls_of("WatchExperiment", "CANCELLED")
    async with Proxy(services[0].address) as proxy, asyncio.timeout(SOON):
        channel = grpc.aio.insecure_channel(proxy.address)
        call: Any = Stub(channel).WatchExperiment(WATCH, metadata=CREDENTIALS)
        assert (await call.read()).experiment.name == "first"
        if how == "cancelled":
            call.cancel()
        elif how == "abandoned":
            del call
        else:
            proxy.cut()
        await ended.wait()
        await channel.close()
    assert calls_of("WatchExperiment", "CANCELLED") == before + 1


def calls_of(rpc: str, code: str) -> float:
    labels = {"method": f"/voicearena.experiments.v1.ExperimentService/{rpc}", "code": code}
    return REGISTRY.get_sample_value("voicearena_rpc_seconds_count", labels) or 0


async def test_a_call_s_handler_ends_when_its_client_cancels(service: Servicer, stub: Any) -> None:
    started, ended = asyncio.Event(), asyncio.Event()

    async def hang(_: Any) -> str:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return ""

    service.act = hang
    call = stub.GetExperiment(GET, metadata=CREDENTIALS)
    waiting = asyncio.ensure_future(call)
    async with asyncio.timeout(SOON):
        await started.wait()
        before = calls_of("GetExperiment", "CANCELLED")
        call.cancel()
        await ended.wait()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert calls_of("GetExperiment", "CANCELLED") == before + 1
