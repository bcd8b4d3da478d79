"""A stand-in mesh, and an environment without the user's settings."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.unit.cli.stand_in import KEY, StandIn, serve


@pytest.fixture
def no_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Removes API keys from the store and the environment. Returns the path where a key is stored."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")
    for name in ("ARENA_API_KEY", "ARENA_URL", "ARENA_DEBUG", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "voice-arena" / "credentials.json"


@pytest_asyncio.fixture
async def mesh(no_key: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[StandIn]:
    """A stand-in mesh at ARENA_URL."""
    stand_in = StandIn()
    server, port = await serve(stand_in)
    monkeypatch.setenv("ARENA_URL", f"http://127.0.0.1:{port}")
    yield stand_in
    await server.stop(None)


@pytest.fixture
def key(mesh: StandIn, monkeypatch: pytest.MonkeyPatch) -> str:
    """The valid API key of the stand-in, in ARENA_API_KEY."""
    monkeypatch.setenv("ARENA_API_KEY", KEY)
    return KEY
