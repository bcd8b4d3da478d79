"""Streams end when their API key becomes invalid, whatever they are waiting for."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message
from google.rpc import status_pb2
from grpc_status import rpc_status
from voicearena.experiments.v1 import experiment_pb2, experiment_service_pb2, experiment_service_pb2_grpc

from services.runtime import open_streams
from services.runtime.error_status import from_status
from services.runtime.errors import Unauthenticated
from services.runtime.identity import Caller, Identity, TokenVerifier, Voter
from services.runtime.interceptors import GuardedServer
from services.runtime.open_streams import OpenStreams, failure_message
from tests.contract.runtime.conftest import SOON

WATCH = experiment_service_pb2.WatchExperimentRequest(id="exp_a")
WATCH_PATH = "/voicearena.experiments.v1.ExperimentService/WatchExperiment"
WatchResponse = experiment_service_pb2.WatchExperimentResponse
Behaviour = Callable[[], AsyncIterator[str]]
REVOKED = "The API key was revoked"


class Verifier(TokenVerifier):
    """Uses the id of a key as its token. A token that begins with `usr_` is a voter's."""

    def __init__(self) -> None:
        pass

    def known(self, token: str) -> Caller | None:
        if token.startswith("usr_"):
            return Caller(None, token, Voter(token))
        return Caller(Identity("dev_a", frozenset({"experiments:read"}), token), token) if token else None


class Service(experiment_service_pb2_grpc.ExperimentServiceServicer):
    """A service with one stream, and a fake of auth's check of keys."""

    def __init__(self) -> None:
        self.behave: Behaviour = forever
        self.faults: dict[str, str] = {}
        self.checks: list[set[str]] = []
        self.was_checked = asyncio.Event()
        self.auth_responds = True
        self.ended = asyncio.Event()
        self.streams = OpenStreams(self.check)

    async def check(self, key_ids: Collection[str]) -> Mapping[str, str]:
        self.checks.append(set(key_ids))
        self.was_checked.set()
        if not self.auth_responds:
            raise ConnectionError("auth is down")
        return {key_id: fault for key_id, fault in self.faults.items() if key_id in key_ids}

    async def WatchExperiment(self, request: Any, context: Any) -> AsyncIterator[WatchResponse]:  # noqa: N802
        try:
            async for name in self.behave():
                yield WatchResponse(experiment=experiment_pb2.Experiment(name=name))
        finally:
            self.ended.set()

    async def next_check(self) -> None:
        self.was_checked.clear()
        await self.was_checked.wait()


async def forever() -> AsyncIterator[str]:
    yield "first"
    await asyncio.Event().wait()


async def all_the_time() -> AsyncIterator[str]:
    while True:
        yield "again"
        await asyncio.sleep(0.001)


async def more_than_a_client_buffers() -> AsyncIterator[str]:
    while True:
        yield "x" * 1_000_000


@pytest.fixture(autouse=True)
def _short_delays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_streams, "CHECK_INTERVAL_SECONDS", 0.02)
    monkeypatch.setattr(open_streams, "MAX_WRITE_SECONDS", 0.05)


@pytest.fixture
def service() -> Service:
    return Service()  # type: ignore[abstract]


@pytest.fixture
async def watch(service: Service) -> AsyncIterator[Callable[[str], Any]]:
    """Returns a function that opens a stream with a key."""
    server = grpc.aio.server()
    guarded: Any = GuardedServer(server, Verifier(), {WATCH_PATH}, service.streams)
    experiment_service_pb2_grpc.add_ExperimentServiceServicer_to_server(service, guarded)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel, asyncio.timeout(SOON):
        stub: Any = experiment_service_pb2_grpc.ExperimentServiceStub(channel)
        yield lambda key_id: stub.WatchExperiment(WATCH, metadata=[("x-voicearena-identity", key_id)])
    await server.stop(0)


async def read_all(call: Any) -> None:
    while await call.read() is not grpc.aio.EOF:
        pass


async def ended_with(call: Any) -> Exception | None:
    """Reads a stream that must end with an error. Returns the error."""
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await read_all(call)
    status = rpc_status.from_call(raised.value)  # type: ignore[arg-type]
    return from_status(status) if status else None


@pytest.mark.parametrize("behave", [forever, all_the_time])
async def test_a_stream_ends_with_the_reason_when_its_key_becomes_invalid(
    behave: Behaviour, service: Service, watch: Callable[[str], Any]
) -> None:
    service.behave = behave
    call = watch("key_a")
    assert (await call.read()).experiment.name
    service.faults["key_a"] = REVOKED
    error = await ended_with(call)
    assert isinstance(error, Unauthenticated)
    assert error.message == REVOKED
    assert service.ended.is_set()


async def test_a_stream_whose_client_does_not_read_ends_too(service: Service, watch: Callable[[str], Any]) -> None:
    service.behave = more_than_a_client_buffers
    call = watch("key_a")
    await call.read()
    await service.next_check()
    service.faults["key_a"] = REVOKED
    await service.ended.wait()
    call.cancel()


async def test_streams_of_other_keys_continue(service: Service, watch: Callable[[str], Any]) -> None:
    kept, ended = watch("key_b"), watch("key_a")
    await kept.read()
    await ended.read()
    service.faults["key_a"] = REVOKED
    await ended_with(ended)
    await service.next_check()
    assert not kept.done()
    assert service.checks[-1] == {"key_b"}
    kept.cancel()


async def test_no_keys_are_checked_while_no_stream_has_a_key(service: Service, watch: Callable[[str], Any]) -> None:
    of_a_voter, without_identity = watch("usr_a"), watch("")
    await of_a_voter.read()
    await without_identity.read()
    assert service.streams._checking is None
    call = watch("key_a")
    await call.read()
    await service.next_check()
    checking = service.streams._checking
    assert checking is not None
    call.cancel()
    await checking
    assert service.streams._streams == {}
    assert all(checked == {"key_a"} for checked in service.checks)
    of_a_voter.cancel()
    without_identity.cancel()


async def test_streams_continue_while_auth_is_down(service: Service, watch: Callable[[str], Any]) -> None:
    call = watch("key_a")
    await call.read()
    service.auth_responds = False
    service.faults["key_a"] = REVOKED
    await service.next_check()
    await service.next_check()
    assert not call.done()
    service.auth_responds = True
    assert isinstance(await ended_with(call), Unauthenticated)


async def test_a_stream_is_cancelled_when_its_client_leaves(service: Service, watch: Callable[[str], Any]) -> None:
    call = watch("key_a")
    await call.read()
    call.cancel()
    await service.ended.wait()


def test_a_stream_with_a_failed_kind_can_send_its_error() -> None:
    status = status_pb2.Status(code=16, message=REVOKED)
    assert failure_message(WatchResponse(kind=WatchResponse.state), status) == WatchResponse(
        kind=WatchResponse.failed, error=status
    )


@pytest.mark.parametrize("response", [experiment_pb2.Experiment(), WATCH])
def test_other_streams_can_not_send_their_error(response: Message) -> None:
    assert failure_message(response, status_pb2.Status(code=16)) is None
