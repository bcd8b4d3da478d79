"""PNGs of share cards: painted once, one at a time, in bounded time."""

import asyncio
import struct
import sys
from pathlib import Path

import pytest

from services.runtime.errors import Busy
from services.shared.cards import drawing, painter
from services.shared.cards.painter import Painter, PaintingFailed

# Writes the number of its run and what it read.
COUNTING = """
import sys
from pathlib import Path

file = Path(sys.argv[1])
with file.open("a") as runs:
    runs.write("x")
sys.stdout.write(f"{len(file.read_text())} {sys.stdin.read()}")
"""


def counting(tmp_path: Path) -> Painter:
    return Painter((sys.executable, "-c", COUNTING, str(tmp_path / "runs")))


async def test_a_card_becomes_a_png_of_its_size_whatever_its_name_is() -> None:
    hard = "\u202eשלום </text> ]]> \x00 \U0001f469\u200d\U0001f680 日本語 Ω Ж " + "x" * 300
    svg = drawing.card(hard, hard, [drawing.words(64, 300, hard, drawing.Style(), 100)], [hard, hard])
    png = await Painter().png(svg)
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack_from(">II", png, 16) == (1200, 630)


async def test_the_letters_are_on_the_picture() -> None:
    style = drawing.Style(60)
    empty, latin, greek = [
        await Painter().png(drawing.card("", "", [drawing.words(64, 300, text, style, 900)], [""]))
        for text in ("", "Voice", "Φωνή")
    ]
    assert len({empty, latin, greek}) == 3


async def test_the_same_card_is_painted_once(tmp_path: Path) -> None:
    cards = counting(tmp_path)
    assert await asyncio.gather(*(cards.png("a") for _ in range(5))) == [b"1 a"] * 5
    assert [await cards.png(svg) for svg in ("b", "a", "b")] == [b"2 b", b"1 a", b"2 b"]


async def test_only_the_latest_cards_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(painter, "MAX_KEPT_BYTES", len(b"1 a") * 2)
    cards = counting(tmp_path)
    assert [await cards.png(svg) for svg in ("a", "b", "a", "c", "a", "b")] == [
        *(b"1 a", b"2 b", b"1 a", b"3 c", b"1 a"),
        b"4 b",
    ]


async def test_too_many_waiting_cards_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(painter, "MAX_WAITING", 2)
    cards = counting(tmp_path)
    found = await asyncio.gather(*(cards.png(svg) for svg in "abc"), return_exceptions=True)
    assert found[:2] == [b"1 a", b"2 b"]
    assert isinstance(found[2], Busy)
    assert await cards.png("c") == b"3 c"


async def test_callers_of_one_card_wait_as_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(painter, "MAX_WAITING", 1)
    cards = counting(tmp_path)
    assert await asyncio.gather(*(cards.png("a") for _ in range(5))) == [b"1 a"] * 5


async def test_a_painting_that_takes_too_long_is_ended() -> None:
    cards = Painter((sys.executable, "-c", "import time; time.sleep(60)"), max_seconds=0.5)
    with pytest.raises(Busy, match="in time"):
        await cards.png("a")


async def test_a_painting_that_fails_says_why() -> None:
    with pytest.raises(PaintingFailed, match="root node"):
        await Painter().png("<svg")
