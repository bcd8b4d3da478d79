"""Meshes for tests: settings, developers and logs."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx
from psycopg import AsyncConnection

from deploy.local.mesh import Mesh
from deploy.local.settings import PORT_SETTINGS, LocalSettings
from services.auth.domain import hash_key, new_key, shown_prefix
from services.runtime.identity import SCOPES
from services.runtime.ids import new_id
from tests.fakes.openai_server import BEHAVIOURS, MODEL, OpenAiServer

# A failing test shows this much of each log.
MAX_SHOWN_LOG_BYTES = 6000
# A provider with voices that fail in many ways; see fakes/openai_server.py.
STAND_IN = "stand-in"
OPERATOR_ID = "dev_" + "0" * 31 + "1"
"""The developer whom OPERATORS names. Nobody registers with this id."""


@dataclass(frozen=True)
class Developer:
    """A registered developer."""

    id: str
    email: str
    api_key: str


def mesh_settings(directory: Path | None = None) -> LocalSettings:
    """Returns settings with free ports and without the user's settings. The mesh is ephemeral without a directory."""
    return LocalSettings(
        _env_file=None,  # type: ignore[call-arg]
        ephemeral=directory is None,
        arena_data_dir=directory or Path("unused"),
        database_url=None,
        nats_url=None,
        audio_storage_path=None,
        public_url=None,
        api_host="127.0.0.1",
        # Calls are counted, but no test reaches the limit.
        rate_limit_per_second=100_000,
        rate_limit_burst=1_000_000,
        anonymous_rate_limit_per_second=100_000,
        anonymous_rate_limit_burst=1_000_000,
        **dict.fromkeys(PORT_SETTINGS, 0),
    )


def service_env(speech_server: OpenAiServer) -> Mapping[str, Mapping[str, str]]:
    """Returns the environments of the services: the stand-in provider with short timeouts, and high quotas."""
    stand_in = {
        "id": STAND_IN,
        "base_url": speech_server.base_url,
        "model": MODEL,
        "voices": list(BEHAVIOURS),
        "max_concurrency": 4,
        "local": True,
    }
    return {
        # All tests have one address.
        "auth": {"MAX_VOTERS_PER_ADDRESS": "1000000", "MAX_REGISTRATIONS_PER_ADDRESS": "1000000"},
        # A pool of battles would keep the providers busy in tests of something else.
        "elo": {
            "MAX_MODELS": "1000000",
            "MAX_SCENARIOS": "1000000",
            "OPERATORS": OPERATOR_ID,
            "BATTLE_POOL": "0",
            # All voters of the tests are at one address, and each battle is an ordinary one.
            "MAX_COUNTED_VOTERS_PER_ADDRESS": "0",
            "MAX_BATTLES_PER_MINUTE": "1000",
            "CONTROL_SHARE": "0",
        },
        # Webhook receivers listen on this machine.
        "experiments": {
            "MAX_UNFINISHED_EXPERIMENTS": "1000000",
            "WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8,::1/128",
        },
        "tts": {"OPENAI_COMPATIBLE": json.dumps([stand_in]), "SPEECH_QUEUE": "2", "FIRST_BYTE_TIMEOUT_SECONDS": "3"},
    }


async def register(mesh: Mesh, name: str = "Ada") -> Developer:
    """Registers a developer with a new e-mail address."""
    email = f"{name.lower()}-{secrets.token_hex(6)}@example.com"
    async with httpx.AsyncClient(base_url=mesh.api_url, timeout=10, trust_env=False) as client:
        response = await client.post("/api/v1/developers", json={"name": name, "email": email})
        response.raise_for_status()
    return Developer(response.json()["id"], email, response.json()["api_key"])


async def operator_key(mesh: Mesh) -> str:
    """Returns an API key of the developer whom OPERATORS names. The ids of developers who register are made later."""
    key = new_key()
    async with await AsyncConnection.connect(mesh.database_url, autocommit=True) as connection:
        await connection.execute(
            "INSERT INTO auth.developers (id, name, email, created_at) VALUES (%s, 'Olga', %s, now())"
            " ON CONFLICT DO NOTHING",
            (OPERATOR_ID, f"{secrets.token_hex(8)}@example.com"),
        )
        await connection.execute(
            "INSERT INTO auth.api_keys (id, developer_id, name, prefix, key_hash, scopes, created_at)"
            " VALUES (%s, %s, 'operator', %s, %s, %s, now())",
            (new_id("key"), OPERATOR_ID, shown_prefix(key), hash_key(key), list(SCOPES)),
        )
    return key


class Logs:
    """What the processes of a mesh log after this object is created."""

    def __init__(self, mesh: Mesh) -> None:
        self._directory = mesh.data_dir.path / "logs"
        self._sizes = {log.name: log.stat().st_size for log in self._directory.glob("*.log")}

    def written(self) -> str:
        """Returns the new part of each log, at most its last MAX_SHOWN_LOG_BYTES."""
        parts = []
        for log in sorted(self._directory.glob("*.log")):
            with log.open("rb") as file:
                end = log.stat().st_size
                file.seek(max(self._sizes.get(log.name, 0), end - MAX_SHOWN_LOG_BYTES))
                text = file.read().decode(errors="replace").strip()
            if text:
                parts.append(f"--- {log.stem}\n{text}")
        return "\n".join(parts)
