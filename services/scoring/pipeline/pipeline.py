"""Evaluates a recording without a mesh, a database or a gateway."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from services.scoring.backends.backend import BackendSettings
from services.scoring.backends.choice import Backends
from services.scoring.pipeline.evaluating import Request, evaluate
from services.scoring.pipeline.step import RecordingEvaluation, StepOutcome
from services.scoring.pipeline.steps import STEPS
from services.scoring.pipeline.work import SPLIT, Options


class VoiceEvaluationPipeline:
    """The seventeen steps over one file.

    `transcript_path` is a text file with what should be spoken. Without it the steps that compare are skipped.
    `channels` is one of CHANNELS.
    `hf_token` lets models be downloaded that need an account. `backend_settings` says where weights are.
    """

    def __init__(
        self,
        audio_path: str | Path,
        transcript_path: str | Path | None = None,
        hf_token: str | None = None,
        enable_diarization: bool = True,
        num_speakers: int | None = None,
        *,
        language: str = "en",
        channels: str = SPLIT,
        backend_settings: BackendSettings | None = None,
    ) -> None:
        reference = Path(transcript_path).read_text(encoding="utf-8") if transcript_path else ""
        steps = tuple(step for step in STEPS if enable_diarization or step.name != "diarization")
        self._request = Request(Path(audio_path), Options(reference, language, num_speakers, channels), steps)
        settings = backend_settings or BackendSettings()
        self._backends = Backends(replace(settings, hf_token=hf_token) if hf_token else settings)

    def evaluate(self, progress_callback: Callable[[StepOutcome], None] | None = None) -> RecordingEvaluation:
        """Runs every step that can run and returns all results. A recording that cannot be decoded fails its first
        step, and the others are skipped."""
        return evaluate(self._request, self._backends, progress_callback or (lambda outcome: None))
