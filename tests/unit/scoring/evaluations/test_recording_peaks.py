"""The outlines of recordings: decoded once, one at a time, whatever the callers do."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from services.runtime.errors import Busy, WrongState
from services.scoring.domain import AudioUnreadable
from services.scoring.evaluations import peaks
from services.scoring.evaluations.peaks import Peaks, RecordingPeaks

OUTLINE = Peaks(1.0, (-3,), (5,))


class Evaluations:
    async def audio_name(self, evaluation_id: str) -> str:
        return f"{evaluation_id}.wav"


class Recordings:
    """Recordings whose files are counted while they are open."""

    def __init__(self) -> None:
        self.open = 0

    @asynccontextmanager
    async def file(self, name: str) -> AsyncIterator[Path]:
        self.open += 1
        try:
            yield Path(name)
        finally:
            self.open -= 1


class Decoding:
    """Stands in for decoding. It waits until the test lets it go on."""

    def __init__(self) -> None:
        self.decoded: list[str] = []
        self.go_on = threading.Event()
        self.started = threading.Event()

    def __call__(self, path: Path) -> Peaks:
        self.decoded.append(path.name)
        self.started.set()
        assert self.go_on.wait(10)
        return OUTLINE


@pytest.fixture
def decoding(monkeypatch: pytest.MonkeyPatch) -> Decoding:
    stand_in = Decoding()
    monkeypatch.setattr(peaks, "_decoded_peaks", stand_in)
    return stand_in


@pytest.fixture
def recordings() -> Recordings:
    return Recordings()


@pytest.fixture
def outlines(recordings: Recordings) -> RecordingPeaks:
    evaluations: Any = Evaluations()
    stored: Any = recordings
    return RecordingPeaks(evaluations, stored)


async def test_a_recording_is_decoded_once_for_all_who_ask(outlines: RecordingPeaks, decoding: Decoding) -> None:
    decoding.go_on.set()
    assert await asyncio.gather(*(outlines.peaks("evl_1") for _ in range(3))) == [OUTLINE] * 3
    assert await outlines.peaks("evl_1") == OUTLINE
    assert decoding.decoded == ["evl_1.wav"]


async def test_a_caller_who_gives_up_does_not_let_another_recording_be_decoded_beside_theirs(
    outlines: RecordingPeaks, decoding: Decoding, recordings: Recordings
) -> None:
    gave_up = asyncio.create_task(outlines.peaks("evl_1"))
    assert await asyncio.to_thread(decoding.started.wait, 10)
    gave_up.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gave_up
    second = asyncio.create_task(outlines.peaks("evl_2"))
    for _ in range(10):
        await asyncio.sleep(0)
    assert (decoding.decoded, recordings.open) == (["evl_1.wav"], 1)
    decoding.go_on.set()
    assert await second == OUTLINE
    # What nobody waited for was kept.
    assert await outlines.peaks("evl_1") == OUTLINE
    assert (decoding.decoded, recordings.open) == (["evl_1.wav", "evl_2.wav"], 0)


async def test_too_many_waiting_recordings_are_refused(
    outlines: RecordingPeaks, decoding: Decoding, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peaks, "MAX_WAITING", 2)
    waiting = [asyncio.create_task(outlines.peaks(f"evl_{number}")) for number in range(2)]
    assert await asyncio.to_thread(decoding.started.wait, 10)
    with pytest.raises(Busy, match="2 recordings are waiting"):
        await outlines.peaks("evl_9")
    decoding.go_on.set()
    assert await asyncio.gather(*waiting) == [OUTLINE] * 2


async def test_a_recording_that_cannot_be_decoded_says_so(
    outlines: RecordingPeaks, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreadable(path: Path) -> Any:
        raise AudioUnreadable("It is not audio.")

    monkeypatch.setattr(peaks, "decoded", unreadable)
    with pytest.raises(WrongState, match=r"It is not audio\."):
        await outlines.peaks("evl_1")
