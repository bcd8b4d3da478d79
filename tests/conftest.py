"""One mesh for all tests that need a running mesh. It starts with the first of them."""

import os
from collections.abc import AsyncIterator, Generator

import pytest
import pytest_asyncio

from deploy.local.mesh import Mesh
from tests.fakes.openai_server import OpenAiServer
from tests.mesh import Developer, Logs, mesh_settings, register, service_env

# A pool of battles would keep providers and processors busy in tests of something else. Tests of the arena ask for one.
os.environ["BATTLE_POOL"] = "0"

LOGS = pytest.StashKey[Logs]()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def speech_server() -> AsyncIterator[OpenAiServer]:
    """The server of the mesh's provider `stand-in`."""
    async with OpenAiServer().serving() as server:
        yield server


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def mesh(tmp_path_factory: pytest.TempPathFactory, speech_server: OpenAiServer) -> AsyncIterator[Mesh]:
    """A whole mesh with real PostgreSQL, NATS and Envoy. A test that stops a process must start it again."""
    settings = mesh_settings(tmp_path_factory.mktemp("mesh"))
    async with Mesh(settings, service_env=service_env(speech_server)) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def developer(mesh: Mesh) -> Developer:
    """A new developer for each test."""
    return await register(mesh)


@pytest.fixture(autouse=True)
def _logs_of_the_mesh(request: pytest.FixtureRequest) -> None:
    """Remembers the sizes of the logs when a test with a mesh begins."""
    if "mesh" in request.fixturenames and isinstance(mesh := request.getfixturevalue("mesh"), Mesh):
        request.node.stash[LOGS] = Logs(mesh)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Adds what the mesh has logged during a failing test to its report."""
    report = yield
    if report.failed and LOGS in item.stash:
        report.sections.append(("logs of the mesh during the test", item.stash[LOGS].written()))
    return report
