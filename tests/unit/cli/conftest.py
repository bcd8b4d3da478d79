"""A stand-in mesh, and an environment that no setting of the user's reaches."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.unit.cli.stand_in import KEY, StandIn, serve


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No stored key, none in the environment; returns where a key would be stored."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")
    for name in ("ARENA_API_KEY", "ARENA_URL", "ARENA_DEBUG", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "voice-arena" / "credentials.json"


@pytest_asyncio.fixture
async def mesh(nobody: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[StandIn]:
    """A stand-in that ARENA_URL points to."""
    stand_in = StandIn()
    server, port = await serve(stand_in)
    monkeypatch.setenv("ARENA_URL", f"http://127.0.0.1:{port}")
    yield stand_in
    await server.stop(None)


@pytest.fixture
def key(mesh: StandIn, monkeypatch: pytest.MonkeyPatch) -> str:
    """The stand-in's valid key, in ARENA_API_KEY."""
    monkeypatch.setenv("ARENA_API_KEY", KEY)
    return KEY
