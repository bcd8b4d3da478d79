"""People compare clips blind and vote, and the experiment gets its verdict."""

from __future__ import annotations

import asyncio
import json
import re
import wave
from collections.abc import AsyncIterator
from io import BytesIO
from typing import Any

import grpc
import httpx
import pytest
import pytest_asyncio
from google.api.httpbody_pb2 import HttpBody
from voicearena.experiments.v1 import listening_service_pb2 as pb
from voicearena.experiments.v1.listening_service_pb2_grpc import ListeningServiceStub

from deploy.local.mesh import Mesh
from services.shared.audio.loudness import integrated_lufs
from services.shared.audio.wav import read_wav
from tests.contract import grpc_web
from tests.listening import followed
from tests.mesh import Developer

VOICES = ("en-us", "en-gb+f2")
PROMPTS = ["Good morning.", "How are you?"]
CALL_TIMEOUT_SECONDS = 30.0


@pytest_asyncio.fixture(loop_scope="session")
async def http(mesh: Mesh, developer: Developer) -> AsyncIterator[httpx.AsyncClient]:
    """The developer's HTTP client."""
    headers = {"authorization": f"Bearer {developer.api_key}"}
    async with httpx.AsyncClient(base_url=mesh.api_url, headers=headers, timeout=CALL_TIMEOUT_SECONDS) as client:
        yield client


@pytest_asyncio.fixture(loop_scope="session")
async def anonymous(mesh: Mesh) -> AsyncIterator[httpx.AsyncClient]:
    """An HTTP client without an API key."""
    async with httpx.AsyncClient(base_url=mesh.api_url, timeout=CALL_TIMEOUT_SECONDS) as client:
        yield client


async def start_listening(
    http: httpx.AsyncClient, link_changes: dict[str, object] | None = None, **changes: object
) -> tuple[str, str]:
    """Runs an experiment until listeners can vote. Returns its id and the token of a listening link."""
    plan = {
        "name": "who sounds better",
        "scenario": "general",
        "eval_mode": "human",
        "profile": "latency",
        "models": [{"provider": "espeak", "voice_id": voice} for voice in VOICES],
        "prompts": PROMPTS,
        "votes_per_pair": 2,
        **changes,
    }
    created = (await http.post("/api/v1/experiments", json=plan)).raise_for_status().json()
    link = await http.post(f"/api/v1/experiments/{created['id']}/listening-links", json=link_changes or {})
    (await http.post(f"/api/v1/experiments/{created['id']}/run")).raise_for_status()
    opened = await followed(http, created["id"], until_open=True)
    assert opened["status"] == "running"
    return created["id"], link.raise_for_status().json()["token"]


class Listener:
    """A listener with a link who uses JSON. Everything that the listener receives is kept."""

    def __init__(self, http: httpx.AsyncClient, token: str) -> None:
        self._http = http
        self._token = token
        self.received: list[bytes] = []

    async def _post(self, step: str, **body: object) -> dict[str, Any]:
        response = await self._http.post(f"/api/v1/listening/{self._token}/{step}", json=body)
        self._keep(response)
        return dict(response.raise_for_status().json())

    def _keep(self, response: httpx.Response) -> None:
        head = b"\n".join(b": ".join(header) for header in response.headers.raw)
        self.received += [str(response.url).encode(), head, response.content]

    async def clip(self, url: str) -> bytes:
        response = await self._http.get(url)
        self._keep(response)
        assert (response.headers["content-type"], response.headers["cache-control"]) == ("audio/wav", "no-store")
        return response.raise_for_status().content

    async def vote_on_all(self, answer: str) -> int:
        """Joins, plays all pairs in real time and votes on each. Returns the number of pairs."""
        listener, given = (await self._post("listeners"))["listener"], 0
        while pair := (await self._post("next", listener=listener)).get("pair"):
            await self.clip(pair["clip_a_url"])
            await self.clip(pair["clip_b_url"])
            await asyncio.sleep(pair["clip_a_seconds"] + pair["clip_b_seconds"])
            voted = await self._post("votes", listener=listener, pair_id=pair["id"], answer=answer)
            given += 1
            assert voted["progress"]["votes_given"] == given
        return given

    async def vote_for_longer(self) -> int:
        """Joins, plays one pair and votes for the longer clip, which has the same voice for every listener."""
        listener = (await self._post("listeners"))["listener"]
        pair = (await self._post("next", listener=listener))["pair"]
        await self.clip(pair["clip_a_url"])
        await self.clip(pair["clip_b_url"])
        await asyncio.sleep(pair["clip_a_seconds"] + pair["clip_b_seconds"])
        answer = "a" if pair["clip_a_seconds"] > pair["clip_b_seconds"] else "b"
        voted = await self._post("votes", listener=listener, pair_id=pair["id"], answer=answer)
        return int(voted["progress"]["votes_given"])


