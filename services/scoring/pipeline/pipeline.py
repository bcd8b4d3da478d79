"""Evaluates a recording without a mesh, a database or a gateway."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from services.scoring.backends.choice import Backends
from services.scoring.domain import AudioUnreadable
from services.scoring.pipeline.decoding import decoded
from services.scoring.pipeline.step import RecordingEvaluation, StepOutcome, StepStatus, run_steps
from services.scoring.pipeline.steps import STEPS
from services.scoring.pipeline.work import Options, Work

THREADS = 4


class VoiceEvaluationPipeline:
    """The seventeen steps over one file.

    `transcript_path` is a text file with what should be spoken. Without it the steps that compare are skipped.
    `hf_token` lets models be downloaded that need an account.
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
    ) -> None:
        self._audio_path = Path(audio_path)
        reference = Path(transcript_path).read_text(encoding="utf-8") if transcript_path else ""
        self._options = Options(reference, language, num_speakers)
        self._steps = [step for step in STEPS if enable_diarization or step.name != "diarization"]
        self._backends = Backends()

    def evaluate(self, progress_callback: Callable[[StepOutcome], None] | None = None) -> RecordingEvaluation:
        """Runs every step that can run and returns all results. A recording that cannot be decoded fails its first
        step, and the others are skipped."""
        report = progress_callback or (lambda outcome: None)
        try:
            with decoded(self._audio_path) as audio, ThreadPoolExecutor(THREADS) as executor:
                work = Work(audio, self._options, self._backends)
                outcomes = run_steps(self._steps, work, work.results, executor, report)
                return RecordingEvaluation(audio.duration_seconds, outcomes)
        except AudioUnreadable as error:
            return RecordingEvaluation(None, self._undecoded(str(error), report))

    def _undecoded(self, reason: str, report: Callable[[StepOutcome], None]) -> dict[str, StepOutcome]:
        outcomes = {}
        for step in self._steps:
            status = StepStatus.failed if step.name == "decode" else StepStatus.skipped
            outcomes[step.name] = StepOutcome(step.name, status, reason=reason)
            report(outcomes[step.name])
        return outcomes
