"""Runs every attack against the mesh of the tests."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from deploy.local.mesh import Mesh
from tests.attack.attack import MAX_ATTACK_SECONDS, Attack, CannotTry, attacks
from tests.attack.target import Target, open_target
from tests.fakes.openai_server import OpenAiServer


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def target(mesh: Mesh, speech_server: OpenAiServer) -> AsyncIterator[Target]:
    """The mesh, as an attacker reaches it."""
    async with open_target(mesh.api_url, speech_server) as opened:
        yield opened


@pytest.mark.parametrize("attack", attacks(), ids=lambda attack: attack.title)
async def test_attack_is_withstood(attack: Attack, target: Target, mesh: Mesh) -> None:
    try:
        async with asyncio.timeout(MAX_ATTACK_SECONDS):
            await attack.run(target)
    except CannotTry as reason:
        pytest.skip(str(reason))
    assert await target.is_healthy()


async def test_only_a_mesh_on_this_machine_is_attacked() -> None:
    with pytest.raises(ValueError, match="is not on this machine"):
        async with open_target("http://192.0.2.1:8080"):
            pass