@pytest.mark.parametrize("eval_mode", ["human", "hybrid"])
async def test_two_listeners_vote_on_every_pair_and_the_verdict_has_their_votes(
    http: httpx.AsyncClient, anonymous: httpx.AsyncClient, eval_mode: str
) -> None:
    experiment_id, token = await start_listening(http, eval_mode=eval_mode)
    ending = asyncio.create_task(followed(http, experiment_id))
    one, two = Listener(anonymous, token), Listener(anonymous, token)
    assert await asyncio.gather(one.vote_on_all("a"), two.vote_on_all("both_bad")) == [2, 2]

    ended = await ending
    assert ended["status"] == "completed"
    assert {**ended["listening"], "closes_at": ""} == {
        "votes_per_pair": 2,
        "votes_received": 4,
        "votes_needed": 4,
        "open": False,
        "closes_at": "",
    }
    results = (await http.get(f"/api/v1/experiments/{experiment_id}/results")).raise_for_status().json()
    votes = results["votes"]
    assert (votes["listeners"], votes["votes"], votes["both_bad"]) == (2, 4, 2)
    (pair,) = results["head_to_head"]
    assert (pair["votes"]["a"] + pair["votes"]["b"], pair["votes"]["both_bad"]) == (2, 2)
    (link,) = (await http.get(f"/api/v1/experiments/{experiment_id}/listening-links")).json()["links"]
    assert (link["listeners"], link["votes"], link["excluded_votes"]) == (2, 4, 0)
    # Both listeners have the address of this machine.
    assert (votes["excluded"], votes["supervised"], votes["largest_address_share"]) == (0, 0, 1)
    assert any("at one address" in reason for reason in results["reasons"])


@pytest.mark.parametrize(("max_listeners", "counted"), [(None, 3), (0, 12)])
async def test_twelve_listeners_at_one_address_are_weak_evidence(
    http: httpx.AsyncClient, anonymous: httpx.AsyncClient, max_listeners: int | None, counted: int
) -> None:
    """They could be one script, and all vote alike on the only prompt."""
    changes = {} if max_listeners is None else {"max_listeners_per_address": max_listeners}
    experiment_id, token = await start_listening(http, changes, prompts=PROMPTS[:1], votes_per_pair=12)
    listeners = [Listener(anonymous, token) for _ in range(12)]
    assert await asyncio.gather(*(each.vote_for_longer() for each in listeners)) == [1] * 12
    if counted < 12:
        (await http.post(f"/api/v1/experiments/{experiment_id}/close-listening", json={})).raise_for_status()
    results = (await http.get(f"/api/v1/experiments/{experiment_id}/results")).raise_for_status().json()
    votes = results["votes"]
    assert (votes["votes"], votes["listeners"], votes["excluded"]) == (counted, counted, 12 - counted)
    left_out = [] if counted == 12 else [("address_limit", 9)]
    assert [(each["reason"], each["votes"]) for each in votes["exclusions"]] == left_out
    assert votes["supervised"] == (12 if max_listeners == 0 else 0)
    # If all twelve vote alike, the p-value is 2 / 2^12.
    assert (results["confidence"], results["p_winner"]) == (("inconclusive", 0.25) if left_out else ("low", 2 / 2**12))


async def test_a_session_is_one_listener_and_a_revoked_link_accepts_no_vote(
    http: httpx.AsyncClient, anonymous: httpx.AsyncClient
) -> None:
    experiment_id, token = await start_listening(http)
    joined = (await anonymous.post(f"/api/v1/listening/{token}/listeners", json={})).raise_for_status().json()
    session = {"authorization": f"Bearer {joined['session_token']}"}
    again = (await anonymous.post(f"/api/v1/listening/{token}/listeners", json={}, headers=session)).json()
    assert (again["listener"], again["session_token"]) == (joined["listener"], "")
    body = {"listener": joined["listener"]}
    pair = (await anonymous.post(f"/api/v1/listening/{token}/next", json=body, headers=session)).json()["pair"]
    links = f"/api/v1/experiments/{experiment_id}/listening-links"
    (link,) = (await http.get(links)).json()["links"]
    (await http.delete(f"{links}/{link['id']}")).raise_for_status()
    vote = {**body, "pair_id": pair["id"], "answer": "a"}
    refused = await anonymous.post(f"/api/v1/listening/{token}/votes", json=vote, headers=session)
    assert (refused.status_code, "was revoked" in refused.json()["message"]) == (401, True)


async def test_nothing_that_a_listener_receives_identifies_the_voices(
    mesh: Mesh, http: httpx.AsyncClient, anonymous: httpx.AsyncClient, developer: Developer
) -> None:
    experiment_id, token = await start_listening(http, votes_per_pair=100)
    trials = (await http.get(f"/api/v1/experiments/{experiment_id}/trials")).json()["trials"]
    results = [
        await _json_listener(anonymous, token),
        await _grpc_listener(mesh, token),
        await _web_listener(anonymous, token),
    ]
    ids = [experiment_id, developer.id, *(trial["id"] for trial in trials)]
    secrets = {"espeak", *VOICES, *(id_.partition("_")[2] for id_ in ids)}
    for received, clips in results:
        everything = b"\n".join(received)
        assert not [secret for secret in secrets if re.search(re.escape(secret.encode()), everything, re.IGNORECASE)]
        # A header of 44 bytes and the samples contain no other text.
        assert all(clip[36:40] == b"data" and len(clip) == 44 + int.from_bytes(clip[40:44], "little") for clip in clips)
        assert {clip[:4] + clip[8:36] for clip in clips} == {clips[0][:4] + clips[0][8:36]}
        loudness = [integrated_lufs(read_wav(clip)) for clip in clips]
        assert all(each is not None for each in loudness)
        assert max(loudness) - min(loudness) < 0.2
        with wave.open(BytesIO(clips[0])) as clip:
            assert clip.getframerate() == 24_000


