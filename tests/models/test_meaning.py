"""MiniLM with its own weights: SeMaScore and BERTScore as the vectors and the published code have them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from bert_score import BERTScorer
from tokenizers import ByteLevelBPETokenizer
from transformers import DebertaConfig, DebertaForSequenceClassification, DebertaTokenizer

from services.scoring.backends.backend import BackendSettings, Transcript
from services.scoring.backends.choice import MEANING, Backends
from services.scoring.backends.models.encoder import TransformerEncoder
from services.scoring.pipeline.decoding import DecodedAudio
from services.scoring.pipeline.step import Skipped
from services.scoring.pipeline.steps.meaning import bert_score_step, meaning
from services.scoring.pipeline.work import Options, Work
from tests.models.conftest import MINILM
from tests.vectors import metric_vectors


@pytest.fixture(scope="module")
def backends(settings: BackendSettings) -> Backends:
    return Backends(settings)


@pytest.fixture(scope="module")
def encoder(backends: Backends) -> TransformerEncoder:
    return cast(TransformerEncoder, backends.get(MEANING))


def work_of(backends: Backends, reference: str, transcript: str, language: str = "en") -> Work:
    """Returns an evaluation of which only the texts are known."""
    work = Work(cast(DecodedAudio, None), Options(reference_text=reference), backends)
    work.results["transcription"] = Transcript(transcript, language, ())
    return work


@metric_vectors("semascore", having="encoder")
def test_semascore(backends: Backends, inputs: dict[str, Any], expected: dict[str, Any], tolerance: float) -> None:
    found = meaning(work_of(backends, inputs["reference"], inputs["hypothesis"]))
    assert found.result.sema_score == pytest.approx(expected["score"], abs=tolerance)
    assert found.backend.startswith(f"{MINILM}/layer-6/transformers-5.")


@metric_vectors("bert_score")
def test_bert_score(backends: Backends, inputs: dict[str, Any], expected: dict[str, Any], tolerance: float) -> None:
    found = bert_score_step(work_of(backends, inputs["reference"], inputs["hypothesis"])).result
    for name in ("precision", "recall", "f1"):
        assert getattr(found, name) == pytest.approx(expected[name], abs=tolerance)


def test_bert_score_is_that_of_its_authors(backends: Backends, settings: BackendSettings) -> None:
    assert settings.model_dir is not None
    pairs = [
        ("Your order 4815 ships on Monday.", "Your order 4850 ships on Sunday"),
        ("Do not take it at night!", "do take it at night"),
        ("A single word", "Word"),
        ("Dr. O'Neill lives at 12 Elm Street, doesn't she?", "doctor oneill lives at twelve elm street does she"),
    ]
    theirs = BERTScorer(model_type=str(settings.model_dir / MINILM), num_layers=6)
    scores = theirs.score([transcript for _, transcript in pairs], [reference for reference, _ in pairs])
    ours = [bert_score_step(work_of(backends, *pair)).result for pair in pairs]
    for name, values in zip(("precision", "recall", "f1"), scores, strict=True):
        assert [getattr(one, name) for one in ours] == pytest.approx(values.tolist(), abs=1e-5)


def test_a_batch_gives_what_single_texts_give(encoder: TransformerEncoder) -> None:
    texts = ["light", "", "please turn on the light", "your appointment is on monday, at noon"] * 20
    for text, found in zip(texts[:4], encoder.encode(texts), strict=False):
        (alone,) = encoder.encode([text])
        assert found.embeddings == pytest.approx(alone.embeddings, abs=1e-5)
        assert np.array_equal(found.offsets, alone.offsets)
        assert np.array_equal(found.special, alone.special)


def test_a_long_text_is_encoded_to_its_end(encoder: TransformerEncoder) -> None:
    text = " ".join(f"word{index}" for index in range(1000))
    (found,) = encoder.encode([text])
    assert found.special.sum() > 2
    assert found.offsets[~found.special][-1].tolist() == [len(text) - 1, len(text)]


def test_deberta_gives_its_eighteenth_layer(tmp_path: Path) -> None:
    # The architecture and the tokenizer of the default encoder, with small random weights.
    folder = tmp_path / "microsoft" / "deberta-large-mnli"
    folder.mkdir(parents=True)
    trained = ByteLevelBPETokenizer()
    special = ["[PAD]", "[CLS]", "[SEP]", "[UNK]", "[MASK]"]
    trained.train_from_iterator(["please turn on the light"] * 20, vocab_size=300, special_tokens=special)
    trained.save_model(str(folder))
    DebertaTokenizer(vocab=str(folder / "vocab.json"), merges=str(folder / "merges.txt")).save_pretrained(folder)
    torch.manual_seed(0)
    config = DebertaConfig(
        vocab_size=300, hidden_size=32, num_hidden_layers=24, num_attention_heads=2, intermediate_size=48,
        relative_attention=True, position_biased_input=False, pos_att_type=["c2p", "p2c"],
    )  # fmt: skip
    model = DebertaForSequenceClassification(config).eval()
    model.save_pretrained(folder)
    encoder = TransformerEncoder(BackendSettings(model_dir=tmp_path, offline=True))
    text = "please turn on the light"
    (found,) = encoder.encode([text])
    assert [text[start:end].strip() for start, end in found.offsets] == ["", *text.split(), ""]
    tokens = encoder._tokenizer(text, return_tensors="pt")
    with torch.no_grad():
        states = model.deberta(**tokens, output_hidden_states=True).hidden_states
    assert found.embeddings == pytest.approx(states[18][0].numpy(), abs=1e-5)


def test_an_empty_transcript_keeps_no_meaning(backends: Backends) -> None:
    work = work_of(backends, "turn on the light", "")
    assert meaning(work).result.sema_score == 0.0
    assert bert_score_step(work).result.f1 == 0.0


@pytest.mark.parametrize(
    ("reference", "language", "reason"),
    [
        ("", "en", "There is no reference text to compare with."),
        ("licht", "de", "The encoder knows the languages en, not de."),
        ("?!", "en", "The reference text has no words."),
    ],
)
def test_what_cannot_be_compared_is_skipped(backends: Backends, reference: str, language: str, reason: str) -> None:
    with pytest.raises(Skipped, match=f"^{reason.replace('?', '[?]')}$"):
        meaning(work_of(backends, reference, "light", language))
