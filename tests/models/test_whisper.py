"""Whisper tiny.en with OpenAI's weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import whisper
from torch.multiprocessing.reductions import StorageWeakRef
from whisper.model import ModelDimensions, Whisper

from services.scoring.backends.backend import RATE_HZ, BackendMissing, BackendSettings, Samples, Transcript
from services.scoring.backends.models import whisper_decoding
from services.scoring.backends.models.whisper import WhisperRecogniser
from services.scoring.backends.models.whisper_steps import BatchDecoder


@pytest.fixture(scope="module")
def recogniser(settings: BackendSettings) -> WhisperRecogniser:
    return WhisperRecogniser(settings)


@pytest.fixture(scope="module")
def batch(recogniser: WhisperRecogniser, clips: list[Samples]) -> list[Transcript]:
    """The transcripts of all clips in one call."""
    return recogniser.transcribe(clips, "en")


def test_a_batch_gives_the_texts_and_word_times_of_transcribe(
    batch: list[Transcript], settings: BackendSettings, clips: list[Samples]
) -> None:
    assert settings.model_dir is not None
    original = whisper.load_model(str(settings.model_dir / "whisper" / "tiny.en.pt"), device="cpu")
    original.set_alignment_heads(whisper._ALIGNMENT_HEADS["tiny.en"])
    for clip, found in zip(clips, batch, strict=True):
        expected = original.transcribe(
            clip, language="en", fp16=False, condition_on_previous_text=False, word_timestamps=True
        )
        assert found.text == " ".join(expected["text"].split())
        theirs = [word for segment in expected["segments"] for word in segment["words"]]
        ours = [word for phrase in found.phrases for word in phrase.words]
        assert [word.text for word in ours] == [word["word"].strip() for word in theirs]
        assert [word.start for word in ours] == pytest.approx([word["start"] for word in theirs], abs=0.021)
        assert [word.end for word in ours] == pytest.approx([word["end"] for word in theirs], abs=0.021)


def test_words_of_a_long_recording_have_their_own_times(recogniser: WhisperRecogniser, clips: list[Samples]) -> None:
    pause = np.zeros(20 * RATE_HZ, dtype=np.float32)
    (found,) = recogniser.transcribe([np.concatenate([clips[2], pause, clips[2]])], "en")
    starts = [word.start for phrase in found.phrases for word in phrase.words if word.text.startswith("Sheila")]
    assert len(starts) == 2
    assert starts[1] - starts[0] == pytest.approx(len(clips[2]) / RATE_HZ + 20, abs=0.2)


def test_silence_has_no_words(recogniser: WhisperRecogniser) -> None:
    assert recogniser.transcribe([np.zeros(5 * RATE_HZ, dtype=np.float32)], "en") == [Transcript("", "en", ())]


def test_windows_that_are_decoded_again_give_the_same_in_a_batch_and_alone(
    recogniser: WhisperRecogniser, clips: list[Samples], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Every text is improbable by this measure, so all are decoded again, with random numbers.
    monkeypatch.setattr(whisper_decoding, "MIN_LOG_PROBABILITY", 0.0)
    monkeypatch.setattr(whisper_decoding, "TEMPERATURES", (0.6,))
    short = [clips[4], clips[0][: 2 * RATE_HZ]]
    together = recogniser.transcribe(short, "en")
    assert [one.text for one in together] == [recogniser.transcribe([clip], "en")[0].text for clip in short]


def test_a_batch_that_runs_out_of_memory_gives_back_all_that_decoding_keeps(
    settings: BackendSettings, clips: list[Samples], monkeypatch: pytest.MonkeyPatch
) -> None:
    recogniser = WhisperRecogniser(settings)
    recogniser._decoder = decoder = BatchDecoder(recogniser._model, graphs=True)
    recogniser.transcribe([clips[4]], "en")
    assert decoder._rows is not None
    kept = StorageWeakRef(decoder._rows.heard_keys[0].untyped_storage())
    monkeypatch.setattr(BatchDecoder, "_finish", no_memory)
    with pytest.raises(MemoryError) as error:
        recogniser.transcribe([clips[4]], "en")
    assert error.value.__traceback__ is not None
    assert kept.expired()


def no_memory(*_: object) -> None:
    raise MemoryError


def test_half_precision_leaves_layer_norms_alone(recogniser: WhisperRecogniser) -> None:
    model = Whisper(ModelDimensions(80, 1500, 16, 2, 1, 51865, 448, 16, 2, 1))
    whisper_decoding.halve(model)
    kinds = {type(module).__name__: next(module.parameters()).dtype for module in model.modules() if is_leaf(module)}
    assert kinds == {
        "Conv1d": torch.float16,
        "Linear": torch.float16,
        "Embedding": torch.float16,
        "LayerNorm": torch.float32,
    }


def is_leaf(module: torch.nn.Module) -> bool:
    return not list(module.children()) and bool(list(module.parameters()))


def test_a_model_of_many_languages_recognises_one(
    tmp_path: Path, clips: list[Samples], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Small random weights, so what it recognises means nothing.
    torch.manual_seed(0)
    model = Whisper(ModelDimensions(80, 1500, 64, 2, 1, 51865, 448, 64, 2, 1))
    torch.nn.init.normal_(model.decoder.positional_embedding, std=0.02)
    (tmp_path / "whisper").mkdir()
    torch.save(
        {"dims": vars(model.dims), "model_state_dict": model.state_dict()}, tmp_path / "whisper" / "large-v3-turbo.pt"
    )
    monkeypatch.setattr(whisper, "_ALIGNMENT_HEADS", {"large-v3-turbo": heads(model)})
    monkeypatch.setattr(whisper_decoding, "TEMPERATURES", ())
    recogniser = WhisperRecogniser(BackendSettings(model_dir=tmp_path, whisper_model="turbo", offline=True))
    assert recogniser.capabilities.languages is not None
    assert len(recogniser.capabilities.languages) == 99
    first, second = recogniser.transcribe([clips[4], clips[0][:RATE_HZ]], None)
    assert {first.language, second.language} <= recogniser.capabilities.languages
    assert recogniser.transcribe([clips[4]], None) == [first]


def heads(model: Whisper) -> bytes:
    """Returns all heads of a model as openai-whisper writes them."""
    import base64
    import gzip

    shape = (model.dims.n_text_layer, model.dims.n_text_head)
    return base64.b85encode(gzip.compress(np.ones(shape, dtype=np.bool_).tobytes()))


@pytest.mark.parametrize("content", [b"", b"half a file", b"PK\x03\x04"])
def test_damaged_weights_are_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "whisper").mkdir()
    (tmp_path / "whisper" / "tiny.en.pt").write_bytes(content)
    with pytest.raises(BackendMissing, match=r"The weights of Whisper tiny\.en in .*tiny\.en\.pt cannot be loaded"):
        WhisperRecogniser(BackendSettings(model_dir=tmp_path, whisper_model="tiny.en", offline=True))


def test_a_device_that_is_not_there_is_named(settings: BackendSettings) -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    assert settings.model_dir is not None
    there = BackendSettings(model_dir=settings.model_dir, whisper_model="tiny.en", device="cuda:0", offline=True)
    with pytest.raises(BackendMissing, match=r"^SCORING_DEVICE is cuda:0, but torch cannot use it on this machine\."):
        WhisperRecogniser(there)


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        ("tiny", "The weights of Whisper tiny are not on this machine, and HF_HUB_OFFLINE forbids downloads."),
        ("enormous", "WHISPER_MODEL is enormous. It must be one of tiny.en, tiny, "),
    ],
)
def test_what_is_missing_is_said_before_loading(settings: BackendSettings, model: str, reason: str) -> None:
    there = BackendSettings(model_dir=settings.model_dir, whisper_model=model, offline=True)
    assert WhisperRecogniser.missing(there).startswith(reason)
