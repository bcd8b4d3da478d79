"""A stream that breaks off in the middle never looks complete, over any protocol."""

import asyncio
import json
from urllib.parse import urlsplit

import httpx
import pytest

from deploy.local.mesh import Mesh
from tests.contract.clients import PROTOCOLS, Client, bearer
from tests.contract.rpcs import rpcs
from tests.mesh import STAND_IN, Developer

LAST_CHUNK = b"0\r\n\r\n"


def speech(voice: str) -> dict[str, str]:
    return {"text": "Good morning.", "provider": STAND_IN, "voice_id": voice}


async def raw_answer(mesh: Mesh, developer: Developer, voice: str) -> bytes:
    """Returns everything received over HTTP/1.1 until the gateway closes the connection or sends the last chunk."""
    address = urlsplit(mesh.api_url)
    body = json.dumps(speech(voice)).encode()
    head = (
        f"POST /api/v1/speech HTTP/1.1\r\nhost: {address.netloc}\r\nauthorization: Bearer {developer.api_key}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    try:
        writer.write(head.encode() + body)
        response = b""
        async with asyncio.timeout(10):
            while not response.endswith(LAST_CHUNK) and (piece := await reader.read(65536)):
                response += piece
        return response
    finally:
        writer.close()


async def test_over_http_1_a_broken_stream_lacks_the_last_chunk_and_the_connection_is_closed(
    mesh: Mesh, developer: Developer
) -> None:
    broken, whole = await raw_answer(mesh, developer, "broken"), await raw_answer(mesh, developer, "steady")
    assert broken.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"RIFF" in broken
    assert not broken.endswith(LAST_CHUNK)
    assert whole.endswith(LAST_CHUNK)


async def test_over_http_2_a_broken_stream_is_reset_and_other_streams_go_on(mesh: Mesh, developer: Developer) -> None:
    async with httpx.AsyncClient(http1=False, http2=True, base_url=mesh.api_url, trust_env=False, timeout=10) as client:
        headers = bearer(developer.api_key)

        async def read(voice: str) -> int:
            return len((await client.post("/api/v1/speech", json=speech(voice), headers=headers)).content)

        neighbour = asyncio.create_task(read("trickle"))
        for _ in range(3):
            with pytest.raises(httpx.RemoteProtocolError, match="StreamReset"):
                await read("broken")
        assert await neighbour == 44 + 2 * 24000 * 11 // 10


@pytest.mark.parametrize("protocol", [each for each in PROTOCOLS if each != "json"])
async def test_over_grpc_and_grpc_web_the_trailers_of_a_broken_stream_have_the_error(
    clients: dict[str, Client], developer: Developer, protocol: str
) -> None:
    outcome = await clients[protocol].call(
        rpcs()["TtsService.SynthesizeSpeech"], speech("broken"), bearer(developer.api_key)
    )
    assert (outcome.code, outcome.reason) == ("UNAVAILABLE", "SYNTHESIS_FAILED")
    assert outcome.metadata == {"kind": "provider_unavailable", "provider": STAND_IN}
