"""Uploads over plain HTTP, without a gateway before the service."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Iterator, Mapping

import httpx
import pytest
import pytest_asyncio
from prometheus_client import REGISTRY
from voicearena.scoring.v1 import evaluation_service_pb2, scoring_pb2

from services.runtime.errors import ArenaError, DiskFull, InvalidInput, QuotaExceeded, RequestTooLarge
from services.runtime.http_bytes import HttpBytes
from services.runtime.http_uploads import Upload, UploadBroken
from services.runtime.identity import IDENTITY_HEADER, current_identity
from services.runtime.open_streams import OpenStreams
from tests.contract.stores.servers import free_port
from tests.fakes.callers import KeyIsToken

SERVICE = evaluation_service_pb2.DESCRIPTOR.services_by_name["EvaluationService"]
CREATE = SERVICE.methods_by_name["CreateEvaluation"]
RPC = "/voicearena.scoring.v1.EvaluationService/CreateEvaluation"
MB = 1024 * 1024


class Taken:
    """What the service took."""

    def __init__(self) -> None:
        self.developers: list[str] = []
        self.fields: list[Mapping[str, object]] = []
        self.sizes: list[int] = []
        self.broken: list[type] = []
        self.began = asyncio.Event()
        self.ended = asyncio.Event()
        self.error: ArenaError | None = None
        """Raised before the file is read."""

    async def take(self, upload: Upload) -> scoring_pb2.Evaluation:
        try:
            await upload.begin()
            self.began.set()
            if self.error is not None:
                raise self.error
            size = 0
            async for piece in upload.pieces():
                size += len(piece)
                assert len(piece) <= MB
            self.sizes.append(size)
            self.fields.append(upload.fields)
            self.developers.append(current_identity().developer_id)
            return scoring_pb2.Evaluation(id="evl_1", status=scoring_pb2.Evaluation.pending)
        except UploadBroken as error:
            self.broken.append(type(error))
            raise
        finally:
            self.ended.set()


class Keys:
    """The keys that are not good any more."""

    def __init__(self) -> None:
        self.faults: dict[str, str] = {}

    async def check(self, key_ids: Collection[str]) -> Mapping[str, str]:
        return self.faults


@pytest.fixture
def taken() -> Taken:
    return Taken()


@pytest.fixture
def keys() -> Keys:
    return Keys()


@pytest.fixture
def scope() -> str:
    return "evaluations:write"


@pytest_asyncio.fixture
async def url(taken: Taken, keys: Keys, scope: str) -> AsyncIterator[str]:
    address = f"127.0.0.1:{free_port()}"
    server = HttpBytes(KeyIsToken(scope), OpenStreams(keys.check))
    server.add_uploads(address, CREATE, taken.take)
    await server.start(1)
    yield f"http://{address}/api/v1/evaluations"
    await server.stop()


@pytest_asyncio.fixture
async def http(url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(headers={IDENTITY_HEADER: "key_a"}, trust_env=False) as client:
        yield client


def counted(code: str) -> float:
    return REGISTRY.get_sample_value("voicearena_rpc_seconds_count", {"method": RPC, "code": code}) or 0


def reason(response: httpx.Response) -> tuple[int, str, str]:
    body = response.json()
    return response.status_code, body["details"][0]["reason"], body["message"]


def chunks(size: int) -> Iterator[bytes]:
    for start in range(0, size, 64 * 1024):
        yield bytes(min(64 * 1024, size - start))


@pytest.mark.parametrize(
    "content_type", ["audio/wav", "video/webm; codecs=opus", "APPLICATION/OGG", "application/octet-stream"]
)
async def test_the_bytes_of_a_file_are_an_upload_with_a_query(
    http: httpx.AsyncClient, url: str, taken: Taken, content_type: str
) -> None:
    before = counted("OK")
    query = {"steps": ["decode", "signal"], "reference_text": "a & b"}
    response = await http.post(f"{url}/", params=query, content=bytes(100_000), headers={"content-type": content_type})
    assert response.status_code == 200
    # As the gateway's transcoder prints it.
    assert (response.json()["id"], response.json()["status"], response.json()["error_message"]) == (
        "evl_1",
        "pending",
        "",
    )
    assert (taken.sizes, taken.developers) == ([100_000], ["dev_a"])
    assert taken.fields == [{"steps": ["decode", "signal"], "reference_text": ["a & b"]}]
    assert counted("OK") == before + 1


async def test_a_form_is_an_upload(http: httpx.AsyncClient, url: str, taken: Taken) -> None:
    response = await http.post(
        url, params={"language": "de"}, data={"steps": ["decode", "signal"]}, files={"audio": ("a.wav", bytes(3 * MB))}
    )
    assert response.status_code == 200
    assert (taken.sizes, taken.fields) == ([3 * MB], [{"language": ["de"], "steps": ["decode", "signal"]}])


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        ("text/plain", (415, "UNSUPPORTED_MEDIA_TYPE")),
        ("application/x-www-form-urlencoded", (415, "UNSUPPORTED_MEDIA_TYPE")),
        ("", (415, "UNSUPPORTED_MEDIA_TYPE")),
        ("multipart/form-data", (400, "INVALID_INPUT")),
        ("multipart/form-data; boundary=x", (400, "INVALID_INPUT")),
    ],
)
async def test_another_body_is_refused_after_it_was_read(
    http: httpx.AsyncClient, url: str, content_type: str, expected: tuple[int, str]
) -> None:
    for _ in range(2):
        response = await http.post(url, content=chunks_of(MB), headers={"content-type": content_type})
        assert reason(response)[:2] == expected
    assert response.headers["content-type"] == "application/json"


async def chunks_of(size: int) -> AsyncIterator[bytes]:
    for chunk in chunks(size):
        yield chunk


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (RequestTooLarge("audio: too large"), 413),
        (QuotaExceeded("too many", limit="3"), 429),
        (DiskFull("no room"), 503),
        (InvalidInput("language: bad"), 400),
    ],
)
async def test_an_early_error_reaches_a_client_that_sends_everything_first(
    http: httpx.AsyncClient, url: str, taken: Taken, error: ArenaError, status: int
) -> None:
    taken.error = error
    for _ in range(2):
        response = await http.post(url, content=chunks_of(8 * MB), headers={"content-type": "audio/wav"})
        assert reason(response) == (status, error.reason, error.message)


@pytest.mark.parametrize("token", [None, "forged"])
async def test_an_upload_needs_a_key(http: httpx.AsyncClient, url: str, taken: Taken, token: str | None) -> None:
    headers = {IDENTITY_HEADER: token} if token else {}
    async with httpx.AsyncClient(headers=headers, trust_env=False) as client:
        response = await client.post(url, content=b"x", headers={"content-type": "audio/wav"})
    assert response.status_code == 401
    assert not taken.began.is_set()


@pytest.mark.parametrize("scope", ["evaluations:read"])
async def test_an_upload_needs_its_scope(http: httpx.AsyncClient, url: str, taken: Taken) -> None:
    response = await http.post(url, content=b"x", headers={"content-type": "audio/wav"})
    assert reason(response)[:2] == (403, "SCOPE_MISSING")
    assert not taken.began.is_set()


async def test_a_client_that_leaves_ends_its_upload(url: str, taken: Taken) -> None:
    address = httpx.URL(url)
    _, writer = await asyncio.open_connection(address.host, address.port)
    head = f"POST {address.path} HTTP/1.1\r\nhost: x\r\n{IDENTITY_HEADER}: key_a\r\ncontent-type: audio/wav\r\n"
    writer.write(f"{head}content-length: 1000000\r\n\r\n".encode() + bytes(1000))
    async with asyncio.timeout(10):
        await taken.began.wait()
        writer.close()
        await taken.ended.wait()
    assert (taken.sizes, taken.broken) == ([], [UploadBroken])


async def test_a_revoked_key_ends_its_upload(http: httpx.AsyncClient, url: str, taken: Taken, keys: Keys) -> None:
    async def endless() -> AsyncIterator[bytes]:
        yield bytes(1000)
        await taken.began.wait()
        keys.faults = {"key_a": "the API key was revoked"}
        await taken.ended.wait()

    async with asyncio.timeout(10):
        response = await http.post(url, content=endless(), headers={"content-type": "audio/wav"})
    assert reason(response) == (401, "CREDENTIALS_INVALID", "the API key was revoked")
    assert taken.sizes == []


async def test_other_methods_are_not_served(http: httpx.AsyncClient, url: str) -> None:
    assert (await http.get(url)).status_code == 404
