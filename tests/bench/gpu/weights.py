"""A MODEL_DIR with random weights of the real sizes, or of small ones. The speed does not depend on their values."""

from __future__ import annotations

from pathlib import Path

import torch
import whisper
from pyannote.audio.core.task import Problem, Resolution, Specifications
from pyannote.audio.models.embedding import WeSpeakerResNet34
from pyannote.audio.models.segmentation import PyanNet
from transformers import BertConfig, BertModel, BertTokenizerFast
from whisper.model import ModelDimensions, Whisper

from services.scoring.backends.backend import BackendSettings
from services.scoring.backends.models import pyannote, utmos
from tests.bench.gpu.queue_calls import REFERENCE, TRANSCRIPT
from tests.models import pyannote_folder
from tests.models.utmos_weights import checkpoint

# The name decides which heads of attention give times of words, so the small ones have the layers of tiny.en.
WHISPER = {"turbo": ModelDimensions(128, 1500, 1280, 20, 32, 51866, 448, 1280, 20, 4)}
SMALL_WHISPER = {"tiny.en": ModelDimensions(80, 1500, 48, 6, 1, 51864, 448, 48, 6, 4)}
FILES = {"turbo": "large-v3-turbo.pt", "tiny.en": "tiny.en.pt"}
BERT = "google-bert/bert-base-uncased"
WORDS = sorted({*REFERENCE.split(), *TRANSCRIPT.split()})


def write(folder: Path, device: str, *, small: bool) -> BackendSettings:
    """Writes the weights and returns the settings with which they are used."""
    torch.manual_seed(0)
    ((name, dimensions),) = (SMALL_WHISPER if small else WHISPER).items()
    _whisper(folder / "whisper" / FILES[name], dimensions, device)
    _bert(folder / BERT, small=small)
    (folder / "utmos").mkdir()
    sizes = {} if small else {"hidden": 768, "conv": 512, "layers": 12, "position": 128, "blstm": 512}
    torch.save(checkpoint(**sizes), folder / "utmos" / utmos.FILE)
    _pyannote(folder / pyannote.REPOSITORY, folder, small=small)
    return BackendSettings(device=device, model_dir=folder, whisper_model=name, bert_model=BERT, offline=True)


def _whisper(file: Path, dimensions: ModelDimensions, device: str) -> None:
    with torch.device(device):
        model = Whisper(dimensions)
    tokenizer = whisper.tokenizer.get_tokenizer(model.is_multilingual, num_languages=model.num_languages)
    with torch.no_grad():
        model.decoder.positional_embedding.normal_(0, 0.02)
        # The end and times become improbable, so that each recording is decoded to the limit of tokens.
        model.decoder.token_embedding.weight[tokenizer.eot] = 0
        model.decoder.token_embedding.weight[tokenizer.timestamp_begin :] = 0
    file.parent.mkdir(parents=True)
    state = {name: value.half().cpu() for name, value in model.state_dict().items()}
    torch.save({"dims": vars(dimensions), "model_state_dict": state}, file)


def _bert(folder: Path, *, small: bool) -> None:
    folder.mkdir(parents=True)
    (folder / "vocab.txt").write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]))
    BertTokenizerFast(vocab=str(folder / "vocab.txt")).save_pretrained(folder)
    sizes = {"hidden_size": 32, "num_attention_heads": 2, "intermediate_size": 64} if small else {}
    BertModel(BertConfig(num_hidden_layers=12, **sizes)).save_pretrained(folder)


def _pyannote(folder: Path, scratch: Path, *, small: bool) -> None:
    sizes = {"lstm": {"hidden_size": 16, "num_layers": 1}, "linear": {"hidden_size": 16, "num_layers": 1}}
    segmentation = PyanNet(**(sizes if small else {"lstm": {"num_layers": 4, "monolithic": True}}))
    segmentation.specifications = Specifications(
        problem=Problem.MONO_LABEL_CLASSIFICATION,
        resolution=Resolution.FRAME,
        duration=10.0,
        classes=["one", "two", "three"],
        powerset_max_classes=2,
        permutation_invariant=True,
    )
    segmentation.build()
    with torch.no_grad():
        # Somebody speaks always. Otherwise there is nothing to embed.
        segmentation.classifier.bias[1] += 20.0
    pyannote_folder.save(segmentation, scratch / "segmentation.bin")
    pyannote_folder.write(
        folder,
        scratch / "segmentation.bin",
        WeSpeakerResNet34(),
        {"clustering": "VBxClustering", "embedding_exclude_overlap": True},
        {"clustering": {"threshold": 0.6, "Fa": 0.07, "Fb": 0.8}, "segmentation": {"min_duration_off": 0.0}},
    )
