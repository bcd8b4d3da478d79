"""Attacks on what listeners hear: votes without listening, clips that tell who speaks, bytes that mislead a player."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from typing import Any
from urllib.parse import urlsplit

import grpc

from tests.attack.attack import CannotTry, attack
from tests.attack.target import Target

OPEN_SECONDS = 25.0
# Some 600 kB of audio each, so that what kernels hold is a small part of it.
LONG = "The quick brown fox jumps over the lazy dog, and then it sits down and thinks about it. " * 3
SMALL_BUFFER_BYTES = 4096
# A clip that nobody asks for is not told of; what is told comes within this time.
TOLD_SECONDS = 1.0
# In steps of 16-bit PCM; what is below is silence, whose samples are alike by chance.
SILENT = 100

_links: dict[int, str] = {}


async def _link(target: Target) -> str:
    """Returns the token of a link to an experiment that waits for votes; one for all attacks on a target."""
    if id(target) not in _links:
        plan = {
            "name": "Listened to",
            "scenario": "general",
            "eval_mode": "human",
            "models": [{"provider": "espeak", "voice_id": voice} for voice in ("en-us", "en-gb")],
            "prompts": [LONG],
            "votes_per_pair": 100,
        }
        made = (await target.call("ExperimentService.CreateExperiment", plan)).answer
        await target.call("ExperimentService.RunExperiment", {"id": made["id"]})
        headers = await target.headers()
        async with (
            asyncio.timeout(OPEN_SECONDS),
            target.http.stream("GET", f"/api/v1/experiments/{made['id']}/stream", headers=headers) as stream,
        ):
            async for line in stream.aiter_lines():
                seen = json.loads(line.removeprefix("data: ")) if line else {}
                if seen.get("experiment", {}).get("listening", {}).get("open"):
                    break
                if seen.get("kind") == "end":
                    raise CannotTry("the experiment ended before anybody could listen")
        created = await target.call("ListeningService.CreateListeningLink", {"experiment_id": made["id"]})
        _links[id(target)] = created.answer["token"]
    return _links[id(target)]


class _Listener:
    """A new listener with a pair, without a key."""

    def __init__(self, target: Target, token: str, listener: str, pair: dict[str, Any]) -> None:
        self._target = target
        self._token = token
        self._listener = listener
        self.pair = pair
        self.paths = [urlsplit(pair[f"clip_{side}_url"]).path for side in "ab"]

    async def vote(self) -> str:
        """Votes for A; returns how far that got: `counted`, or the status in the refusal."""
        vote = {"token": self._token, "listener": self._listener, "pair_id": self.pair["id"], "answer": "a"}
        outcome = await self._target.call("ListeningService.CastListeningVote", vote, "nobody")
        return "counted" if outcome.code == "OK" else str(outcome.metadata.get("status", outcome.reason))


async def _joins(target: Target) -> _Listener:
    token = await _link(target)
    joined = (await target.call("ListeningService.JoinListening", {"token": token}, "nobody")).answer
    request = {"token": token, "listener": joined["listener"]}
    given = (await target.call("ListeningService.NextListeningPair", request, "nobody")).answer
    return _Listener(target, token, joined["listener"], given["pair"])


@attack("votes after fetching one clip twice", promise="409 not_fetched: each clip must have gone out")
async def hear_one_side(target: Target) -> None:
    listener = await _joins(target)
    for _ in range(2):
        (await target.http.get(listener.paths[0])).raise_for_status()
    await asyncio.sleep(TOLD_SECONDS)
    assert (said := await listener.vote()) == "not_fetched", f"answered {said}"


@attack("asks for both clips, reads neither, and votes", promise="409 not_fetched")
async def read_nothing(target: Target) -> None:
    listener = await _joins(target)
    clients = []
    for path in listener.paths:
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER_BYTES)
        client.connect((target.host, target.port))
        client.sendall(f"GET {path} HTTP/1.1\r\nhost: {target.host}\r\n\r\n".encode())
        clients.append(client)
    await asyncio.sleep(TOLD_SECONDS)
    held = await listener.vote()
    for client in clients:
        client.close()
    await asyncio.sleep(TOLD_SECONDS)
    said = [held, await listener.vote()]
    assert said == ["not_fetched", "not_fetched"], f"answered {said}"


@attack("asks for the clips' lengths and ends only, and votes", promise="409 not_fetched: ranges must cover a clip")
async def fetch_pieces(target: Target) -> None:
    listener = await _joins(target)
    for path in listener.paths:
        (await target.http.head(path)).raise_for_status()
        for wanted in ("bytes=0-1", "bytes=-1000", "bytes=0-100000"):
            answer = await target.http.get(path, headers={"range": wanted})
            assert answer.status_code == 206, f"a range was answered with {answer.status_code}"
    await asyncio.sleep(TOLD_SECONDS)
    assert (said := await listener.vote()) == "not_fetched", f"answered {said}"


@attack("fetches both clips and votes at once", promise="409 not_heard: each clip's own time must have passed")
async def vote_at_once(target: Target) -> None:
    listener = await _joins(target)
    for path in listener.paths:
        (await target.http.get(path)).raise_for_status()
    await asyncio.sleep(TOLD_SECONDS)
    assert (said := await listener.vote()) == "not_heard", f"answered {said}"


@attack("tells the gateway's own log of a clip that was never sent", promise="no such method for anybody outside")
async def forge_the_log(target: Target) -> None:
    async with target.own_channel() as channel:
        # One message, sent with the call: grpcio names its own failure where an answer comes before a stream's message.
        tell = channel.unary_unary("/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs")
        code = await tell(b"", timeout=5).code()
    assert code is grpc.StatusCode.UNIMPLEMENTED, f"answered {code.name}"


@attack(
    "looks for one clip's bytes in another of the same voices", promise="no run of samples, tag or length in common"
)
async def compare_clips(target: Target) -> None:
    clips, tags = [], []
    for _ in range(2):
        for path in (await _joins(target)).paths:
            answer = (await target.http.get(path)).raise_for_status()
            clips.append(answer.content)
            tags.append(answer.headers["etag"])
    assert len(set(tags)) == len(tags), "two clips have one entity tag"
    # Both listeners hear the same two trials. A run of 64 samples that are more than silence is found in no other clip.
    for number, clip in enumerate(clips):
        runs = [clip[at : at + 128] for at in range(100_044, 140_044, 2000)]
        loud = [run for run in runs if max(map(abs, struct.unpack("<64h", run))) > SILENT]
        for other in clips[:number] + clips[number + 1 :]:
            assert not [run for run in loud if run in other], "a run of samples is in two clips"


@attack("asks for a range that makes the server work or lie", promise="206, 416 with the size, or all of it")
async def odd_ranges(target: Target) -> None:
    path = (await _joins(target)).paths[0]
    size = int((await target.http.head(path)).headers["content-length"])
    many = "bytes=" + ",".join(f"{at}-{at + 1}" for at in range(0, 4000, 4))
    expected = {
        "bytes=0-0": 206,
        "bytes=-1": 206,
        f"bytes=0-{10**17}": 206,
        f"bytes={size}-": 416,
        "bytes=-0": 416,
        f"bytes={'9' * 4000}-": 200,
        many: 200,
        "bytes=5-1": 200,
        "bytes=\u00e9-1": 200,
    }
    for wanted, status in expected.items():
        answer = await target.http.get(path, headers={"range": wanted.encode("latin-1")})
        assert answer.status_code == status, f"{wanted[:40]} was answered with {answer.status_code}"
        told = int(answer.headers["content-length"])
        assert told == len(answer.content), f"{wanted[:40]}: {told} bytes told, {len(answer.content)} came"
        if status == 416:
            assert answer.headers["content-range"] == f"bytes */{size}"


@attack("fetches audio with a key that was revoked", promise="401 that says so, not that a key is missing")
async def fetch_with_a_dead_key(target: Target) -> None:
    made = (await target.call("AuthService.CreateApiKey", {"name": "soon revoked"})).answer
    await target.call("AuthService.RevokeApiKey", {"id": made["api_key"]["id"]})
    headers = {"authorization": f"Bearer {made['key']}", "x-voicearena-key-fault": "all is well"}
    answer = await target.http.get("/api/v1/audio/trl_" + "0" * 32 + ".wav", headers=headers)
    assert (answer.status_code, answer.json()["message"]) == (401, "the API key was revoked"), answer.text
