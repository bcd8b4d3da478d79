"""The clips of an audit: spoken by a local voice of the mesh, or given by the caller."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

import numpy as np

from services.runtime.errors import FieldViolation, InvalidInput
from services.runtime.validation import Validation
from services.scoring.audit.perturbations import Clip
from services.scoring.domain import AudioUnreadable
from services.scoring.pipeline.decoding import decoded

PROVIDER = "espeak"
MIN_CLIPS = 2
"""The text of one clip is swapped with that of another."""
MAX_CLIPS = 8
MIN_CLIP_SECONDS = 1.0
MAX_CLIP_SECONDS = 15.0
MAX_TEXT_CHARACTERS = 500
MAX_LANGUAGE_CHARACTERS = 35


@dataclass(frozen=True, slots=True)
class Sentence:
    """A text and the voice that says it."""

    voice_id: str
    text: str


SENTENCES = (
    Sentence("en-us", "Your flight to Chicago leaves from gate 27 at six in the evening on Sunday."),
    Sentence("en-gb", "Please bring 12 chairs and 3 tables to the second floor before the party begins."),
    Sentence("en-gb", "The recipe needs 4 eggs, 200 grams of sugar and a little milk from the farm."),
    Sentence("en-gb", "He paid 250 dollars for the camera, and he sold it again for 300 dollars."),
    Sentence("en-us", "She ran 5 miles every morning and lost 20 pounds before the end of the year."),
)
"""With numbers, amounts and names. The recognisers make few errors in them, so that errors come from the changes. Each
lasts 4.5 to 5 s, which is a single window of DNSMOS."""
VOICES = tuple(dict.fromkeys(f"{PROVIDER}:{sentence.voice_id}" for sentence in SENTENCES))


@dataclass(frozen=True, slots=True)
class GivenClip:
    """A clip as the caller sends it."""

    audio: bytes
    text: str


class Speaker(Protocol):
    """Speaks the sentences of the audit."""

    async def speak(self, sentences: Sequence[Sentence]) -> list[Clip]:
        """Returns a clip for each sentence. Raises Unavailable if the mesh has no such voice."""


def check_given(clips: Sequence[GivenClip], language: str) -> None:
    """Raises InvalidInput that names each invalid field."""
    valid = Validation()
    if clips:
        description = f"must have {MIN_CLIPS} to {MAX_CLIPS} entries, or none for the voices of the mesh"
        valid.require(MIN_CLIPS <= len(clips) <= MAX_CLIPS, "clips", description)
    for index, clip in enumerate(clips[:MAX_CLIPS]):
        valid.require(bool(clip.audio), f"clips[{index}].audio", "must not be empty")
        valid.text(clip.text, f"clips[{index}].text", max_characters=MAX_TEXT_CHARACTERS)
    if language:
        valid.text(language, "language", max_characters=MAX_LANGUAGE_CHARACTERS, min_characters=2)
        valid.require(bool(clips), "language", "must be empty without clips, because the mesh speaks English")
    valid.finish()


async def decode(clips: Sequence[GivenClip]) -> list[Clip]:
    """Returns clips of any format as samples. Raises InvalidInput that names each one that can't be decoded."""
    found: list[Clip] = []
    faults: list[FieldViolation] = []
    for index, clip in enumerate(clips):
        try:
            found.append(await asyncio.to_thread(_decode, clip))
        except AudioUnreadable as error:
            faults.append(FieldViolation(f"clips[{index}].audio", str(error)))
    if faults:
        raise InvalidInput.of(*faults)
    return found


def _decode(clip: GivenClip) -> Clip:
    with TemporaryDirectory(prefix="voice-arena-") as folder:
        path = Path(folder) / "clip"
        path.write_bytes(clip.audio)
        with decoded(path) as audio:
            if not MIN_CLIP_SECONDS <= audio.duration_seconds <= MAX_CLIP_SECONDS:
                raise AudioUnreadable(
                    f"must last {MIN_CLIP_SECONDS:g} to {MAX_CLIP_SECONDS:g} s, got {audio.duration_seconds:.1f} s"
                )
            samples = audio.native.mean(axis=1, dtype=np.float64) / 32768
            return Clip(samples, audio.format.sample_rate_hz, clip.text)
