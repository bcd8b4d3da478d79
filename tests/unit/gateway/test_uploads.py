"""Uploads through the real Envoy, over HTTP/1.1, HTTP/2 and gRPC."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import grpc
import httpx
import pytest
from grpc_status import rpc_status
from voicearena.scoring.v1 import evaluation_service_pb2, evaluation_service_pb2_grpc, scoring_pb2

from services.runtime.error_status import from_status
from services.runtime.errors import RequestTooLarge
from services.runtime.http_bytes import HttpBytes
from services.runtime.http_uploads import Upload
from services.runtime.interceptors import GuardedServer
from services.runtime.open_streams import OpenStreams
from tests.contract.stores.servers import free_port
from tests.fakes.callers import KeyIsToken
from tests.gateway import running_gateway
from tests.unit.gateway.conftest import ANYBODY, UNLIMITED, EveryService, KeyCheck, serving

CREATE = evaluation_service_pb2.DESCRIPTOR.services_by_name["EvaluationService"].methods_by_name["CreateEvaluation"]
ROUTE = "/api/v1/evaluations"
MB = 1024 * 1024
MAX_BYTES = 50 * MB
ORIGIN = {"origin": "http://localhost:3000"}
CreateRequest = evaluation_service_pb2.CreateEvaluationRequest
UploadRequest = evaluation_service_pb2.UploadEvaluationRequest


class Scoring(evaluation_service_pb2_grpc.EvaluationServiceServicer):
    """A service that takes uploads of at most MAX_BYTES over both ways, and evaluations of stored audio."""

    def __init__(self) -> None:
        self.fields: Mapping[str, object] = {}
        self.request = CreateRequest()
        self.ended = asyncio.Event()
        self.began = asyncio.Event()

    async def take(self, upload: Upload) -> scoring_pb2.Evaluation:
        await upload.begin()
        found = await self._measured(upload.pieces())
        self.fields = upload.fields
        return found

    async def UploadEvaluation(self, requests: Any, context: Any) -> scoring_pb2.Evaluation:  # noqa: N802
        self.request = (await anext(requests)).request
        return await self._measured(message.audio async for message in requests)

    async def CreateEvaluation(self, request: Any, context: Any) -> scoring_pb2.Evaluation:  # noqa: N802
        return scoring_pb2.Evaluation(audio_name=request.audio_name)

    async def _measured(self, pieces: AsyncIterator[bytes]) -> scoring_pb2.Evaluation:
        size = 0
        try:
            async for piece in pieces:
                self.began.set()
                size += len(piece)
                if size > MAX_BYTES:
                    raise RequestTooLarge("audio: too large")
            return scoring_pb2.Evaluation(audio_name=str(size))
        finally:
            self.ended.set()


async def no_faults(keys: Collection[str]) -> Mapping[str, str]:
    return {}


@pytest.fixture(scope="module")
def scoring() -> Scoring:
    return Scoring()  # type: ignore[abstract]


@pytest.fixture(scope="module")
async def url(scoring: Scoring) -> AsyncIterator[str]:
    address, verifier = f"127.0.0.1:{free_port()}", KeyIsToken("evaluations:write")
    http = HttpBytes(verifier, OpenStreams(no_faults))
    http.add_uploads(address, CREATE, scoring.take)
    await http.start(1)
    server = grpc.aio.server()
    guarded: Any = GuardedServer(server, verifier, (), OpenStreams(no_faults))
    evaluation_service_pb2_grpc.add_EvaluationServiceServicer_to_server(scoring, guarded)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    every = EveryService(known={ANYBODY["authorization"]: KeyCheck("key_a", believe_ms=600_000)})
    addresses = {"scoring_address": f"127.0.0.1:{port}", "scoring_http_address": address}
    async with (
        serving(every) as auth,
        running_gateway(auth_address=f"127.0.0.1:{auth}", **addresses, **UNLIMITED) as gateway,
    ):
        yield gateway
    await server.stop(0)
    await http.stop()


@pytest.fixture(params=["HTTP/1.1", "HTTP/2"])
async def http(url: str, request: pytest.FixtureRequest) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the gateway with a key for one version of HTTP."""
    http2 = request.param == "HTTP/2"
    async with httpx.AsyncClient(
        base_url=url, http1=not http2, http2=http2, trust_env=False, headers=ANYBODY | ORIGIN, timeout=30
    ) as client:
        yield client


