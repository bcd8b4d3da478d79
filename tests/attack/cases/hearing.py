"""Attacks on listening: votes without listening, clips that reveal their model, byte ranges that mislead a player."""

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
# About 600 kB of audio for each clip, much more than the kernels buffer.
LONG = "The quick brown fox jumps over the lazy dog, and then it sits down and thinks about it. " * 3
SMALL_BUFFER_BYTES = 4096
# The gateway reports what it sent within this time.
REPORT_SECONDS = 1.0
# A 16-bit sample value. Quieter samples are silence, which can be equal by chance.
MAX_SILENCE = 100

_links: dict[int, str] = {}


async def _link(target: Target) -> str:
    """Returns the token of a link to an experiment that waits for votes. All attacks on a target share it."""
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
                    raise CannotTry("the experiment ended before its listening test opened")
        created = await target.call("ListeningService.CreateListeningLink", {"experiment_id": made["id"]})
        _links[id(target)] = created.answer["token"]
    return _links[id(target)]


class _Listener:
    """A new listener without an API key, who has received a pair."""

    def __init__(self, target: Target, token: str, listener: str, pair: dict[str, Any]) -> None:
        self._target = target
        self._token = token
        self._listener = listener
        self.pair = pair
        self.paths = [urlsplit(pair[f"clip_{side}_url"]).path for side in "ab"]

    async def vote(self) -> str:
        """Votes for A. Returns `counted`, or the status of the refusal."""
        vote = {"token": self._token, "listener": self._listener, "pair_id": self.pair["id"], "answer": "a"}
        outcome = await self._target.call("ListeningService.CastListeningVote", vote, "nobody")
        return "counted" if outcome.code == "OK" else str(outcome.metadata.get("status", outcome.reason))


async def _joined(target: Target) -> _Listener:
    token = await _link(target)
    joined = (await target.call("ListeningService.JoinListening", {"token": token}, "nobody")).answer
    request = {"token": token, "listener": joined["listener"]}
    given = (await target.call("ListeningService.NextListeningPair", request, "nobody")).answer
    return _Listener(target, token, joined["listener"], given["pair"])


@attack("votes after fetching one clip twice", promise="409 not_fetched: each clip must have been sent")
async def fetch_one_clip_twice(target: Target) -> None:
    listener = await _joined(target)
    for _ in range(2):
        (await target.http.get(listener.paths[0])).raise_for_status()
    await asyncio.sleep(REPORT_SECONDS)
    assert (result := await listener.vote()) == "not_fetched", f"answered {result}"


@attack("requests both clips, reads neither, and votes", promise="409 not_fetched")
async def read_nothing(target: Target) -> None:
    listener = await _joined(target)
    clients = []
    for path in listener.paths:
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER_BYTES)
        client.connect((target.host, target.port))
        client.sendall(f"GET {path} HTTP/1.1\r\nhost: {target.host}\r\n\r\n".encode())
        clients.append(client)
    await asyncio.sleep(REPORT_SECONDS)
    while_open = await listener.vote()
    for client in clients:
        client.close()
    await asyncio.sleep(REPORT_SECONDS)
    result = [while_open, await listener.vote()]
    assert result == ["not_fetched", "not_fetched"], f"answered {result}"


@attack(
    "requests only the lengths and ends of the clips, and votes", promise="409 not_fetched: ranges must cover a clip"
)
async def fetch_pieces(target: Target) -> None:
    listener = await _joined(target)
    for path in listener.paths:
        (await target.http.head(path)).raise_for_status()
        for wanted in ("bytes=0-1", "bytes=-1000", "bytes=0-100000"):
            response = await target.http.get(path, headers={"range": wanted})
            assert response.status_code == 206, f"a range request was answered with {response.status_code}"
    await asyncio.sleep(REPORT_SECONDS)
    assert (result := await listener.vote()) == "not_fetched", f"answered {result}"


@attack("fetches both clips and votes at once", promise="409 not_heard: the length of each clip must have passed")
async def vote_at_once(target: Target) -> None:
    listener = await _joined(target)
    for path in listener.paths:
        (await target.http.get(path)).raise_for_status()
    await asyncio.sleep(REPORT_SECONDS)
    assert (result := await listener.vote()) == "not_heard", f"answered {result}"


@attack("reports an unsent clip to the gateway's access log service", promise="UNIMPLEMENTED for outside callers")
async def forge_the_log(target: Target) -> None:
    async with target.own_channel() as channel:
        # A unary call: on a stream, grpcio reports its own error if the response comes before the first message.
        report = channel.unary_unary("/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs")
        code = await report(b"", timeout=5).code()
    assert code is grpc.StatusCode.UNIMPLEMENTED, f"answered {code.name}"


@attack("looks for one clip's bytes in another of the same voices", promise="no samples and no tag in common")
async def compare_clips(target: Target) -> None:
    clips, tags = [], []
    for _ in range(2):
        for path in (await _joined(target)).paths:
            response = (await target.http.get(path)).raise_for_status()
            clips.append(response.content)
            tags.append(response.headers["etag"])
    assert len(set(tags)) == len(tags), "two clips have the same entity tag"
    # Both listeners get clips of the same two trials. No clip shares 64 audible samples in a row with another clip.
    for number, clip in enumerate(clips):
        runs = [clip[at : at + 128] for at in range(100_044, 140_044, 2000)]
        loud = [run for run in runs if max(map(abs, struct.unpack("<64h", run))) > MAX_SILENCE]
        for other in clips[:number] + clips[number + 1 :]:
            assert not [run for run in loud if run in other], "two clips share a run of samples"


@attack("requests ranges that are huge, numerous or malformed", promise="206, 416 with the size, or the whole clip")
async def odd_ranges(target: Target) -> None:
    path = (await _joined(target)).paths[0]
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
        response = await target.http.get(path, headers={"range": wanted.encode("latin-1")})
        assert response.status_code == status, f"{wanted[:40]} was answered with {response.status_code}"
        announced = int(response.headers["content-length"])
        assert announced == len(response.content), (
            f"{wanted[:40]}: {announced} bytes announced, {len(response.content)} sent"
        )
        if status == 416:
            assert response.headers["content-range"] == f"bytes */{size}"


@attack("fetches audio with a key that was revoked", promise="401 that says so, not that a key is missing")
async def fetch_with_a_revoked_key(target: Target) -> None:
    made = (await target.call("AuthService.CreateApiKey", {"name": "soon revoked"})).answer
    await target.call("AuthService.RevokeApiKey", {"id": made["api_key"]["id"]})
    headers = {"authorization": f"Bearer {made['key']}", "x-voicearena-key-fault": "all is well"}
    response = await target.http.get("/api/v1/audio/trl_" + "0" * 32 + ".wav", headers=headers)
    assert (response.status_code, response.json()["message"]) == (401, "The API key was revoked"), response.text
