"""Storing API keys."""

from pathlib import Path

import pytest

from gateway.cli.credentials import Credential, credentials_path, load_credential, store_credential
from gateway.cli.errors import CliError

HERE = "http://localhost:8080"
ADA = Credential("kc_a", "dev_a", "ada@example.com")
BOB = Credential("kc_b", "dev_b", "bob@example.com")


def test_the_file_is_where_the_xdg_specification_puts_it(tmp_path: Path) -> None:
    assert credentials_path({"XDG_CONFIG_HOME": str(tmp_path)}) == tmp_path / "voice-arena" / "credentials.json"
    assert credentials_path({}) == Path.home() / ".config" / "voice-arena" / "credentials.json"
    assert credentials_path({"XDG_CONFIG_HOME": "relative"}) == Path.home() / ".config/voice-arena/credentials.json"


def test_each_gateway_has_its_own_key(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "credentials.json"
    assert load_credential(path, HERE) is None
    assert store_credential(path, HERE, ADA) is None
    assert store_credential(path, "https://elsewhere:443", BOB) is None
    assert load_credential(path, HERE) == ADA
    assert load_credential(path, "https://elsewhere:443") == BOB


def test_storing_again_returns_the_replaced_credential(tmp_path: Path) -> None:
    path = tmp_path / "credentials.json"
    store_credential(path, HERE, ADA)
    assert store_credential(path, HERE, BOB) == ADA
    assert load_credential(path, HERE) == BOB
    assert [file.name for file in tmp_path.iterdir()] == ["credentials.json"]


def test_only_the_user_can_read_the_file(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "credentials.json"
    store_credential(path, HERE, ADA)
    path.chmod(0o644)
    store_credential(path, HERE, BOB)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("text", ["{", "[]", '{"http://localhost:8080": 1}', '{"http://localhost:8080": {"x": "y"}}'])
def test_a_malformed_file_is_named_in_the_error(tmp_path: Path, text: str) -> None:
    path = tmp_path / "credentials.json"
    path.write_text(text)
    with pytest.raises(CliError, match=f"{path} is not a credentials file"):
        load_credential(path, HERE)


def test_a_folder_that_cannot_be_written_is_named_in_the_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CliError, match=r"Can't (read|write) .*credentials.json: Not a directory"):
        store_credential(tmp_path / "file" / "credentials.json", HERE, ADA)
