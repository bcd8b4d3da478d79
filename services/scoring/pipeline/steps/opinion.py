"""The steps that predict what listeners would say: naturalness and quality."""

from __future__ import annotations

from dataclasses import dataclass

from services.scoring.backends.choice import NATURALNESS, QUALITY
from services.scoring.pipeline.step import Computed
from services.scoring.pipeline.steps.sound import require_speech
from services.scoring.pipeline.work import Work


@dataclass(frozen=True, slots=True)
class NaturalnessMetrics:
    """Opinion scores that models predict, 1 to 5. None if the model is not installed."""

    utmos: float | None = None
    distillmos: float | None = None


def naturalness(work: Work) -> Computed:
    """Predicts how natural speech sounds."""
    require_speech(work)
    models = work.backends.get_all(NATURALNESS)
    scores = {model.name: model.naturalness([work.samples])[0] for model in models}
    return Computed(NaturalnessMetrics(**scores), " + ".join(model.backend for model in models))


def quality(work: Work) -> Computed:
    """Predicts how good the signal, the background and the whole sound."""
    require_speech(work)
    backend = work.backends.get(QUALITY)
    return Computed(backend.score(work.samples), backend.backend)
