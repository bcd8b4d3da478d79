"""Attacks that make half of a response look complete."""

import httpx

from tests.attack.attack import CannotTry, attack
from tests.attack.target import Target


@attack("makes a provider cut its speech off in the middle", promise="a reset stream, never a normal end")
async def break_speech_off(target: Target) -> None:
    if target.speech_server is None:
        raise CannotTry("needs the provider stand-in of the tests, whose voice `broken` cuts its speech off")
    speech = {"text": "Hello.", "provider": target.provider, "voice_id": "broken"}
    for http2 in (False, True):
        async with httpx.AsyncClient(
            http1=not http2, http2=http2, base_url=target.api_url, trust_env=False, timeout=10
        ) as client:
            try:
                response = await client.post("/api/v1/speech", json=speech, headers=await target.headers())
            except httpx.RemoteProtocolError:
                continue
            raise AssertionError(
                f"{response.http_version} ended normally after {len(response.content):,} bytes of speech"
            )
