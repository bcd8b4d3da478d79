"""Resemblyzer's network of speaker embeddings as a model of pyannote, to diarize with weights that packages contain."""

from __future__ import annotations

from typing import Any

import librosa
import torch
from pyannote.audio.core.model import Model

MEL_BANDS = 40
FFT_SAMPLES = 400
HOP_SAMPLES = 160
WINDOW_FRAMES = 160
WINDOW_STEP_FRAMES = 40


class Resemblyzer(Model):
    """Embeds voices: LSTM over mel spectrograms, windows of 1.6 s, their mean at unit length."""

    def __init__(self, sample_rate: int = 16_000, num_channels: int = 1, task: Any = None) -> None:
        super().__init__(sample_rate=sample_rate, num_channels=num_channels, task=task)
        self.save_hyperparameters("sample_rate", "num_channels")
        self.lstm = torch.nn.LSTM(MEL_BANDS, 256, 3, batch_first=True)
        self.linear = torch.nn.Linear(256, 256)
        mel = librosa.filters.mel(sr=sample_rate, n_fft=FFT_SAMPLES, n_mels=MEL_BANDS)
        self.register_buffer("mel", torch.from_numpy(mel), persistent=False)

    @property
    def dimension(self) -> int:
        """The size of an embedding."""
        return 256

    def forward(self, waveforms: torch.Tensor, weights: torch.Tensor | None = None) -> torch.Tensor:
        """Embeds waveforms of shape (batch, 1, samples). Only samples with a weight count. NaN if there are none."""
        found = []
        for index, wave in enumerate(waveforms[:, 0]):
            own = wave
            if weights is not None:
                frames = torch.nn.functional.interpolate(weights[index][None, None], size=len(wave))[0, 0]
                own = wave[frames > 0.5]
            found.append(self._embed(own) if len(own) else own.new_full((256,), torch.nan))
        return torch.stack(found)

    def _embed(self, wave: torch.Tensor) -> torch.Tensor:
        missing = WINDOW_FRAMES * HOP_SAMPLES - len(wave)
        wave = torch.nn.functional.pad(wave, (0, max(0, missing)))
        window = torch.hann_window(FFT_SAMPLES, device=wave.device)
        spectrum = torch.stft(wave, FFT_SAMPLES, HOP_SAMPLES, window=window, pad_mode="constant", return_complex=True)
        mels = (self.mel @ spectrum.abs().square()).T
        starts = range(0, max(1, len(mels) - WINDOW_FRAMES + 1), WINDOW_STEP_FRAMES)
        _, (hidden, _) = self.lstm(torch.stack([mels[start : start + WINDOW_FRAMES] for start in starts]))
        parts = torch.nn.functional.normalize(self.linear(hidden[-1]).relu(), dim=1)
        return torch.nn.functional.normalize(parts.mean(dim=0), dim=0)
