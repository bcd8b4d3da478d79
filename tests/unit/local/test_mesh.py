"""A mesh of stand-in services with the real PostgreSQL, NATS and Envoy."""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import nats
import psycopg
import pytest

from deploy.local.data_dir import DataDir
from deploy.local.errors import MeshError
from deploy.local.mesh import Mesh
from deploy.local.services import ServiceProcess
from deploy.local.settings import PORT_SETTINGS, load_settings

FREE = dict.fromkeys(PORT_SETTINGS, 0)
STAND_IN = Path(__file__).parent / "stand_in.py"
SERVICES = tuple(
    ServiceProcess(name, (sys.executable, str(STAND_IN))) for name in ("auth", "experiments", "tts", "scoring", "elo")
)


def mesh_in(directory: Path, *, workers: str = "", **how: object) -> Mesh:
    settings = load_settings(arena_data_dir=directory, workers=workers, **FREE)
    return Mesh(settings, **{"services": SERVICES, "print_line": lambda line: None, **how})


@pytest.fixture(scope="module")
async def mesh(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Mesh]:
    environment = {"tts": {"NAME_OF_TEST": "x"}, "tts-2": {"OF_THE_SECOND": "y"}}
    directory = tmp_path_factory.mktemp("mesh") / "data"
    async with mesh_in(directory, workers="tts=2", service_env=environment) as running:
        yield running


async def test_every_child_runs(mesh):
    assert {name for name, process in mesh.processes.items() if process.running} == {
        *("postgres", "nats", "envoy"),
        *("auth", "experiments", "tts", "tts-2", "scoring", "elo"),
    }


async def test_a_service_gets_the_addresses_of_everything(mesh):
    # Health covers only the stand-in of auth. Each stand-in prints its environment before it listens.
    async with grpc.aio.insecure_channel(mesh.endpoints["experiments"]) as channel:
        await asyncio.wait_for(channel.channel_ready(), 30)
    log = (mesh.data_dir.path / "logs" / "experiments.log").read_text()
    for line in (
        f"GRPC_ADDRESS={mesh.endpoints['experiments']}",
        f"ELO_ADDRESS={mesh.endpoints['elo']}",
        f"METRICS_ADDRESS=127.0.0.1:{mesh.ports['experiments_metrics_port']}",
        f"DATABASE_URL={mesh.database_url}",
        f"NATS_URL={mesh.nats_url}",
        f"AUDIO_STORAGE_PATH={mesh.data_dir.path}/audio",
        f"PUBLIC_URL={mesh.api_url}",
        f"AUDIO_URL_SECRET={mesh.data_dir.secret('audio_url_secret')}",
        f"ARENA_DATA_DIR={mesh.data_dir.path}",
    ):
        assert line in log.splitlines()


async def test_a_further_worker_has_its_own_ports_and_is_known_to_the_gateway_and_to_health(mesh):
    first, second = mesh.endpoints["tts"], mesh.endpoints["tts-2"]
    assert first != second
    for address in (first, second):
        async with grpc.aio.insecure_channel(address) as channel:
            await asyncio.wait_for(channel.channel_ready(), 30)
    printed = (mesh.data_dir.path / "logs" / "tts-2.log").read_text().splitlines()
    assert {f"GRPC_ADDRESS={second}", "NAME_OF_TEST=x", "OF_THE_SECOND=y"} <= set(printed)
    assert "GRPC_ENABLE_FORK_SUPPORT=false" in printed
    assert f"METRICS_ADDRESS=127.0.0.1:{mesh.ports['tts-2_metrics_port']}" in printed
    assert f'FURTHER_WORKERS={{"tts-2": "{second}"}}' in (mesh.data_dir.path / "logs" / "auth.log").read_text()
    gateway = (mesh.data_dir.path / "run" / "envoy.yaml").read_text()
    assert all(f"port_value: {address.rpartition(':')[2]}" in gateway for address in (first, second))


async def test_a_killed_service_serves_again(mesh):
    before = mesh.processes["auth"].pid
    await mesh.kill("auth")
    await mesh.wait_restarted("auth")
    await mesh.wait_serving()
    assert mesh.processes["auth"].pid != before


async def test_a_wiped_nats_is_empty_and_runs_again(mesh):
    client = await nats.connect(mesh.nats_url)
    await client.jetstream().add_stream(name="KEPT", subjects=["kept"])
    await client.close()
    await mesh.wipe_nats()
    client = await nats.connect(mesh.nats_url)
    assert await client.jetstream().streams_info() == []
    await client.close()


async def test_a_stopped_nats_keeps_its_streams(mesh):
    client = await nats.connect(mesh.nats_url)
    await client.jetstream().add_stream(name="KEPT", subjects=["kept"])
    await client.close()
    await mesh.stop("nats")
    assert not mesh.processes["nats"].running
    await mesh.start("nats")
    client = await nats.connect(mesh.nats_url)
    assert [s.config.name for s in await client.jetstream().streams_info()] == ["KEPT"]
    await client.close()


async def test_data_and_secrets_survive_a_restart_of_the_mesh(tmp_path):
    async with mesh_in(tmp_path / "data") as first:
        async with await psycopg.AsyncConnection.connect(first.database_url) as connection:
            await connection.execute("CREATE TABLE kept AS SELECT 7 AS n")
        key = await first.first_api_key()
    async with mesh_in(tmp_path / "data") as second:
        async with await psycopg.AsyncConnection.connect(second.database_url) as connection:
            found = await (await connection.execute("SELECT n FROM kept")).fetchone()
        assert found == (7,)
        assert await second.first_api_key() == key == "kc_of_Local developer"


async def test_a_service_that_cannot_start_ends_the_mesh_with_the_end_of_its_log(tmp_path):
    # Health covers only the stand-in of auth, so auth is the broken service.
    broken = ServiceProcess("auth", ("/bin/sh", "-c", "echo no keys here; exit 2"))
    with pytest.raises(MeshError, match=r"auth does not start; the end of its log:\n +no keys here"):
        async with mesh_in(tmp_path / "data", services=[broken, *SERVICES[1:]]):
            pass
    DataDir(tmp_path / "data").release()  # It is not locked any more.


async def test_a_mesh_that_does_not_get_ready_names_the_service(tmp_path):
    settings = load_settings(arena_data_dir=tmp_path / "data", ready_seconds=6, **FREE)
    idle = ServiceProcess("auth", ("/bin/sh", "-c", "echo asleep; exec sleep 600"))
    with pytest.raises(MeshError) as raised:
        async with Mesh(settings, services=[idle, *SERVICES[1:]]):
            pass
    assert str(raised.value).startswith("the mesh was not ready within 6 s: auth is not reachable. Try again shortly.")
    assert "asleep" in str(raised.value)
