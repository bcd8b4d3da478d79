"""Weights that are missing, half-downloaded or of another kind: the model says so, and nothing crashes."""

from __future__ import annotations

import importlib
import shutil
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from services.scoring.backends.backend import BackendMissing, missing_package
from services.scoring.backends.choice import PITCH, QUALITY, TRANSCRIPTION, Backends, Role
from services.scoring.backends.listening import dnsmos
from services.scoring.backends.listening.moonshine import MoonshineRecogniser

DAMAGES: dict[str, Callable[[Path], object]] = {
    "missing": Path.unlink,
    "half-downloaded": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "empty": lambda path: path.write_bytes(b""),
    "a page of a server": lambda path: path.write_text("<html>404</html>"),
    "of another kind": lambda path: path.write_bytes(bytes(range(256)) * 100),
}
EARLY = "has no weights|can't be used|can't be loaded"


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", ["sig_bak_ovr.onnx", "model_v8.onnx"])
@pytest.mark.skipif(bool(missing_package("speechmos")), reason=missing_package("speechmos"))
def test_dnsmos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, damage: str) -> None:
    package = Path(importlib.import_module("speechmos").__path__[0])
    shutil.copytree(package / "dnsmos_models", tmp_path / "dnsmos_models")
    DAMAGES[damage](tmp_path / "dnsmos_models" / name)
    spec = ModuleSpec("speechmos", None, origin=str(tmp_path / "__init__.py"))
    monkeypatch.setattr(dnsmos, "find_spec", lambda _: spec)
    check(QUALITY)


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", ["encoder_model.ort", "decoder_model_merged.ort", "tokenizer.bin"])
@pytest.mark.skipif(bool(missing_package("moonshine-voice")), reason=missing_package("moonshine-voice"))
def test_moonshine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, damage: str) -> None:
    package = importlib.import_module("moonshine_voice")
    assert package.__file__ is not None
    assets = Path(package.__file__).parent / "assets" / "tiny-en"
    copied = tmp_path / "assets" / "tiny-en"
    copied.mkdir(parents=True)
    for file in assets.iterdir():
        if file.name == name:
            shutil.copy(file, copied)
        else:
            (copied / file.name).symlink_to(file)
    DAMAGES[damage](copied / name)
    monkeypatch.setattr(package, "__file__", str(tmp_path / "__init__.py"))
    check(Role(TRANSCRIPTION.name, (MoonshineRecogniser,)))


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.skipif(bool(missing_package("swift-f0")), reason=missing_package("swift-f0"))
def test_swift_f0(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str) -> None:
    package = Path(importlib.import_module("swift_f0").__path__[0])
    core = importlib.import_module("swift_f0.core")
    shutil.copy(package / "model.onnx", tmp_path)
    DAMAGES[damage](tmp_path / "model.onnx")
    monkeypatch.setattr(core, "__file__", str(tmp_path / "core.py"))
    check(PITCH)


def check(role: Role) -> None:
    """Expects that the backend of a role says what is wrong with it."""
    with pytest.raises(BackendMissing, match=EARLY):
        Backends().get(role)