async def chunks(size: int) -> AsyncIterator[bytes]:
    for start in range(0, size, 256 * 1024):
        yield bytes(min(256 * 1024, size - start))


@pytest.mark.parametrize("with_length", [True, False])
async def test_a_recording_of_the_largest_size_passes(http: httpx.AsyncClient, with_length: bool) -> None:
    headers = {"content-type": "audio/wav"} | ({"content-length": str(MAX_BYTES)} if with_length else {})
    response = await http.post(ROUTE, content=chunks(MAX_BYTES), headers=headers)
    assert (response.status_code, response.json()["audio_name"]) == (200, str(MAX_BYTES))
    assert response.headers["access-control-allow-origin"] == ORIGIN["origin"]


async def test_a_form_and_a_query_keep_their_fields(http: httpx.AsyncClient, scoring: Scoring) -> None:
    files = {"audio": ("a.wav", bytes(2 * MB), "audio/wav")}
    data = {"steps": ["decode", "signal"], "reference_text": "x" * 500_000}
    response = await http.post(f"{ROUTE}/?language=de&unknown=1", data=data, files=files)
    assert (response.status_code, response.json()["audio_name"]) == (200, str(2 * MB))
    assert scoring.fields == {
        "language": ["de"],
        "unknown": ["1"],
        "steps": ["decode", "signal"],
        "reference_text": ["x" * 500_000],
    }


@pytest.mark.parametrize("with_length", [True, False])
@pytest.mark.parametrize("form", [True, False])
async def test_a_larger_recording_is_refused_and_the_connection_works_on(
    http: httpx.AsyncClient, with_length: bool, form: bool
) -> None:
    before = b'--b\r\ncontent-disposition: form-data; name="audio"\r\n\r\n' if form else b""
    after = b"\r\n--b--\r\n" if form else b""
    size = 60 * MB

    async def body() -> AsyncIterator[bytes]:
        yield before
        async for chunk in chunks(size):
            yield chunk
        yield after

    headers = {"content-type": "multipart/form-data; boundary=b" if form else "audio/wav"}
    if with_length:
        headers["content-length"] = str(len(before) + size + len(after))
    for _ in range(2):
        response = await http.post(ROUTE, content=body(), headers=headers)
        assert error_of(response) == (413, "REQUEST_TOO_LARGE", "audio: too large")


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", "", "image/png"]
)
async def test_a_body_of_another_type_is_refused_whatever_its_size(http: httpx.AsyncClient, content_type: str) -> None:
    response = await http.post(ROUTE, content=bytes(5 * MB), headers={"content-type": content_type})
    status, reason, message = error_of(response)
    assert (status, reason) == (415, "UNSUPPORTED_MEDIA_TYPE")
    assert message.startswith("content-type: must be multipart/form-data, audio/*, ")


async def test_a_body_without_a_type_is_told_all_types(http: httpx.AsyncClient) -> None:
    message = "must be the type of the recording, such as audio/wav, or multipart/form-data, or application/json"
    assert error_of(await http.post(ROUTE, content=b"RIFF")) == (
        415,
        "UNSUPPORTED_MEDIA_TYPE",
        f"content-type: {message}",
    )


@pytest.mark.parametrize("content_type", ["application/json", "Application/JSON; charset=utf-8", "application/a+json"])
async def test_json_is_checked_and_transcoded_as_on_every_route(http: httpx.AsyncClient, content_type: str) -> None:
    headers = {"content-type": content_type}
    response = await http.post(ROUTE, content=b'{"audio_name":"a.wav"}', headers=headers)
    assert (response.status_code, response.json()["audio_name"]) == (200, "a.wav")
    response = await http.post(ROUTE, content=b'{"volume":1}', headers=headers)
    assert error_of(response)[:2] == (400, "MALFORMED_REQUEST")
    response = await http.post(ROUTE, content=b'{"reference_text":"%s"}' % (b"x" * 2 * MB), headers=headers)
    assert error_of(response)[:2] == (413, "REQUEST_TOO_LARGE")
    assert "at most 1536 kB" in response.json()["message"]