async def _json_listener(http: httpx.AsyncClient, token: str) -> tuple[list[bytes], list[bytes]]:
    """Returns everything that a listener receives over JSON, and the clips."""
    listener = Listener(http, token)
    joined = await listener._post("listeners")
    pair = (await listener._post("next", listener=joined["listener"]))["pair"]
    clips = [await listener.clip(pair["clip_a_url"]), await listener.clip(pair["clip_b_url"])]
    refused = await http.post(
        f"/api/v1/listening/{token}/votes",
        json={"listener": joined["listener"], "pair_id": pair["id"], "answer": "a"},
    )
    assert refused.status_code == 409
    listener._keep(refused)
    listener._keep(await http.get("/api/v1/listening-clips/clp_" + "0" * 32 + ".wav"))
    return listener.received, clips


async def _grpc_listener(mesh: Mesh, token: str) -> tuple[list[bytes], list[bytes]]:
    received: list[bytes] = []
    clips: list[bytes] = []

    async def keep(call: Any) -> None:
        metadata = [*(await call.initial_metadata()), *(await call.trailing_metadata())]
        received.append(json.dumps([[str(key), str(value)] for key, value in metadata]).encode())

    async with grpc.aio.insecure_channel(mesh.api_url.removeprefix("http://")) as channel:
        stub = ListeningServiceStub(channel)
        call = stub.JoinListening(pb.JoinListeningRequest(token=token))
        joined = await call
        await keep(call)
        call = stub.NextListeningPair(pb.NextListeningPairRequest(token=token, listener=joined.listener))
        pair = (await call).pair
        await keep(call)
        for url in (pair.clip_a_url, pair.clip_b_url):
            stream = stub.GetListeningClip(pb.GetListeningClipRequest(name=url.rpartition("/")[2]))
            bodies = [body async for body in stream]
            await keep(stream)
            received += [body.SerializeToString() for body in bodies]
            clips.append(b"".join(body.data for body in bodies))
        received += [joined.SerializeToString(), pair.SerializeToString()]
    return received, clips


async def _web_listener(http: httpx.AsyncClient, token: str) -> tuple[list[bytes], list[bytes]]:
    received: list[bytes] = []

    async def call(rpc: str, request: Any) -> list[bytes]:
        path = f"/voicearena.experiments.v1.ListeningService/{rpc}"
        response = await grpc_web.call(http, path, request.SerializeToString())
        assert response.status is None
        received.extend([repr(response.headers.raw).encode(), *response.messages])
        return response.messages

    (message,) = await call("JoinListening", pb.JoinListeningRequest(token=token))
    listener = pb.JoinListeningResponse.FromString(message).listener
    (message,) = await call("NextListeningPair", pb.NextListeningPairRequest(token=token, listener=listener))
    pair = pb.NextListeningPairResponse.FromString(message).pair
    clips = []
    for url in (pair.clip_a_url, pair.clip_b_url):
        pieces = await call("GetListeningClip", pb.GetListeningClipRequest(name=url.rpartition("/")[2]))
        clips.append(b"".join(HttpBody.FromString(piece).data for piece in pieces))
    return received, clips


async def test_cancelling_an_experiment_ends_its_listening_test(
    http: httpx.AsyncClient, anonymous: httpx.AsyncClient
) -> None:
    experiment_id, token = await start_listening(http)
    (await http.post(f"/api/v1/experiments/{experiment_id}/cancel")).raise_for_status()
    joined = (await anonymous.post(f"/api/v1/listening/{token}/listeners", json={})).raise_for_status().json()
    assert joined["progress"] == {"votes_given": 0, "pairs_left": 0, "open": False}


async def test_deleting_an_experiment_deletes_its_clips_and_links(
    http: httpx.AsyncClient, anonymous: httpx.AsyncClient
) -> None:
    experiment_id, token = await start_listening(http)
    listener = Listener(anonymous, token)
    joined = await listener._post("listeners")
    pair = (await listener._post("next", listener=joined["listener"]))["pair"]
    await listener.clip(pair["clip_a_url"])
    (await http.delete(f"/api/v1/experiments/{experiment_id}")).raise_for_status()
    assert (await anonymous.get(pair["clip_a_url"])).status_code == 404
    gone = await anonymous.post(f"/api/v1/listening/{token}/listeners", json={})
    assert (gone.status_code, "deleted" in gone.json()["message"]) == (401, True)
