"""Attacks that keep a speech engine busy with streams that nobody reads."""

import asyncio
import json
import time
from contextlib import AsyncExitStack

from tests.attack.attack import attack
from tests.attack.target import Target

STREAMS = 24
MAX_WAIT_SECONDS = 10.0
# Minutes of speech, far more than all buffers on the way can hold.
TEXT = "All work and no play makes a dull day. " * 120


@attack("opens 24 streams of speech and reads none of them", promise="others are served within 10 s")
async def leave_speech_unread(target: Target) -> None:
    key = await target.key()
    body = json.dumps({"text": TEXT, "provider": "espeak", "voice_id": "en-us"}).encode()
    head = (
        f"POST /api/v1/speech HTTP/1.1\r\nhost: {target.host}\r\nauthorization: Bearer {key}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    others = await target.headers("somebody_else")
    async with AsyncExitStack() as stack:
        responses = []
        for _ in range(STREAMS):
            reader, writer = await stack.enter_async_context(target.connect())
            writer.write(head.encode() + body)
            responses.append(asyncio.create_task(reader.readuntil(b"RIFF")))
        # Any of the streams may get the engine. The others wait or are refused. After the first audio, nothing is read.
        speaking, unanswered = await asyncio.wait(responses, return_when=asyncio.FIRST_COMPLETED)
        for response in unanswered:
            response.cancel()
        for response in speaking:
            await response
        for _ in range(3):
            started = time.monotonic()
            speech = {"text": "Hello.", "provider": "espeak", "voice_id": "en-gb"}
            response = await target.http.post("/api/v1/speech", json=speech, headers=others)
            waited = time.monotonic() - started
            assert response.status_code == 200, f"answered {response.status_code}: {response.text[:200]}"
            assert waited < MAX_WAIT_SECONDS, f"another developer waited {waited:.1f} s for one word"
