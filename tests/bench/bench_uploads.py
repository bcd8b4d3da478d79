"""Measures the time from an upload's first byte to the first event of a step, as a client at the gateway sees it."""

from __future__ import annotations

import asyncio
import json
import math
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

import httpx

from tests.bench import running_mesh
from tests.bench.result import BenchResult
from tests.fakes.spoken import speak

UPLOADS = 40
TARGET_MS = 200.0
MAX_SECONDS = 60.0
TEXT = "Your order of twelve books will arrive on Monday."


async def run() -> list[BenchResult]:
    """Uploads one recording after the other. The first one, for which processes start, counts as well."""
    with tempfile.TemporaryDirectory() as folder:
        recording = speak(TEXT, Path(folder) / "recording.wav").read_bytes()
    async with running_mesh.mesh() as mesh, await running_mesh.client(mesh) as client:
        waits = [await _first_event_ms(client, recording) for _ in range(UPLOADS)]
    return [
        BenchResult(
            name="upload to first step event, p95",
            value=percentile(waits, 95),
            unit="ms",
            target=TARGET_MS,
            higher_is_better=False,
            detail=f"{UPLOADS} uploads of {len(recording) // 1024} kB, one after the other: "
            f"first {waits[0]:.0f}, median {percentile(waits, 50):.0f}, longest {max(waits):.0f} ms",
        )
    ]


async def _first_event_ms(client: httpx.AsyncClient, recording: bytes) -> float:
    """Uploads a recording and returns when the first step had begun. Then waits for the end of the evaluation."""
    async with asyncio.timeout(MAX_SECONDS):
        started = time.perf_counter()
        answer = await client.post(
            "/evaluations?steps=signal", content=recording, headers={"content-type": "audio/wav"}
        )
        first: float | None = None
        async with aclosing(_messages(client, answer.raise_for_status().json()["id"])) as messages:
            async for message in messages:
                if first is None and _shows_a_step(message):
                    first = (time.perf_counter() - started) * 1000
    if first is None:
        raise RuntimeError("the stream showed no step")
    return first


def _shows_a_step(message: dict[str, Any]) -> bool:
    steps = [message["step"]] if message["kind"] == "progress" else message.get("evaluation", {}).get("steps", [])
    return any(step["status"] != "pending" for step in steps)


async def _messages(client: httpx.AsyncClient, id_: str) -> AsyncIterator[dict[str, Any]]:
    async with client.stream("GET", f"/evaluations/{id_}/stream") as stream:
        async for line in stream.raise_for_status().aiter_lines():
            if line.startswith("data: "):
                yield json.loads(line.removeprefix("data: "))


def percentile(values: Sequence[float], percent: float) -> float:
    """Returns the smallest value that at least `percent` of the values do not exceed."""
    return sorted(values)[math.ceil(len(values) * percent / 100) - 1]
