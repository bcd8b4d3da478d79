"""Attacks by another user of the same machine, and on deleted data."""

from __future__ import annotations

import asyncio
import stat
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from tests.attack.attack import CannotTry, attack
from tests.attack.target import Target

OTHER_PROGRAMS = ("envoy", "nats-server", "postgres")
SECRET_NAMES = ("API_KEY", "SECRET", "TOKEN", "PASSWORD", "DATABASE_URL", "NATS_URL")
DELETE_SECONDS = 15.0
POLL_SECONDS = 0.1


def _gateway(target: Target) -> psutil.Process:
    """Returns the process that listens on the gateway's port. Raises CannotTry if it is not visible."""
    try:
        for connection in psutil.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr.port == target.port and connection.pid:
                return psutil.Process(connection.pid)
    except (psutil.AccessDenied, psutil.NoSuchProcess):
        pass
    raise CannotTry("the gateway's process is not visible to this user")


def _data_dir(gateway: psutil.Process) -> Path:
    """Returns the data directory of a local mesh, which contains the gateway's configuration."""
    configuration = next((Path(part) for part in gateway.cmdline() if part.endswith("/run/envoy.yaml")), None)
    if configuration is None:
        raise CannotTry("the mesh was not started by `make up`")
    return configuration.parent.parent


@attack(
    "reads the environment of Envoy, NATS and PostgreSQL", promise="it has no keys, passwords or addresses of others"
)
async def read_environments(target: Target) -> None:
    gateway = _gateway(target)
    supervisor = gateway.parent()
    if supervisor is None:
        raise CannotTry("the supervisor of the mesh is not visible to this user")
    try:
        children = {child.name(): child.environ() for child in supervisor.children()}
    except psutil.AccessDenied as error:
        raise CannotTry("the environments of another user's processes can't be read") from error
    found = {name: environment for name, environment in children.items() if name in OTHER_PROGRAMS}
    assert "envoy" in found
    for name, environment in found.items():
        held = [each for each in environment if any(part in each for part in SECRET_NAMES)]
        assert not held, f"{name} has {held}"


@attack("opens audio, logs and configuration as another user", promise="no access: folders 0700, files 0600")
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


@attack("fetches the audio of a deleted experiment by its link", promise="404 within seconds")
async def fetch_deleted_audio(target: Target) -> None:
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
    async with asyncio.timeout(DELETE_SECONDS):
        while (await target.http.get(path, headers=headers)).json()["status"] == "running":  # noqa: ASYNC110
            await asyncio.sleep(POLL_SECONDS)
    trials = (await target.http.get(f"{path}/trials", headers=headers)).json()["trials"]
    links = [urlsplit(trial["audio_url"]) for trial in trials if trial.get("audio_url")]
    assert links, "no trial has audio"
    (await target.http.delete(path, headers=headers)).raise_for_status()
    async with asyncio.timeout(DELETE_SECONDS):
        for link in links:
            while (await target.http.get(f"{link.path}?{link.query}")).status_code != 404:  # noqa: ASYNC110
                await asyncio.sleep(POLL_SECONDS)
