"""Attacks that pass half of an answer for the whole."""

import httpx

from tests.attack.attack import CannotTry, attack
from tests.attack.target import Target


@attack("has a provider break off in the middle of speech", promise="a reset stream, never a clean end")
async def break_speech_off(target: Target) -> None:
    if target.speech_server is None:
        raise CannotTry("it takes the provider stand-in of the tests, whose voice `broken` breaks off")
    speech = {"text": "Hello.", "provider": target.provider, "voice_id": "broken"}
    for http2 in (False, True):
        async with httpx.AsyncClient(
            http1=not http2, http2=http2, base_url=target.api_url, trust_env=False, timeout=10
        ) as client:
            try:
                answer = await client.post("/api/v1/speech", json=speech, headers=await target.headers())
            except httpx.RemoteProtocolError:
                continue
            raise AssertionError(f"{answer.http_version} ended well after {len(answer.content):,} bytes of speech")
