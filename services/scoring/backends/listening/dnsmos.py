"""DNSMOS: predicted opinion scores of signal, background and the whole (P.835), and of quality (P.808)."""

from __future__ import annotations

import math
from functools import cache, partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from services.scoring.backends.backend import (
    BackendMissing,
    BackendSettings,
    ModelCapabilities,
    QualityScores,
    Samples,
    installed_version,
    missing_package,
)
from services.scoring.backends.listening.dnsmos_network import P835Network
from services.scoring.metrics.dnsmos import (
    BAK,
    OVRL,
    SAMPLE_RATE_HZ,
    SIG,
    WINDOW_SAMPLES,
    fill,
    opinion_score,
    window_starts,
)

FFT_SAMPLES = 321
HOP_SAMPLES = 160
MEL_BANDS = 120
DYNAMIC_RANGE_DB = 80.0


class Dnsmos:
    """Predicts opinion scores. The scores depend on the level of the recording; they were trained on speech that came
    out of noise suppressors."""

    name = "dnsmos"
    package = "speechmos"
    capabilities = ModelCapabilities(licence="MIT")

    @classmethod
    def missing(cls, settings: BackendSettings) -> str:
        """Returns what is missing, empty if nothing is."""
        return missing_package(cls.package) or missing_package("onnxruntime")

    def __init__(self, settings: BackendSettings) -> None:
        self.backend = f"dnsmos/{self.package}-{installed_version(self.package)}"
        installed_version("onnxruntime")
        import onnxruntime

        spec = find_spec("speechmos")
        if spec is None or spec.origin is None:
            raise BackendMissing("The package speechmos has no folder.")
        folder = Path(spec.origin).parent / "dnsmos_models"
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        new_session = partial(onnxruntime.InferenceSession, sess_options=options, providers=["CPUExecutionProvider"])
        try:
            self._p835 = P835Network(folder / "sig_bak_ovr.onnx", new_session)
        except ValueError as error:
            raise BackendMissing(f"{self.backend} can't be used: {error}.") from None
        self._p808 = new_session(str(folder / "model_v8.onnx"))

    def score(self, samples: Samples) -> QualityScores:
        """Scores one recording."""
        filled = fill(samples)
        starts = window_starts(len(filled))
        raw = self._p835.score(filled, starts)
        # One window at a time: several are not faster.
        p808 = [self._run_p808(filled[start * SAMPLE_RATE_HZ :][:WINDOW_SAMPLES]) for start in starts]
        signal, background, overall = (
            float(np.mean([opinion_score(value, coefficients) for value in raw[:, column]]))
            for column, coefficients in enumerate((SIG, BAK, OVRL))
        )
        return QualityScores(signal, background, overall, float(np.mean(p808)))

    def _run_p808(self, window: NDArray[np.float32]) -> float:
        (scores,) = self._p808.run(None, {self._p808.get_inputs()[0].name: _log_mel(window[:-HOP_SAMPLES])[None]})
        return float(scores[0, 0])


def _log_mel(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Returns the spectrogram that the P.808 model takes, an array of shape (frames, bands).

    It is librosa's power mel spectrogram in dB below the maximum, down to 80 dB, shifted and scaled to -1 to 1.
    """
    padded = np.pad(samples.astype(np.float64), FFT_SAMPLES // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, FFT_SAMPLES)[::HOP_SAMPLES]
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FFT_SAMPLES) / FFT_SAMPLES)
    spectrum = np.fft.rfft(frames * window)
    power = np.square(spectrum.real) + np.square(spectrum.imag)
    mel = power @ _mel_filters().T
    decibels = 10 * np.log10(np.maximum(mel, 1e-10)) - 10 * np.log10(max(float(mel.max()), 1e-10))
    limited = np.maximum(decibels, decibels.max() - DYNAMIC_RANGE_DB)
    return np.asarray((limited + 40) / 40, dtype=np.float32)


@cache
def _mel_filters() -> NDArray[np.float64]:
    """Returns Slaney's mel filters, each with an area of 1, an array of shape (bands, frequencies)."""
    edges = _mel_to_hz(np.linspace(0.0, _hz_to_mel(SAMPLE_RATE_HZ / 2), MEL_BANDS + 2))
    frequencies = np.fft.rfftfreq(FFT_SAMPLES, 1 / SAMPLE_RATE_HZ)
    widths = np.diff(edges)
    rising = (frequencies - edges[:-2, None]) / widths[:-1, None]
    falling = (edges[2:, None] - frequencies) / widths[1:, None]
    return np.maximum(0, np.minimum(rising, falling)) * (2 / (edges[2:] - edges[:-2]))[:, None]


LINEAR_HZ_PER_MEL = 200 / 3
LOG_FROM_HZ = 1000.0
LOG_STEP = math.log(6.4) / 27


def _hz_to_mel(hz: float) -> float:
    if hz < LOG_FROM_HZ:
        return hz / LINEAR_HZ_PER_MEL
    return LOG_FROM_HZ / LINEAR_HZ_PER_MEL + math.log(hz / LOG_FROM_HZ) / LOG_STEP


def _mel_to_hz(mels: NDArray[np.float64]) -> NDArray[np.float64]:
    log_from = LOG_FROM_HZ / LINEAR_HZ_PER_MEL
    return np.where(mels < log_from, mels * LINEAR_HZ_PER_MEL, LOG_FROM_HZ * np.exp(LOG_STEP * (mels - log_from)))
