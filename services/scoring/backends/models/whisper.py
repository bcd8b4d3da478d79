"""Whisper: a speech recogniser for 99 languages (arXiv 2212.04356), over openai-whisper."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from traceback import clear_frames
from typing import Any

from services.scoring.backends.backend import (
    BackendMissing,
    BackendSettings,
    ModelCapabilities,
    Phrase,
    Samples,
    SpokenWord,
    Transcript,
    installed_version,
    is_out_of_memory,
)
from services.scoring.backends.models.weights import device, loading, missing_library, not_downloaded
from services.scoring.backends.models.whisper_decoding import (
    FRAME_SECONDS,
    WINDOW_FRAMES,
    decode,
    halve,
    is_silence,
    recognise_languages,
    segments,
)
from services.scoring.backends.models.whisper_steps import BatchDecoder
from services.scoring.backends.models.whisper_words import Attention, attentions
from services.scoring.backends.models.windows import FRAME_SAMPLES, WINDOW_SECONDS, windows

MODELS = (
    "tiny.en", "tiny", "base.en", "base", "small.en", "small", "medium.en", "medium",
    "large-v1", "large-v2", "large-v3", "large-v3-turbo",
)  # fmt: skip
ALIASES = {"large": "large-v3", "turbo": "large-v3-turbo"}
FFT_SAMPLES = 400
MAX_BATCH_WINDOWS = 64
"""The encoder is full from 8 windows on; the decoder gains up to here."""
MAX_BATCH_WINDOWS_ON_CPU = 8


@dataclass(eq=False)
class _Window:
    """A piece of a recording of at most 30 s, and what was found in it so far."""

    recording: int
    start_frame: int
    """Counted from the start of the recording."""
    mel: Any
    """The log-mel spectrogram, shape (bands, frames)."""
    language: str | None
    at: int = 0
    """The first frame that is not transcribed yet, counted from the start of the window."""
    text: str = ""
    phrases: list[Phrase] = field(default_factory=list)
    last_word_end: float = 0.0


class WhisperRecogniser:
    """Writes down speech, with times of words. Windows of all recordings of a call are decoded in one batch.

    For each window the result is that of openai-whisper's `transcribe` with `condition_on_previous_text=False`, apart
    from random numbers.
    """

    name = "whisper"
    package = "openai-whisper"
    capabilities = ModelCapabilities(
        licence="MIT", max_batch=MAX_BATCH_WINDOWS, window_seconds=WINDOW_SECONDS, word_times=True
    )

    @classmethod
    def missing(cls, settings: BackendSettings) -> str:
        """Returns what is missing, empty if nothing is."""
        if reason := missing_library(cls.package):
            return reason
        if _name(settings) not in MODELS:
            return f"WHISPER_MODEL is {settings.whisper_model}. It must be one of {', '.join((*MODELS, *ALIASES))}."
        if settings.offline and not _file(settings).is_file():
            place = _file(settings) if settings.model_dir else None
            return not_downloaded(f"Whisper {_name(settings)}", place, settings)
        return ""

    @classmethod
    def expected(cls, settings: BackendSettings) -> ModelCapabilities:
        """Returns what the configured model can do. Models of many languages know too many to matter."""
        return replace(cls.capabilities, languages=frozenset({"en"}) if _name(settings).endswith(".en") else None)

    def __init__(self, settings: BackendSettings) -> None:
        if reason := self.missing(settings):
            raise BackendMissing(reason)
        import torch
        import whisper

        name = _name(settings)
        self.backend = f"whisper-{name}/{self.package}-{installed_version(self.package)}"
        self._device = device(settings)
        self._model = model = _load(name, _file(settings), self._device)
        self._half = self._device.type == "cuda"
        if self._half:
            halve(model)
        languages = list(whisper.tokenizer.LANGUAGES)[: model.num_languages] if model.is_multilingual else ["en"]
        self.capabilities = replace(
            self.capabilities,
            languages=frozenset(languages),
            max_batch=MAX_BATCH_WINDOWS if self._half else MAX_BATCH_WINDOWS_ON_CPU,
        )
        self._decoder = BatchDecoder(model, graphs=self._half)
        self._filters = whisper.audio.mel_filters(self._device, model.dims.n_mels)
        self._hann = torch.hann_window(FFT_SAMPLES, device=self._device)

    def transcribe(self, recordings: Sequence[Samples], language: str | None) -> list[Transcript]:
        """Transcribes a batch. `language` is a code such as `en`; None if it must be recognised."""
        try:
            return self._transcribe(recordings, language)
        except Exception as error:
            if is_out_of_memory(error):
                # What decoding keeps, also in the frames of the error, would leave no room for the smaller batches.
                self._decoder.release()
                clear_frames(error.__traceback__)
            raise

    def _transcribe(self, recordings: Sequence[Samples], language: str | None) -> list[Transcript]:
        import torch

        pieces = [
            (index, start // FRAME_SAMPLES, samples[start:end])
            for index, samples in enumerate(recordings)
            for start, end in windows(samples)
        ]
        done: list[_Window] = []
        size = self.capabilities.max_batch
        for first in range(0, len(pieces), size):
            batch = pieces[first : first + size]
            with torch.no_grad():
                mels = self._log_mels([samples for _, _, samples in batch])
                todo = [
                    _Window(index, start, mel, language) for (index, start, _), mel in zip(batch, mels, strict=True)
                ]
                done += todo
                while todo := [window for window in todo if window.at < window.mel.shape[1]]:
                    self._take(todo, self._decode(todo))
        return [_transcript([one for one in done if one.recording == index]) for index in range(len(recordings))]

    def _log_mels(self, batch: Sequence[Samples]) -> list[Any]:
        """Returns log-mel spectrograms as `transcribe` computes them, each scaled by its own maximum."""
        import torch

        # Silence after the end, so that the last frames are those of a recording that is followed by silence.
        length = max(map(len, batch)) + 2 * FFT_SAMPLES
        padded = torch.zeros(len(batch), length, pin_memory=self._device.type == "cuda")
        for row, samples in zip(padded.numpy(), batch, strict=True):
            row[: len(samples)] = samples
        waves = padded.to(self._device, non_blocking=True)
        spectrum = torch.stft(waves, FFT_SAMPLES, FRAME_SAMPLES, window=self._hann, return_complex=True)
        mels = (self._filters @ (spectrum[..., :-1].abs() ** 2)).clamp(min=1e-10).log10()
        mels = (torch.maximum(mels, mels.amax(dim=(1, 2), keepdim=True) - 8.0) + 4.0) / 4.0
        return [mel[:, : len(samples) // FRAME_SAMPLES] for mel, samples in zip(mels, batch, strict=True)]

    def _decode(self, todo: Sequence[_Window]) -> list[Any]:
        """Decodes the next frames of each window."""
        import torch

        # Frames after the end are 0.0 in the finished spectrogram. Silence would give other values, and other texts.
        mels = torch.zeros(len(todo), self._model.dims.n_mels, WINDOW_FRAMES, device=self._device)
        for row, window in zip(mels, todo, strict=True):
            rest = window.mel[:, window.at :]
            row[:, : rest.shape[1]] = rest
        features = self._model.encoder(mels.half() if self._half else mels)
        if unknown := [row for row, window in enumerate(todo) if window.language is None]:
            for row, language in zip(unknown, recognise_languages(self._model, features[unknown]), strict=True):
                todo[row].language = language
        languages = [window.language or "" for window in todo]
        return decode(self._decoder, features, languages)

    def _take(self, todo: Sequence[_Window], results: Sequence[Any]) -> None:
        """Adds the phrases of each result to its window, and moves to the first frame after them."""
        import torch

        heard = [self._said(window, result) for window, result in zip(todo, results, strict=True)]
        timed = [one for one in heard if one.segments]
        if timed:
            # The decoder runs once more, over the sound that is encoded already.
            features = torch.stack([one.features for one in timed])
            for said, attention in zip(
                timed, attentions(self._model, features, [said.prompt for said in timed]), strict=True
            ):
                said.add_phrases(attention)
        for one in heard:
            one.window.at += one.used_frames

    def _said(self, window: _Window, result: Any) -> _Said:
        from whisper.tokenizer import get_tokenizer

        frames = min(WINDOW_FRAMES, window.mel.shape[1] - window.at)
        tokenizer = get_tokenizer(
            self._model.is_multilingual,
            num_languages=self._model.num_languages,
            language=window.language,
            task="transcribe",
        )
        if is_silence(result):
            return _Said(window, tokenizer, result.audio_features, [], frames, frames)
        first_frame = window.start_frame + window.at
        found, used = segments(result.tokens, tokenizer.timestamp_begin, frames)
        described = [
            {
                "seek": first_frame,
                "start": first_frame * FRAME_SECONDS + start,
                "end": first_frame * FRAME_SECONDS + end,
                "tokens": tokens,
                "text": tokenizer.decode([token for token in tokens if token < tokenizer.eot]),
            }
            for start, end, tokens in found
        ]
        said = [one for one in described if str(one["text"]).strip() and one["start"] != one["end"]]
        return _Said(window, tokenizer, result.audio_features, said, frames, used)


@dataclass(eq=False, slots=True)
class _Said:
    """What was heard in the next frames of a window."""

    window: _Window
    tokenizer: Any
    features: Any
    """The encoded sound."""
    segments: list[dict[str, Any]]
    """As openai-whisper describes them."""
    frames: int
    used_frames: int

    @property
    def prompt(self) -> list[int]:
        """The tokens with which openai-whisper asks when words are said."""
        text = [token for one in self.segments for token in one["tokens"] if token < self.tokenizer.eot]
        return [*self.tokenizer.sot_sequence, self.tokenizer.no_timestamps, *text, self.tokenizer.eot]

    def add_phrases(self, attention: Attention) -> None:
        """Adds phrases with times of words to the window."""
        from whisper.timing import add_word_timestamps

        add_word_timestamps(
            segments=self.segments,
            model=attention,
            tokenizer=self.tokenizer,
            mel=self.features,
            num_frames=self.frames,
            last_speech_timestamp=self.window.last_word_end,
        )
        for one in self.segments:
            words = tuple(
                SpokenWord(word["word"].strip(), float(word["start"]), float(word["end"])) for word in one["words"]
            )
            self.window.phrases.append(Phrase(one["text"].strip(), float(one["start"]), float(one["end"]), words))
            self.window.text += one["text"]
            self.window.last_word_end = words[-1].end if words else one["end"]


def _transcript(found: Sequence[_Window]) -> Transcript:
    languages = [window.language for window in found if window.text] or [found[0].language]
    return Transcript(
        " ".join("".join(window.text for window in found).split()),
        max(languages, key=languages.count) or "und",
        tuple(phrase for window in found for phrase in window.phrases),
    )


def _name(settings: BackendSettings) -> str:
    return ALIASES.get(settings.whisper_model, settings.whisper_model)


def _file(settings: BackendSettings) -> Path:
    folder = settings.model_dir / "whisper" if settings.model_dir else Path.home() / ".cache" / "whisper"
    return folder / f"{_name(settings)}.pt"


def _load(name: str, file: Path, chosen: Any) -> Any:
    """Loads a checkpoint, which is downloaded first if it is not there."""
    import whisper

    if not file.is_file():
        try:
            whisper._download(whisper._MODELS[name], str(file.parent), in_memory=False)
        except (OSError, RuntimeError) as error:
            raise BackendMissing(
                f"Whisper {name} could not be downloaded ({type(error).__name__}). Check the connection, or put "
                f"{file.name} into the folder `whisper` of MODEL_DIR."
            ) from error
    with loading(f"Whisper {name}", file):
        model = whisper.load_model(str(file), device=chosen).eval()
        model.set_alignment_heads(whisper._ALIGNMENT_HEADS[name])
    return model
