"""What the steps of one evaluation share."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.scoring.backends.choice import Backends
from services.scoring.pipeline.decoding import DecodedAudio

SPLIT, MIX = "split", "mix"
CHANNELS = (SPLIT, MIX)
"""What the channels of a recording are: one speaker each, or all speakers in all channels."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the caller says about a recording."""

    reference_text: str = ""
    """What should be spoken. Empty if unknown."""
    language: str = "en"
    """BCP 47."""
    num_speakers: int | None = None
    channels: str = SPLIT
    """One of CHANNELS."""
    names: tuple[str, ...] = ()
    """Words that must come through exactly, besides those that are found by rule."""


@dataclass(eq=False)
class Work:
    """One recording, what is said of it, and the results so far."""

    audio: DecodedAudio
    options: Options
    backends: Backends
    results: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def samples(self) -> NDArray[np.float32]:
        """The mean of the channels at 16 kHz, -1 to 1."""
        return self.audio.mono()
