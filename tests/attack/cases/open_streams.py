"""Attacks with keys that are no longer valid."""

from __future__ import annotations

import asyncio

import grpc
import httpx

from tests.attack.attack import attack
from tests.attack.target import Target
from tests.contract.clients import bearer
from tests.contract.rpcs import rpcs

# One second, and a margin for a busy machine.
MAX_SECONDS = 1.5
PLAN = {
    "name": "Watched",
    "scenario": "general",
    "eval_mode": "automated",
    "models": [{"provider": "espeak", "voice_id": voice} for voice in ("en-us", "en-gb")],
    "prompts": ["Hello"],
}


@attack("continues to watch an experiment with a revoked key", promise="the stream ends within a second")
async def watch_with_a_revoked_key(target: Target) -> None:
    made = await target.call("AuthService.CreateApiKey", {"name": "stolen", "scopes": ["experiments:read"]})
    experiment = await target.call("ExperimentService.CreateExperiment", PLAN)
    id_, stolen = experiment.answer["id"], bearer(made.answer["key"])
    watch = rpcs()["ExperimentService.WatchExperiment"]
    call = target.channel.unary_stream(watch.path, watch.request.SerializeToString, watch.response.FromString)(
        watch.request(id=id_), metadata=list(stolen.items())
    )
    await call.read()
    async with target.http.stream("GET", f"/api/v1/experiments/{id_}/stream", headers=stolen) as events:
        lines = events.aiter_lines()
        await anext(lines)
        await target.call("AuthService.RevokeApiKey", {"id": made.answer["api_key"]["id"]})
        try:
            async with asyncio.timeout(MAX_SECONDS):
                code = await call.code()
                rest = [line async for line in lines]
        except TimeoutError:
            raise AssertionError(f"a stream was still open {MAX_SECONDS:g} s after its key was revoked") from None
        except httpx.RemoteProtocolError:
            rest = []
    assert code is grpc.StatusCode.UNAUTHENTICATED, f"the stream ended with {code}"
    assert any('"kind":"failed"' in line for line in rest), "the stream of events did not say why it ended"
    await target.call("ExperimentService.DeleteExperiment", {"id": id_})
