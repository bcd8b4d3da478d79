"""SenseVoice: emotions, audio events and a second transcript (arXiv 2407.04051), over FunASR."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from services.scoring.backends.backend import (
    RATE_HZ,
    BackendMissing,
    BackendSettings,
    Emotion,
    ModelCapabilities,
    Samples,
    installed_version,
)
from services.scoring.backends.models.weights import device, from_hub, loading, missing_from_hub, missing_library
from services.scoring.backends.models.windows import WINDOW_SECONDS, windows

REPOSITORY = "FunAudioLLM/SenseVoiceSmall"
LANGUAGES = frozenset({"en", "ja", "ko", "yue", "zh"})
EMOTIONS = frozenset({"happy", "sad", "angry", "neutral", "fearful", "disgusted", "surprised"})
EVENTS = frozenset({"BGM", "Applause", "Laughter", "Cry", "Sneeze", "Breath", "Cough", "Sing"})
UNKNOWN = "unknown"
MAX_BATCH_WINDOWS = 16
_TAG = re.compile(r"<\|([^|]*)\|>")


class SenseVoice:
    """Recognises emotions and events. A long recording is heard in windows of at most 30 s."""

    name = "sensevoice"
    package = "funasr"
    capabilities = ModelCapabilities(
        licence="FunASR model licence",
        languages=LANGUAGES,
        max_batch=MAX_BATCH_WINDOWS,
        window_seconds=WINDOW_SECONDS,
    )

    @classmethod
    def missing(cls, settings: BackendSettings) -> str:
        """Returns what is missing, empty if nothing is."""
        return missing_library(cls.package) or missing_from_hub(REPOSITORY, settings)

    def __init__(self, settings: BackendSettings) -> None:
        if reason := self.missing(settings):
            raise BackendMissing(reason)
        self.backend = f"{REPOSITORY}/{self.package}-{installed_version(self.package)}"
        chosen = device(settings)
        folder = from_hub(REPOSITORY, settings, ignore=("*.onnx", "example/*", "fig/*"))
        with loading(REPOSITORY, folder):
            self._model = load(folder, str(chosen))

    def recognise(self, recordings: Sequence[Samples], language: str) -> list[Emotion]:
        """Returns the emotion of each recording of a batch."""
        pieces = [
            (index, samples[start:end]) for index, samples in enumerate(recordings) for start, end in windows(samples)
        ]
        found = self._model.generate(
            # A list of arrays is a batch. One array with two dimensions would be taken as stereo.
            input=[piece for _, piece in pieces],
            fs=RATE_HZ,
            language=language if language in LANGUAGES else "auto",
            use_itn=False,
            batch_size=self.capabilities.max_batch,
            disable_pbar=True,
        )
        texts: list[list[str]] = [[] for _ in recordings]
        lengths: list[list[int]] = [[] for _ in recordings]
        for (index, piece), one in zip(pieces, found, strict=True):
            texts[index].append(one["text"])
            lengths[index].append(len(piece))
        return [read_tags(*one) for one in zip(texts, lengths, strict=True)]


def load(folder: Path, device_name: str) -> Any:
    """Loads a model of FunASR from a folder. Raises ValueError if the file of weights lacks some."""
    import torch

    # Importing FunASR prints to stdout, which belongs to the results of commands.
    with redirect_stdout(sys.stderr):
        from funasr import AutoModel

        model = AutoModel(
            model=str(folder),
            device=device_name,
            disable_update=True,
            disable_pbar=True,
            # Without random noise, so that the same recording gives the same result.
            frontend_conf={"dither": 0.0},
            # FunASR sets the number of threads of the process to this.
            ncpu=torch.get_num_threads(),
        )
    stored = torch.load(folder / "model.pt", map_location="cpu", weights_only=True)
    for key in ("state_dict", "model_state_dict", "model"):
        stored = stored.get(key, stored)
    # FunASR itself leaves what is not in the file at random values.
    if lacking := sorted(model.model.state_dict().keys() - stored.keys()):
        raise ValueError(f"{folder} lacks {lacking[0]}")
    return model


def read_tags(texts: Sequence[str], lengths: Sequence[int]) -> Emotion:
    """Returns the emotion that most of the recording has, all events, and the text without tags.

    `texts` are those of the windows, such as `<|en|><|HAPPY|><|Speech|><|woitn|>hello`.
    """
    heard: dict[str, int] = {}
    events: list[str] = []
    for text, length in zip(texts, lengths, strict=True):
        tags = _TAG.findall(text)
        for emotion in EMOTIONS.intersection(tag.lower() for tag in tags):
            heard[emotion] = heard.get(emotion, 0) + length
        events += [tag for tag in tags if tag in EVENTS and tag not in events]
    words = " ".join(_TAG.sub(" ", " ".join(texts)).split())
    return Emotion(max(sorted(heard), key=heard.__getitem__, default=UNKNOWN), tuple(events), words)
