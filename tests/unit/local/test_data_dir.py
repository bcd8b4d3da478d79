"""The data directory: only one mesh uses it, and its secrets are kept."""

import os
from pathlib import Path

import pytest

from deploy.local.data_dir import MAX_LOG_BYTES, MAX_TAIL_LINES, DataDir
from deploy.local.errors import MeshError


def test_two_meshes_cannot_share_a_data_directory(data_dir):
    with pytest.raises(MeshError) as raised:
        DataDir(data_dir.path)
    assert str(raised.value) == (
        f"{data_dir.path} is in use by another mesh (process {os.getpid()}): "
        "stop it, or set ARENA_DATA_DIR to another directory"
    )


def test_a_released_data_directory_can_be_used_again(tmp_path):
    first = DataDir(tmp_path / "data")
    secret = first.secret("name")
    first.release()
    second = DataDir(tmp_path / "data")
    assert second.secret("name") == secret
    second.release()


def test_a_temporary_data_directory_is_deleted():
    directory = DataDir(None)
    directory.write("file", "text")
    directory.release()
    assert not directory.path.exists()


def test_the_error_for_an_unusable_data_directory_names_the_setting(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(MeshError, match="set ARENA_DATA_DIR to another one"):
        DataDir(tmp_path / "file" / "data")


def test_secrets_are_random_and_only_their_owner_can_read_them(data_dir):
    assert len(data_dir.secret("a")) == 64
    assert data_dir.secret("a") != data_dir.secret("b")
    assert (data_dir.path / "a").stat().st_mode & 0o777 == 0o600


def test_an_empty_file_reads_as_none(data_dir):
    (data_dir.path / "api_key").touch()
    assert data_dir.read("api_key") is None


def test_a_large_log_is_rotated_while_its_process_writes_to_it(data_dir):
    with data_dir.open_log("tts") as file:
        file.write(b"early\n")
        file.flush()
        os.truncate(file.fileno(), MAX_LOG_BYTES + 1)
        data_dir.rotate_logs()
        file.write(b"late\n")
    log = data_dir.path / "logs" / "tts.log"
    assert log.read_text() == "late\n"
    rotated = Path(f"{log}.1")
    assert (rotated.stat().st_size, rotated.stat().st_mode & 0o777) == (MAX_LOG_BYTES + 1, 0o600)


def test_the_last_lines_of_a_log_are_shown(data_dir):
    assert data_dir.tail("tts") == "    (its log is empty)"
    (data_dir.path / "logs" / "tts.log").write_text("\n".join(map(str, range(100))))
    assert data_dir.tail("tts").split() == [str(n) for n in range(100 - MAX_TAIL_LINES, 100)]
