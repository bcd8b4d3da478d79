import os
from pathlib import Path

import psycopg.conninfo
import pytest

from deploy.local.data_dir import DataDir
from deploy.local.postgres import MAX_SOCKET_PATH_BYTES, Postgres

PORT = 15432
SOCKET = f"postgres/.s.PGSQL.{PORT}"


def postgres_in(folder: Path) -> Postgres:
    folder.mkdir(parents=True)
    data_dir = DataDir(folder)
    try:
        return Postgres(data_dir, PORT, {})
    finally:
        data_dir.release()


def hosts(postgres: Postgres) -> tuple[object, object, str]:
    """Returns the host and the port that clients use, and where the server has its sockets."""
    found = psycopg.conninfo.conninfo_to_dict(postgres.url)
    (sockets,) = (part for part in postgres.command().arguments if part.startswith("unix_socket_directories="))
    return found["host"], found["port"], sockets.removeprefix("unix_socket_directories=")


@pytest.mark.parametrize("name", ["arena", "an arena", "50%", "aréna"])
def test_services_use_a_unix_socket_in_the_data_directory(tmp_path: Path, name: str) -> None:
    postgres = postgres_in(tmp_path / name)
    folder = str(tmp_path / name / "postgres")
    assert hosts(postgres) == (folder, str(PORT), folder)


@pytest.mark.parametrize("name", ["a,b", 'a"b', "long"])
def test_a_path_that_can_not_be_named_is_replaced_by_loopback(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    if name == "long":
        folder = tmp_path / "x" / ("y" * (MAX_SOCKET_PATH_BYTES - len(bytes(tmp_path / "x" / SOCKET))))
    assert hosts(postgres_in(folder)) == ("127.0.0.1", str(PORT), "")


def test_the_longest_path_of_a_socket_is_used(tmp_path: Path) -> None:
    folder = tmp_path / ("y" * (MAX_SOCKET_PATH_BYTES - len(bytes(tmp_path / SOCKET)) - 1))
    assert hosts(postgres_in(folder))[0] == str(folder / "postgres")


async def test_files_of_a_postgres_that_was_killed_do_not_stop_the_next(tmp_path: Path) -> None:
    postgres = postgres_in(tmp_path / "arena")
    home = tmp_path / "arena/postgres"
    (home / "data").mkdir(parents=True)
    (home / "data/PG_VERSION").write_text("18\n")
    left = [home / "data/postmaster.pid", home / f".s.PGSQL.{PORT}.lock"]
    for file in left:
        # This process is alive, but is no PostgreSQL.
        file.write_text(f"{os.getpid()}\n")
    (tmp_path / "arena" / SOCKET).touch()
    await postgres.prepare()
    assert [path.name for path in home.rglob("*") if path.is_file()] == ["PG_VERSION"]
