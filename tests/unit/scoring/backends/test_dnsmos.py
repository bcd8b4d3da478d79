import math
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from services.scoring.backends.backend import BackendSettings, missing_package
from services.scoring.backends.listening.dnsmos import Dnsmos
from services.scoring.backends.listening.dnsmos_network import FRAMES, SCORES
from services.scoring.backends.listening.onnx_graph import cut
from services.scoring.metrics.dnsmos import BAK, OVRL, SIG, WINDOW_SAMPLES, fill, opinion_score, window_starts
from tests.vectors import RATE_HZ

pytestmark = pytest.mark.skipif(bool(missing_package("speechmos")), reason=missing_package("speechmos"))


@pytest.fixture(scope="module")
def model() -> bytes:
    spec = find_spec("speechmos")
    assert spec is not None
    assert spec.origin is not None
    return (Path(spec.origin).parent / "dnsmos_models" / "sig_bak_ovr.onnx").read_bytes()


@pytest.fixture(scope="module")
def dnsmos() -> Dnsmos:
    return Dnsmos(BackendSettings())


def session(model: bytes) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def sound(seconds: float) -> NDArray[np.float32]:
    """Returns a sound that differs from second to second."""
    at = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    buzz = np.mod(np.cumsum(150 + 60 * np.sin(0.7 * at)) / RATE_HZ, 1) - 0.5
    noise = np.random.default_rng(7).standard_normal(len(at)) * np.exp(np.sin(0.5 * at) - 6)
    return (buzz * np.clip(np.sin(9 * at) + np.sin(0.4 * at), 0, 1) + noise).astype(np.float32)


@pytest.mark.parametrize("seconds", [2.6, 5.0, 9.01, 12.0, 26.37])
def test_scores_are_those_of_the_whole_network_for_each_window(dnsmos: Dnsmos, model: bytes, seconds: float) -> None:
    clip = fill(sound(seconds))
    starts = window_starts(len(clip))
    whole = session(model)
    windows = [clip[start * RATE_HZ :][:WINDOW_SAMPLES] for start in starts]
    raw = [whole.run(None, {"input_1": window[None]})[0][0] for window in windows]
    found = dnsmos.score(sound(seconds))
    for value, column, coefficients in (
        (found.signal_mos, 0, SIG),
        (found.background_mos, 1, BAK),
        (found.overall_mos, 2, OVRL),
    ):
        expected = np.mean([opinion_score(float(scores[column]), coefficients) for scores in raw])
        assert value == pytest.approx(expected, abs=1e-5)


def test_silence_has_scores_as_well(dnsmos: Dnsmos) -> None:
    found = dnsmos.score(np.zeros(10 * RATE_HZ, np.float32))
    assert all(math.isfinite(value) for value in (found.signal_mos, found.overall_mos, found.p808_mos))


def test_a_network_can_be_cut_at_a_tensor(model: bytes) -> None:
    window = sound(9.01)
    frames = np.lib.stride_tricks.sliding_window_view(window, 320)[::160]
    (expected,) = session(model).run(None, {"input_1": window[None]})
    (found,) = session(cut(model, FRAMES, SCORES, 3)).run(None, {FRAMES: np.ascontiguousarray(frames)[None]})
    assert found == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(("start", "end"), [(FRAMES, "nothing"), ("nothing", SCORES), (SCORES, FRAMES)])
def test_a_network_is_not_cut_at_tensors_that_it_does_not_compute(model: bytes, start: str, end: str) -> None:
    with pytest.raises(ValueError, match=f"the network has no {end} that follows from {start}"):
        cut(model, start, end, 3)


def test_what_is_not_a_network_is_not_cut() -> None:
    with pytest.raises(ValueError, match="the network has no"):
        cut(b"", FRAMES, SCORES, 3)
