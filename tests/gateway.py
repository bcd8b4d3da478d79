"""Gateways for tests: Envoy on free ports."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx

from deploy.local.data_dir import DataDir
from deploy.local.ports import choose_ports
from deploy.local.process import Command, Process
from deploy.local.settings import PORT_SETTINGS, LocalSettings
from gateway.config import envoy_binary, render
from gateway.settings import GatewaySettings


@contextlib.asynccontextmanager
async def running_gateway(directory: Path | None = None, **settings: Any) -> AsyncIterator[str]:
    """Runs Envoy with the given settings and yields its URL. A service without an address is down.

    The log is `logs/envoy.log` in `directory`.
    """
    data_dir = DataDir(directory)
    ports = choose_ports(LocalSettings(_env_file=None, **dict.fromkeys(PORT_SETTINGS, 0)))  # type: ignore[call-arg]
    # Whether this checkout has a built page must not matter.
    chosen: dict[str, Any] = {"api_port": ports["api_port"], "page_path": None}
    names = ("auth", "experiments", "tts", "scoring", "elo", "experiments_http", "tts_http", "scoring_http")
    down = {f"{name}_address": f"127.0.0.1:{ports[f'{name}_port']}" for name in names}
    file = data_dir.path / "envoy.yaml"
    file.write_text(render(GatewaySettings(**{**chosen, **down, **settings})))
    arguments = [str(envoy_binary()), "-c", str(file), "--concurrency", "1", "--disable-hot-restart"]
    arguments += ["--file-flush-interval-msec", "50"]
    envoy = Process(Command("envoy", arguments, stop_signal=signal.SIGKILL), data_dir, print, stop_seconds=10)
    await envoy.start()
    transport = httpx.AsyncHTTPTransport(retries=8)  # with growing delays, 30 s in total
    url = f"http://127.0.0.1:{ports['api_port']}"
    async with httpx.AsyncClient(transport=transport, trust_env=False) as client:
        # Envoy answers this itself when it listens.
        await client.get(f"{url}/")
    yield url
    await envoy.stop()
    data_dir.release()
