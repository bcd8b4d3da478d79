"""The steps about meaning: SeMaScore and BERTScore, over token embeddings of an encoder of texts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from services.scoring.backends.backend import Encoding
from services.scoring.backends.choice import MEANING
from services.scoring.metrics.text import semascore
from services.scoring.metrics.text.bert_score import BertScore, bert_score
from services.scoring.pipeline.step import Computed, Skipped
from services.scoring.pipeline.steps.words import NO_REFERENCE
from services.scoring.pipeline.work import Work


@dataclass(frozen=True, slots=True)
class MeaningMetrics:
    """How much of the meaning is kept."""

    sema_score: float
    """0 to 1."""


def meaning(work: Work) -> Computed:
    """Says how much of the meaning of the reference text the transcript keeps."""
    encoder = _encoder(work)
    reference = semascore.prepare(work.options.reference_text)
    transcript = semascore.prepare(work.results["transcription"].text)
    if not reference:
        raise Skipped("The reference text has no words.")
    if max(len(reference), len(transcript)) > semascore.MAX_CHARACTERS:
        raise Skipped(_too_long())
    if not transcript:
        return Computed(MeaningMetrics(0.0), encoder.backend)
    pairs = semascore.segment_pairs(reference, transcript)
    similarity, importance = semascore.cosines(
        pairs, *(_tokens(encoding) for encoding in encoder.encode([reference, transcript]))
    )
    return Computed(MeaningMetrics(semascore.score(pairs, similarity, importance)), encoder.backend)


def bert_score_step(work: Work) -> Computed:
    """Compares the transcript with the reference text, token by token."""
    encoder = _encoder(work)
    texts = [work.options.reference_text.strip(), work.results["transcription"].text.strip()]
    if max(map(len, texts)) > semascore.MAX_CHARACTERS:
        raise Skipped(_too_long())
    if not texts[1]:
        # The published code gives a text without words the same value.
        return Computed(BertScore(0.0, 0.0, 0.0), encoder.backend)
    reference, transcript = encoder.encode(texts)
    found = bert_score(reference.embeddings, transcript.embeddings, reference.special, transcript.special)
    return Computed(found, encoder.backend)


def _encoder(work: Work) -> Any:
    """Returns the encoder. Raises Skipped if there is nothing to compare or the language is not known to it."""
    if not work.options.reference_text.strip():
        raise Skipped(NO_REFERENCE)
    encoder = work.backends.get(MEANING)
    languages = encoder.capabilities.languages
    if languages is not None and work.results["transcription"].language not in languages:
        known = ", ".join(sorted(languages))
        raise Skipped(f"The encoder knows the languages {known}, not {work.results['transcription'].language}.")
    return encoder


def _tokens(encoding: Encoding) -> semascore.Tokens:
    return semascore.Tokens(encoding.embeddings[~encoding.special], encoding.offsets[~encoding.special])


def _too_long() -> str:
    return f"The texts are longer than {semascore.MAX_CHARACTERS} characters, which is too long to compare by meaning."
