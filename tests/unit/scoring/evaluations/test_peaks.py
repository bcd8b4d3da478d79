"""Outlines of recordings."""

from __future__ import annotations

import numpy as np

from services.scoring.evaluations.peaks import Peaks, peaks_of


def test_a_piece_has_the_lowest_and_the_highest_sample_of_all_channels() -> None:
    samples = np.zeros((1600, 2), np.int16)
    samples[2, 0], samples[3, 1] = 32767, -32768
    samples[1599, 1] = -16384
    found = peaks_of(samples, 0.1)
    assert (len(found.low), len(found.high), found.duration_seconds) == (800, 800, 0.1)
    assert (found.low[1], found.high[1]) == (-127, 127)
    assert (found.low[799], found.high[799]) == (-64, 0)
    assert (set(found.low[2:799]), set(found.high[2:])) == ({0}, {0})


def test_a_recording_with_few_samples_has_a_piece_for_each() -> None:
    samples = np.array([[0], [16384], [-32767]], np.int16)
    assert peaks_of(samples, 0.01) == Peaks(0.01, (0, 64, -127), (0, 64, -127))


def test_nothing_has_no_pieces() -> None:
    assert peaks_of(np.zeros((0, 1), np.int16), 0.0) == Peaks(0.0, (), ())
