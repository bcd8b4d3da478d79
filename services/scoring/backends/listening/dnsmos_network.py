"""The network of P.835, which computes only once what the windows of a recording have in common.

Windows of 9 s begin every second, so most of a window is part of eight others. Its first four convolutions, with 98% of
the work, see a few frames at a time, so their output is the same in all of them. Only at the ends of a window it
differs, because a window continues with zeros there.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.scoring.backends.listening.onnx_graph import cut

FRAMES = "mos_estimator_logpow/concat:0"
FEATURES = "mos_estimator_logpow/conv2d_3/Relu:0_pooling0"
SCORES = "Identity:0"
"""Names of tensors: of the frames of samples, of what the first four convolutions give, and of the scores."""
FRAME_SAMPLES = 320
HOP_SAMPLES = 160
FRAMES_PER_SECOND = 100
WINDOW_FRAMES = 900
WINDOW_SECONDS = WINDOW_FRAMES // FRAMES_PER_SECOND
REACH_FRAMES = 4
"""Each of the four convolutions sees one frame more at each side."""
FRAMES_PER_FEATURE = 2
REACH_FEATURES = REACH_FRAMES // FRAMES_PER_FEATURE

Features = NDArray[np.float32]
"""An array of shape (channels, times, frequencies)."""


class P835Network:
    """Computes the raw scores of signal, background and the whole."""

    def __init__(self, weights: Path, new_session: Any) -> None:
        model = weights.read_bytes()
        self._first = new_session(cut(model, FRAMES, FEATURES, 3))
        self._rest = new_session(cut(model, FEATURES, SCORES, 4))

    def score(self, samples: NDArray[np.float32], starts: Sequence[int]) -> NDArray[np.float32]:
        """Returns the raw scores of the windows that begin at these seconds, an array of shape (windows, 3)."""
        frames = np.lib.stride_tricks.sliding_window_view(samples, FRAME_SAMPLES)[::HOP_SAMPLES]
        known: dict[int, Features] = {}
        scores = []
        for start in starts:
            seconds = range(start, start + WINDOW_SECONDS)
            # More than a second at a time is not faster, and takes 10 MB for each.
            known = {second: known[second] if second in known else self._features(frames, second) for second in seconds}
            window = np.concatenate(list(known.values()), axis=1)
            self._replace_ends(window, frames[start * FRAMES_PER_SECOND :][:WINDOW_FRAMES])
            scores.append(_run(self._rest, window[None])[0])
        return np.array(scores)

    def _features(self, frames: NDArray[np.float32], second: int) -> Features:
        """Returns the features of a second of a recording, as they are inside of windows."""
        begin, end = second * FRAMES_PER_SECOND - REACH_FRAMES, (second + 1) * FRAMES_PER_SECOND + REACH_FRAMES
        # What is beyond the recording matters only at the ends of windows.
        piece = np.zeros((end - begin, FRAME_SAMPLES), np.float32)
        inside = frames[max(begin, 0) : end]
        piece[max(-begin, 0) :][: len(inside)] = inside
        (features,) = _run(self._first, piece[None])
        return np.asarray(features[:, REACH_FEATURES:-REACH_FEATURES])

    def _replace_ends(self, window: Features, frames: NDArray[np.float32]) -> None:
        """Replaces the features at both ends of a window by those that continue with zeros."""
        ends = np.stack([frames[: 2 * REACH_FRAMES], frames[-2 * REACH_FRAMES :]])
        begin, end = _run(self._first, ends)
        window[:, :REACH_FEATURES] = begin[:, :REACH_FEATURES]
        window[:, -REACH_FEATURES:] = end[:, -REACH_FEATURES:]


def _run(session: Any, values: NDArray[np.float32]) -> NDArray[np.float32]:
    (found,) = session.run(None, {session.get_inputs()[0].name: values})
    return np.asarray(found)
