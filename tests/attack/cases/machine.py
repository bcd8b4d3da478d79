"""Attacks by another user of the machine that the mesh runs on, and on what was deleted."""

from __future__ import annotations

import asyncio
import stat
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from tests.attack.attack import CannotTry, attack
from tests.attack.target import Target

BESIDE_SERVICES = ("envoy", "nats-server", "postgres")
SECRET_NAMES = ("API_KEY", "SECRET", "TOKEN", "PASSWORD", "DATABASE_URL", "NATS_URL")
FORGET_SECONDS = 15.0
LOOK_AGAIN_SECONDS = 0.1


def _gateway(target: Target) -> psutil.Process:
    """Returns the process that listens on the gateway's port; CannotTry if it can't be seen."""
    try:
        for connection in psutil.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr.port == target.port and connection.pid:
                return psutil.Process(connection.pid)
    except (psutil.AccessDenied, psutil.NoSuchProcess):
        pass
    raise CannotTry("the gateway's process can't be seen from here")


def _data_dir(gateway: psutil.Process) -> Path:
    """Returns the data directory of a mesh on one machine, which the gateway's configuration lies in."""
    configuration = next((Path(part) for part in gateway.cmdline() if part.endswith("/run/envoy.yaml")), None)
    if configuration is None:
        raise CannotTry("the mesh is not run by `make up`")
    return configuration.parent.parent


@attack("reads the environment of Envoy, NATS and PostgreSQL", promise="it holds no key, password or address of others")
async def read_environments(target: Target) -> None:
    gateway = _gateway(target)
    supervisor = gateway.parent()
    if supervisor is None:
        raise CannotTry("the supervisor of the mesh can't be seen from here")
    try:
        children = {child.name(): child.environ() for child in supervisor.children()}
    except psutil.AccessDenied as error:
        raise CannotTry("processes of another user show nothing") from error
    found = {name: environment for name, environment in children.items() if name in BESIDE_SERVICES}
    assert "envoy" in found
    for name, environment in found.items():
        held = [each for each in environment if any(part in each for part in SECRET_NAMES)]
        assert not held, f"{name} holds {held}"


@attack("opens audio, logs and configuration as another user", promise="folders are 0700, files 0600")
async def open_files(target: Target) -> None:
    root = _data_dir(_gateway(target))
    for folder in ("audio", "logs", "nats", "run"):
        path = root / folder
        if path.exists():
            mode = path.stat().st_mode
            assert not mode & (stat.S_IRWXG | stat.S_IRWXO), f"{folder} is {stat.filemode(mode)}"
    for path in (root / "logs").iterdir():
        mode = path.stat().st_mode
        assert not mode & (stat.S_IRWXG | stat.S_IRWXO), f"{path.name} is {stat.filemode(mode)}"


@attack("fetches the audio of a deleted experiment by its link", promise="it is gone within seconds")
async def fetch_what_was_deleted(target: Target) -> None:
    headers = await target.headers()
    voices = ("steady", "wav") if target.speech_server else ("en-us", "en-gb")
    plan = {
        "name": "To be deleted",
        "scenario": "general",
        "eval_mode": "automated",
        "models": [{"provider": target.provider, "voice_id": voice} for voice in voices],
        "prompts": ["A sentence that is deleted soon."],
    }
    made = await target.http.post("/api/v1/experiments", json=plan, headers=headers)
    path = f"/api/v1/experiments/{made.raise_for_status().json()['id']}"
    (await target.http.post(f"{path}/run", headers=headers)).raise_for_status()
    async with asyncio.timeout(FORGET_SECONDS):
        while (await target.http.get(path, headers=headers)).json()["status"] == "running":  # noqa: ASYNC110
            await asyncio.sleep(LOOK_AGAIN_SECONDS)
    trials = (await target.http.get(f"{path}/trials", headers=headers)).json()["trials"]
    links = [urlsplit(trial["audio_url"]) for trial in trials if trial.get("audio_url")]
    assert links, "no trial has audio"
    (await target.http.delete(path, headers=headers)).raise_for_status()
    async with asyncio.timeout(FORGET_SECONDS):
        for link in links:
            while (await target.http.get(f"{link.path}?{link.query}")).status_code != 404:  # noqa: ASYNC110
                await asyncio.sleep(LOOK_AGAIN_SECONDS)
