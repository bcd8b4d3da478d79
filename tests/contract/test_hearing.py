"""Which clips count as heard: those that the gateway has sent completely. Tested from outside, with real sockets."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import grpc
import h2.config
import h2.connection
import httpx
import pytest
import pytest_asyncio
from psycopg import AsyncConnection
from voicearena.experiments.v1 import listening_service_pb2 as pb
from voicearena.experiments.v1.listening_service_pb2_grpc import ListeningServiceStub

from deploy.local.mesh import Mesh
from tests.contract.clients import Client, http_client
from tests.contract.rpcs import rpcs
from tests.contract.world import World

# Its clip has about 600 kB, much more than the gateway and the client's kernel can buffer.
LONG = "The quick brown fox jumps over the lazy dog, and then it sits down and thinks about it. " * 3
SETTLES_SECONDS = 5.0
SENT = """
    SELECT upper(CASE WHEN clip_a = %(clip)s THEN a_sent ELSE b_sent END),
        CASE WHEN clip_a = %(clip)s THEN a_sent_at ELSE b_sent_at END IS NOT NULL
    FROM experiments.listening_assignments WHERE %(clip)s IN (clip_a, clip_b)
"""


@dataclass
class Pair:
    """A pair of a new listener, and what the mesh has recorded about its clips."""

    http: httpx.AsyncClient
    token: str
    listener: str
    pair: Mapping[str, Any]
    database_url: str

    @property
    def path(self) -> str:
        return urlsplit(self.pair["clip_a_url"]).path

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]

    @property
    def size(self) -> int:
        return 44 + round(self.pair["clip_a_seconds"] * 48_000)

    async def sent(self, done: Callable[[int, bool], bool]) -> tuple[int, bool]:
        """Waits until `done`. Returns up to which byte clip A was sent, and whether all of it was sent."""
        async with (
            asyncio.timeout(SETTLES_SECONDS),
            await AsyncConnection.connect(self.database_url, autocommit=True) as connection,
        ):
            while True:
                row = await (await connection.execute(SENT, {"clip": self.name})).fetchone()
                assert row is not None
                upper, whole = row[0] or 0, row[1]
                if done(upper, whole):
                    return upper, whole
                await asyncio.sleep(0.05)

    async def vote(self) -> dict[str, Any]:
        """Votes, and returns the message and the metadata of the refusal."""
        vote = {"listener": self.listener, "pair_id": self.pair["id"], "answer": "a"}
        response = await self.http.post(f"/api/v1/listening/{self.token}/votes", json=vote)
        assert response.status_code == 409
        body = response.json()
        return {"message": body["message"], **body["details"][0]["metadata"]}

    async def missing(self) -> str:
        """Returns the clips that the refusal of a vote names as not fetched."""
        refused = await self.vote()
        return " ".join(re.findall("clip ([AB])", refused["message"])) if refused["status"] == "not_fetched" else ""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def token(world: World) -> str:
    experiment = await world._opened(prompts=[LONG])
    return str((await world._link(experiment))["token"])


@pytest_asyncio.fixture(loop_scope="session")
async def pair(mesh: Mesh, token: str) -> AsyncIterator[Pair]:
    async with http_client(mesh.api_url) as http:
        joined = (await http.post(f"/api/v1/listening/{token}/listeners", json={})).raise_for_status().json()
        given = await http.post(f"/api/v1/listening/{token}/next", json={"listener": joined["listener"]})
        yield Pair(http, token, joined["listener"], given.raise_for_status().json()["pair"], mesh.database_url)


def connect(mesh: Mesh) -> socket.socket:
    """Connects with a small receive buffer, like a slow connection from far away."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.connect(("127.0.0.1", mesh.ports["api_port"]))
    client.setblocking(False)
    return client


async def ask(client: socket.socket, path: str) -> None:
    await asyncio.get_running_loop().sock_sendall(client, f"GET {path} HTTP/1.1\r\nhost: x\r\n\r\n".encode())


async def test_an_unread_clip_does_not_count(mesh: Mesh, pair: Pair) -> None:
    client = connect(mesh)
    await ask(client, pair.path)
    # The response has begun.
    await asyncio.get_running_loop().sock_recv(client, 1)
    assert await pair.missing() == "A B"
    client.close()
    upper, whole = await pair.sent(lambda upper, _: upper > 0)
    # At most the buffers of the gateway and of both kernels.
    assert (upper < 150_000, whole) == (True, False)
    assert await pair.missing() == "A B"


async def test_a_half_read_clip_does_not_count_until_the_rest_is_fetched(mesh: Mesh, pair: Pair) -> None:
    client, loop = connect(mesh), asyncio.get_running_loop()
    await ask(client, pair.path)
    got = 0
    while got < pair.size // 2:
        got += len(await loop.sock_recv(client, 65_536))
    client.close()
    upper, whole = await pair.sent(lambda upper, _: upper > 0)
    assert (got - 1000 <= upper < pair.size, whole) == (True, False)
    assert await pair.missing() == "A B"
    # The player continues with the rest.
    (await pair.http.get(pair.path, headers={"range": f"bytes={got - 1000}-"})).raise_for_status()
    await pair.sent(lambda _, whole: whole)
    assert await pair.missing() == "B"


