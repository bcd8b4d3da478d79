import numpy as np

from services.scoring.backends.listening.moonshine import pieces

RATE_HZ = 16_000


def test_a_short_recording_is_one_piece() -> None:
    samples = np.ones(300 * RATE_HZ, np.float32)
    assert [len(piece) for piece in pieces(samples)] == [len(samples)]


def test_a_long_recording_is_cut_where_it_is_quiet() -> None:
    samples = np.ones(700 * RATE_HZ, np.float32)
    samples[280 * RATE_HZ : 280 * RATE_HZ + 4000] = 0
    samples[570 * RATE_HZ : 570 * RATE_HZ + 4000] = 0
    found = list(pieces(samples))
    ends = np.cumsum([len(piece) for piece in found]) / RATE_HZ
    assert [round(float(end), 2) for end in ends] == [280.05, 570.1, 700.0]
    assert np.array_equal(np.concatenate(found), samples)
