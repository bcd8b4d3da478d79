"""Evaluations of changed clips as they should be, and a runner that makes them."""

from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

from services.runtime.errors import Busy
from services.scoring.audit.expectations import steps_for
from services.scoring.pipeline.step import RecordingEvaluation, StepOutcome, StepStatus
from services.scoring.workers.job import EvaluationJob

Values = Mapping[str, float]
ORIGINAL: Values = {
    "word_error_rate": 0.05,
    "hard_word_accuracy": 1.0,
    "failures": 0.0,
    "sema_score": 0.95,
    "f1": 0.95,
    "prosody_score": 0.85,
    "utmos": 4.0,
    "distillmos": 4.0,
    "overall_mos": 3.0,
    "background_mos": 3.5,
    "p808_mos": 3.7,
}
OPINIONS = ("utmos", "distillmos", "overall_mos", "background_mos", "p808_mos")
CUT: Values = {"word_error_rate": 0.4, "hard_word_accuracy": 0.5, "failures": 1.0, "sema_score": 0.7, "f1": 0.8}
CHANGED: Mapping[str, Values] = {
    **{
        f"noise_{snr}_db": {name: ORIGINAL[name] - lost for name in OPINIONS}
        for snr, lost in ((20, 0.5), (10, 1.0), (0, 1.5))
    },
    "swapped_text": {"word_error_rate": 1.0, "hard_word_accuracy": 0.0, "sema_score": 0.3, "f1": 0.5},
    "end_removed": CUT,
    "middle_removed": CUT,
    "part_repeated": CUT,
    "long_pause": {"prosody_score": 0.6},
}
NO_SPEECH = ("silence", "noise_alone")
NOBODY_SPEAKS = "There is no speech in the recording."
FIELDS = {
    "word_errors": ("word_error_rate", "hard_word_accuracy", "failures"),
    "meaning": ("sema_score",),
    "bert_score": ("f1",),
    "prosody": ("prosody_score",),
    "naturalness": ("utmos", "distillmos"),
    "quality": ("overall_mos", "background_mos", "p808_mos"),
}


def values(perturbation: str) -> dict[str, float]:
    """Returns the values of a clip with this change, by metric."""
    more = {"word_error_rate": 0.6} if perturbation == "noise_0_db" else {}
    return {**ORIGINAL, **CHANGED.get(perturbation, {}), **more}


def evaluation(perturbation: str, **changed: Any) -> RecordingEvaluation:
    """Returns the evaluation of a clip with this change. `changed` replaces values of metrics."""
    if perturbation in NO_SPEECH and not changed:
        skipped = {name: StepOutcome(name, StepStatus.skipped, reason=NOBODY_SPEAKS) for name in FIELDS}
        return RecordingEvaluation(4.8, skipped)
    measured = {**values(perturbation), **changed}
    return RecordingEvaluation(4.8, {step: completed(step, measured) for step in FIELDS})


def completed(step: str, measured: Mapping[str, Any]) -> StepOutcome:
    """Returns the outcome of a step that gives these values."""
    found = {name: measured[name] for name in FIELDS[step]}
    if step == "word_errors":
        result = SimpleNamespace(
            errors=SimpleNamespace(words=SimpleNamespace(error_rate=found["word_error_rate"])),
            hard_word_accuracy=found["hard_word_accuracy"],
            failures=[None] * int(found["failures"]),
        )
    else:
        result = SimpleNamespace(**found)
    return StepOutcome(step, StepStatus.completed, 0.1, backend=f"{step}/1", result=result)


class AuditRunner:
    """Implements `services.scoring.workers.job.EvaluationRunner` for the clips of an audit.

    `broken` has values that its metrics give for every clip with speech, whatever is changed. `error` is raised by all
    jobs of a change.
    """

    def __init__(self) -> None:
        self.jobs: list[EvaluationJob] = []
        self.sizes: list[int] = []
        """The sizes of the files, in bytes."""
        self.broken: dict[str, float] = {}
        self.errors: dict[str, Exception] = {}
        self.hold: Callable[[], Any] | None = None
        """Awaited before each job."""

    async def run(self, job: EvaluationJob, on_step: Callable[[StepOutcome], None]) -> RecordingEvaluation:
        """Evaluates as it should be."""
        self.jobs.append(job)
        self.sizes.append(job.audio_path.stat().st_size)
        if self.hold is not None:
            await self.hold()
        perturbation = perturbation_of(job)
        if (error := self.errors.get(perturbation)) is not None:
            raise error
        assert job.steps == steps_for(perturbation)
        return evaluation(perturbation, **(self.broken if perturbation not in NO_SPEECH else {}))


def perturbation_of(job: EvaluationJob) -> str:
    """Returns the change whose clip a job evaluates."""
    return job.id.split("_", 2)[2].rpartition("_")[0]


FULL = Busy("too many recordings wait")
