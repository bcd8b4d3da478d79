"""The steps that predict what listeners would say: naturalness and quality."""

from __future__ import annotations

from services.scoring.backends.choice import QUALITY
from services.scoring.pipeline.step import Computed, Skipped
from services.scoring.pipeline.steps.sound import require_speech
from services.scoring.pipeline.work import Work


def naturalness(work: Work) -> Computed:
    """Predicts how natural speech sounds."""
    require_speech(work)
    raise Skipped("This release has no model of naturalness.")


def quality(work: Work) -> Computed:
    """Predicts how good the signal, the background and the whole sound."""
    require_speech(work)
    backend = work.backends.get(QUALITY)
    return Computed(backend.score(work.samples), backend.backend)