@pytest.mark.parametrize("authorization", [None, "Bearer unknown"])
async def test_an_upload_needs_a_valid_key(url: str, authorization: str | None) -> None:
    headers = {"content-type": "audio/wav"} | ({"authorization": authorization} if authorization else {})
    async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
        response = await client.post(ROUTE, content=b"RIFF", headers=headers)
        assert response.status_code == 401
        # A client cannot name itself.
        headers = {"content-type": "audio/wav", "x-voicearena-identity": "key_a"}
        assert (await client.post(ROUTE, content=b"RIFF", headers=headers)).status_code == 401


async def test_other_routes_take_no_uploads(http: httpx.AsyncClient) -> None:
    response = await http.post("/api/v1/experiments", content=b"RIFF", headers={"content-type": "audio/wav"})
    assert error_of(response)[:2] == (415, "UNSUPPORTED_MEDIA_TYPE")
    response = await http.put(ROUTE, content=b"RIFF", headers={"content-type": "audio/wav"})
    assert error_of(response)[:2] == (405, "METHOD_NOT_ALLOWED")


async def test_a_client_that_leaves_ends_its_upload(url: str, scoring: Scoring) -> None:
    scoring.ended.clear()
    scoring.began.clear()
    address = httpx.URL(url)
    _, writer = await asyncio.open_connection(address.host, address.port)
    head = (
        f"POST {ROUTE} HTTP/1.1\r\nhost: x\r\nauthorization: {ANYBODY['authorization']}\r\ncontent-type: audio/wav\r\n"
    )
    writer.write(f"{head}content-length: 1000000\r\n\r\n".encode() + bytes(100_000))
    async with asyncio.timeout(10):
        await scoring.began.wait()
        writer.close()
        await scoring.ended.wait()


async def test_the_error_names_scoring_if_it_is_down(services: tuple[EveryService, int]) -> None:
    async with (
        running_gateway(auth_address=f"127.0.0.1:{services[1]}", **UNLIMITED) as down,
        httpx.AsyncClient(base_url=down, headers=ANYBODY, trust_env=False) as client,
    ):
        response = await client.post(ROUTE, content=b"RIFF", headers={"content-type": "audio/wav"})
    assert error_of(response) == (503, "UNAVAILABLE", "scoring is not reachable. Try again shortly.")


@asynccontextmanager
async def stub(url: str) -> AsyncIterator[Any]:
    async with grpc.aio.insecure_channel(url.removeprefix("http://")) as channel:
        yield evaluation_service_pb2_grpc.EvaluationServiceStub(channel)


def messages(size: int) -> Iterator[UploadRequest]:
    yield UploadRequest(request=CreateRequest(language="de", request_id="r"))
    for start in range(0, size, MB):
        yield UploadRequest(audio=bytes(min(MB, size - start)))


KEY = (("authorization", ANYBODY["authorization"]),)


async def test_a_recording_of_the_largest_size_passes_over_grpc(url: str, scoring: Scoring) -> None:
    async with stub(url) as api:
        found = await api.UploadEvaluation(messages(MAX_BYTES), metadata=KEY)
    assert found.audio_name == str(MAX_BYTES)
    assert scoring.request == CreateRequest(language="de", request_id="r")


async def test_a_larger_recording_is_refused_over_grpc(url: str) -> None:
    async with stub(url) as api:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await api.UploadEvaluation(messages(51 * MB), metadata=KEY)
        status: Any = rpc_status.from_call(refused.value)  # type: ignore[arg-type]
        assert isinstance(from_status(status), RequestTooLarge)


async def test_an_upload_over_grpc_needs_a_key(url: str) -> None:
    async with stub(url) as api:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await api.UploadEvaluation(messages(0))
        assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED


async def test_a_cancelled_upload_over_grpc_ends(url: str, scoring: Scoring) -> None:
    scoring.ended.clear()
    scoring.began.clear()

    async def endless() -> AsyncIterator[UploadRequest]:
        for message in messages(MB):
            yield message
        await asyncio.Event().wait()

    async with stub(url) as api, asyncio.timeout(10):
        call = api.UploadEvaluation(endless(), metadata=KEY)
        await scoring.began.wait()
        call.cancel()
        await scoring.ended.wait()


def error_of(response: httpx.Response) -> tuple[int, str, str]:
    body = json.loads(response.content)
    return response.status_code, body["details"][0]["reason"], body["message"]