async def test_bytes_that_wait_for_an_http2_window_do_not_count(mesh: Mesh, pair: Pair) -> None:
    client, loop = connect(mesh), asyncio.get_running_loop()
    connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True))
    connection.initiate_connection()
    head = [(":method", "GET"), (":path", pair.path), (":scheme", "http"), (":authority", "x")]
    connection.send_headers(1, head, end_stream=True)
    await loop.sock_sendall(client, connection.data_to_send())
    # The window has 65,535 bytes and is never extended.
    got = 0
    while got < 65_535:
        got += len(await loop.sock_recv(client, 65_536))
    connection.reset_stream(1)
    await loop.sock_sendall(client, connection.data_to_send())
    upper, whole = await pair.sent(lambda upper, _: upper > 0)
    assert (upper < 70_000, whole) == (True, False)
    assert await pair.missing() == "A B"
    client.close()


async def test_head_and_conditional_requests_do_not_count(pair: Pair) -> None:
    head = await pair.http.head(pair.path)
    assert int(head.headers["content-length"]) == pair.size
    assert (await pair.http.get(pair.path, headers={"if-none-match": head.headers["etag"]})).status_code == 304
    assert (await pair.http.get(pair.path, headers={"range": f"bytes={pair.size}-"})).status_code == 416
    # The gateway reports in order: once this range is recorded, so are the requests above.
    (await pair.http.get(pair.path, headers={"range": "bytes=5-6"})).raise_for_status()
    assert await pair.sent(lambda upper, _: upper > 0) == (7, False)


async def test_ranges_count_once_they_cover_the_clip(pair: Pair) -> None:
    half = pair.size // 2
    for wanted in ("bytes=0-1", f"bytes={half}-", f"bytes=0-{half - 2}", "bytes=-5"):
        assert (await pair.http.get(pair.path, headers={"range": wanted})).status_code == 206
    await pair.sent(lambda upper, _: upper == pair.size)
    assert await pair.missing() == "A B", "one byte was not sent"
    assert (await pair.http.get(pair.path, headers={"range": f"bytes={half - 1}-{half}"})).status_code == 206
    await pair.sent(lambda _, whole: whole)
    assert await pair.missing() == "B"


async def test_a_vote_must_wait_for_the_playing_time_of_both_clips(pair: Pair) -> None:
    for url in (pair.pair["clip_a_url"], pair.pair["clip_b_url"]):
        (await pair.http.get(urlsplit(url).path)).raise_for_status()
    async with asyncio.timeout(SETTLES_SECONDS):
        while await pair.missing():  # noqa: ASYNC110 - only the vote tells
            await asyncio.sleep(0.05)
    refused = await pair.vote()
    both = pair.pair["clip_a_seconds"] + pair.pair["clip_b_seconds"]
    assert refused["status"] == "not_heard"
    assert both - SETTLES_SECONDS < int(refused["wait_seconds"]) <= both + 1


@pytest.mark.parametrize("protocol", ["grpc", "grpc-web", "grpc-web-text", "json"])
async def test_a_clip_counts_over_every_protocol(pair: Pair, clients: dict[str, Client], protocol: str) -> None:
    outcome = await clients[protocol].call(rpcs()["ListeningService.GetListeningClip"], {"name": pair.name})
    assert len(outcome.raw) == pair.size
    await pair.sent(lambda _, whole: whole)
    assert await pair.missing() == "B"


async def test_a_cancelled_grpc_stream_does_not_count(mesh: Mesh, pair: Pair) -> None:
    # These options keep the client from reading far ahead.
    options = [("grpc.http2.bdp_probe", 0), ("grpc.http2.lookahead_bytes", 1000), ("grpc.use_local_subchannel_pool", 1)]
    async with grpc.aio.insecure_channel(f"127.0.0.1:{mesh.ports['api_port']}", options=options) as channel:
        call = ListeningServiceStub(channel).GetListeningClip(pb.GetListeningClipRequest(name=pair.name))
        await call.read()
        call.cancel()
        upper, whole = await pair.sent(lambda upper, _: upper > 0)
    assert (upper < pair.size, whole) == (True, False)


async def test_sent_clips_are_reported_to_the_process_that_replaces_a_killed_one(mesh: Mesh, pair: Pair) -> None:
    await mesh.kill("experiments")
    await mesh.wait_restarted("experiments")
    await mesh.wait_serving()
    # A report can be lost with the connection to the killed process. The clip is then fetched again.
    async with asyncio.timeout(30):
        while await pair.missing() == "A B":
            (await pair.http.get(pair.path)).raise_for_status()
            await asyncio.sleep(0.2)
    assert await pair.missing() == "B"
