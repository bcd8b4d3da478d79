"""The steps about meaning: SeMaScore and BERTScore. Both need an encoder of sentences."""

from __future__ import annotations

from services.scoring.pipeline.step import Computed, Skipped
from services.scoring.pipeline.steps.words import NO_REFERENCE
from services.scoring.pipeline.work import Work

NO_ENCODER = "This release has no encoder of sentences."


def meaning(work: Work) -> Computed:
    """Says how much of the meaning is kept."""
    return _skip(work)


def bert_score_step(work: Work) -> Computed:
    """Compares the texts token by token."""
    return _skip(work)


def _skip(work: Work) -> Computed:
    raise Skipped(NO_ENCODER if work.options.reference_text.strip() else NO_REFERENCE)
