"""Changes of a clip of speech whose effect on metrics is known."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import soxr
from numpy.typing import NDArray

CUT_SEARCH_SECONDS = 0.25
"""A cut moves at most this far, to where the clip is quietest."""
QUIET_SECONDS = 0.02
PAUSE_SECONDS = 3.0
NOISE_SEED = 1
"""Noise is the same in every audit, so that two audits of the same backends agree."""


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """Speech, and the text that it says."""

    samples: NDArray[np.float64]
    """Mono, -1 to 1."""
    sample_rate_hz: int
    text: str


@dataclass(frozen=True, slots=True)
class Perturbation:
    """One change of a clip."""

    name: str
    description: str
    """What is done, in a few words."""
    change: Callable[[Clip], Clip]
    swaps_text: bool = False
    """Whether the clip is compared with the text of the next clip."""


def silence(clip: Clip) -> Clip:
    """Returns silence of the same length."""
    return replace(clip, samples=np.zeros_like(clip.samples))


def noise_alone(clip: Clip) -> Clip:
    """Returns white noise of the same length and level."""
    return _without_clipping(replace(clip, samples=_noise(clip) * _rms(clip.samples)))


def with_noise(snr_db: float) -> Callable[[Clip], Clip]:
    """Returns a change that adds white noise at a ratio of the powers of the whole clip and of the noise."""

    def change(clip: Clip) -> Clip:
        noise = _noise(clip) * _rms(clip.samples) * 10 ** (-snr_db / 20)
        return _without_clipping(replace(clip, samples=clip.samples + noise))

    return change


def at_rate(rate_hz: int) -> Callable[[Clip], Clip]:
    """Returns a change of the sample rate."""

    def change(clip: Clip) -> Clip:
        samples = soxr.resample(clip.samples, clip.sample_rate_hz, rate_hz)
        return _without_clipping(replace(clip, samples=samples, sample_rate_hz=rate_hz))

    return change


def at_level(db: float) -> Callable[[Clip], Clip]:
    """Returns a change of the level."""

    def change(clip: Clip) -> Clip:
        return replace(clip, samples=clip.samples * 10 ** (db / 20))

    return change


def end_removed(clip: Clip) -> Clip:
    """Removes the last 40%."""
    return replace(clip, samples=clip.samples[: _cut(clip, 0.6)])


def middle_removed(clip: Clip) -> Clip:
    """Removes 40% in the middle."""
    first, last = _cut(clip, 0.3), _cut(clip, 0.7)
    return replace(clip, samples=np.concatenate((clip.samples[:first], clip.samples[last:])))


def part_repeated(clip: Clip) -> Clip:
    """Says the last 60% twice."""
    return replace(clip, samples=np.concatenate((clip.samples, clip.samples[_cut(clip, 0.4) :])))


def long_pause(clip: Clip) -> Clip:
    """Adds a pause in the middle."""
    at = _cut(clip, 0.5)
    pause = np.zeros(round(PAUSE_SECONDS * clip.sample_rate_hz))
    return replace(clip, samples=np.concatenate((clip.samples[:at], pause, clip.samples[at:])))


def _noise(clip: Clip) -> NDArray[np.float64]:
    return np.random.default_rng(NOISE_SEED).standard_normal(len(clip.samples))


def _rms(samples: NDArray[np.float64]) -> float:
    return float(np.sqrt(np.mean(np.square(samples)))) if len(samples) else 0.0


def _without_clipping(clip: Clip) -> Clip:
    """Lowers a clip that would exceed full scale, noise and speech alike."""
    peak = float(np.abs(clip.samples).max(initial=0.0))
    return clip if peak <= 1 else replace(clip, samples=clip.samples / peak)


def _cut(clip: Clip, share: float) -> int:
    """Returns a place to cut: the quietest one near a share of the clip."""
    length, search = round(QUIET_SECONDS * clip.sample_rate_hz), round(CUT_SEARCH_SECONDS * clip.sample_rate_hz)
    at = round(share * len(clip.samples))
    start, end = max(at - search, 0), min(at + search, len(clip.samples))
    if end - start <= length:
        return at
    energy = np.convolve(np.square(clip.samples[start:end]), np.ones(length), "valid")
    return start + int(energy.argmin()) + length // 2


ORIGINAL = "original"
PERTURBATIONS: Mapping[str, Perturbation] = {
    one.name: one
    for one in (
        Perturbation(ORIGINAL, "the clip as it is", lambda clip: clip),
        Perturbation("silence", "silence", silence),
        Perturbation("noise_alone", "noise without speech", noise_alone),
        Perturbation("noise_20_db", "noise at 20 dB", with_noise(20)),
        Perturbation("noise_10_db", "noise at 10 dB", with_noise(10)),
        Perturbation("noise_0_db", "noise at 0 dB", with_noise(0)),
        Perturbation("swapped_text", "text of another clip", lambda clip: clip, swaps_text=True),
        Perturbation("rate_8_khz", "8 kHz", at_rate(8_000)),
        Perturbation("rate_16_khz", "16 kHz", at_rate(16_000)),
        Perturbation("rate_24_khz", "24 kHz", at_rate(24_000)),
        Perturbation("rate_48_khz", "48 kHz", at_rate(48_000)),
        Perturbation("level_minus_10_db", "10 dB quieter", at_level(-10)),
        Perturbation("level_minus_20_db", "20 dB quieter", at_level(-20)),
        Perturbation("end_removed", "end removed", end_removed),
        Perturbation("middle_removed", "middle removed", middle_removed),
        Perturbation("part_repeated", "part repeated", part_repeated),
        Perturbation("long_pause", "pause of 3 s in the middle", long_pause),
    )
}
"""All changes by name, in the order of reports."""
