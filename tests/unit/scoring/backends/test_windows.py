"""How recordings are cut for models, and how the texts of windows come together. No model runs here."""

from __future__ import annotations

import numpy as np
import pytest

from services.scoring.backends.backend import RATE_HZ, Emotion
from services.scoring.backends.models import distillmos
from services.scoring.backends.models.sensevoice import read_tags
from services.scoring.backends.models.whisper_decoding import segments
from services.scoring.backends.models.windows import FRAME_SAMPLES, windows

FIRST_TIME = 1000


def test_a_short_recording_is_one_window() -> None:
    assert windows(np.ones(30 * RATE_HZ, dtype=np.float32)) == [(0, 30 * RATE_HZ)]


def test_an_empty_recording_is_one_empty_window() -> None:
    assert windows(np.zeros(0, dtype=np.float32)) == [(0, 0)]


def test_a_long_recording_is_cut_in_its_pauses() -> None:
    samples = np.random.default_rng(0).uniform(-0.5, 0.5, 70 * RATE_HZ).astype(np.float32)
    for pause in (20, 45):
        samples[pause * RATE_HZ : round((pause + 0.4) * RATE_HZ)] = 0
    found = windows(samples)
    assert [end / RATE_HZ for _, end in found] == pytest.approx([20.2, 45.2, 70], abs=0.06)
    assert [start for start, _ in found] == [0, *(end for _, end in found[:-1])]
    assert all(start % FRAME_SAMPLES == 0 for start, _ in found)


def test_a_recording_without_a_pause_is_cut_all_the_same() -> None:
    found = windows(np.ones(100 * RATE_HZ, dtype=np.float32))
    assert found[-1][1] == 100 * RATE_HZ
    assert all(15 <= (end - start) / RATE_HZ <= 30 for start, end in found[:-1])


@pytest.mark.parametrize(
    ("tokens", "expected"),
    [
        # <0.00> text <2.00>: the last time stands alone, so the whole window is used.
        ([1000, 7, 8, 1100], ([(0.0, 2.0, [1000, 7, 8, 1100])], 3000)),
        # Two segments, and the window is used.
        ([1000, 7, 1100, 1100, 8, 1200], ([(0.0, 2.0, [1000, 7, 1100]), (2.0, 4.0, [1100, 8, 1200])], 3000)),
        # The last segment is not finished, so decoding goes on after the one before.
        ([1000, 7, 1100, 1100, 8], ([(0.0, 2.0, [1000, 7, 1100])], 200)),
        # Without times the text lasts as long as the window.
        ([7, 8], ([(0.0, 30.0, [7, 8])], 3000)),
        ([], ([(0.0, 30.0, [])], 3000)),
    ],
)
def test_segments(tokens: list[int], expected: tuple[list[tuple[float, float, list[int]]], int]) -> None:
    assert segments(tokens, FIRST_TIME, 3000) == expected


@pytest.mark.parametrize(
    ("seconds", "starts"), [(3, [0]), (7.68, [0]), (8.0, [0, 0.32]), (9.68, [0, 1, 2]), (10.0, [0, 0.773, 1.547, 2.32])]
)
def test_windows_of_distillmos_are_spread_evenly(seconds: float, starts: list[float]) -> None:
    found = distillmos.windows(np.arange(round(seconds * RATE_HZ), dtype=np.float32))
    assert {len(window) for window in found} == {distillmos.WINDOW_SAMPLES}
    assert [window[0] / RATE_HZ for window in found] == pytest.approx(starts, abs=0.001)


def test_tags_of_windows_become_one_result() -> None:
    texts = [
        "<|en|><|NEUTRAL|><|Speech|><|woitn|>hello there",
        "<|en|><|HAPPY|><|Laughter|><|woitn|>that is funny",
        "<|en|><|EMO_UNKNOWN|><|BGM|><|woitn|>",
    ]
    assert read_tags(texts, [30, 40, 50]) == Emotion("happy", ("Laughter", "BGM"), "hello there that is funny")
    assert read_tags(["<|nospeech|><|EMO_UNKNOWN|><|Event_UNK|><|woitn|>"], [10]) == Emotion("unknown", (), "")
