"""Watching experiments with listening tests."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx

TIMEOUT_SECONDS = 60.0


async def followed(http: httpx.AsyncClient, experiment_id: str, *, until_open: bool = False) -> dict[str, Any]:
    """Watches an experiment to its end, or until listeners can vote, and returns it. `http` has the owner's API key."""
    path = f"/api/v1/experiments/{experiment_id}/stream"
    async with asyncio.timeout(TIMEOUT_SECONDS), http.stream("GET", path) as stream:
        async for line in stream.aiter_lines():
            if not line:
                continue
            seen = json.loads(line.removeprefix("data: "))
            if seen["kind"] == "end" or (until_open and seen.get("experiment", {}).get("listening", {}).get("open")):
                return dict(seen["experiment"])
    raise AssertionError("the stream ended before the experiment")
