from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.data_dir import DataDir
from deploy.local.settings import LocalSettings


@pytest.fixture(autouse=True)
def no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in LocalSettings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    # A folder without a `.env`.
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[DataDir]:
    directory = DataDir(tmp_path / "data")
    yield directory
    directory.release()
