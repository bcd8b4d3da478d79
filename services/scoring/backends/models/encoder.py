"""An encoder of texts, such as BERT, over transformers. SeMaScore and BERTScore compare its token embeddings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from services.scoring.backends.backend import (
    BackendMissing,
    BackendSettings,
    Encoding,
    ModelCapabilities,
    installed_version,
)
from services.scoring.backends.models.weights import device, from_hub, loading, missing_from_hub, missing_library


@dataclass(frozen=True, slots=True)
class Encoder:
    """What belongs to the name of an encoder."""

    layer: int
    """The layer whose embeddings agree best with people. Later layers are left out."""
    licence: str
    languages: frozenset[str] | None = frozenset({"en"})
    prefix_space: bool = False
    """Whether the first word is encoded like one that follows a space."""


ENCODERS = {
    "microsoft/deberta-large-mnli": Encoder(18, "MIT"),
    "microsoft/deberta-base-mnli": Encoder(9, "MIT"),
    "FacebookAI/roberta-large": Encoder(17, "MIT", prefix_space=True),
    "google-bert/bert-base-uncased": Encoder(9, "Apache-2.0"),
    "google-bert/bert-base-multilingual-cased": Encoder(9, "Apache-2.0", languages=None),
    "sentence-transformers/all-MiniLM-L6-v2": Encoder(6, "Apache-2.0"),
}
"""Layers from bert-score 0.3.13; its layer for DeBERTa is also that of the published SeMaScore."""
ALIASES = {
    "roberta-large": "FacebookAI/roberta-large",
    "bert-base-uncased": "google-bert/bert-base-uncased",
    "bert-base-multilingual-cased": "google-bert/bert-base-multilingual-cased",
}
OTHER_FORMATS = ("*.h5", "*.msgpack", "rust_model*", "*.onnx", "*.tflite", "onnx/*", "openvino/*", "coreml/*")
MAX_BATCH_TEXTS = 64


class TransformerEncoder:
    """Encodes texts. A text that is longer than the model takes is encoded in pieces that follow one another."""

    name = "encoder"
    package = "transformers"
    capabilities = ModelCapabilities(licence="depends on the model", max_batch=MAX_BATCH_TEXTS)

    @classmethod
    def missing(cls, settings: BackendSettings) -> str:
        """Returns what is missing, empty if nothing is."""
        if reason := missing_library(cls.package):
            return reason
        if _name(settings) not in ENCODERS:
            return f"BERT_MODEL is {settings.bert_model}. It must be one of {', '.join((*ENCODERS, *ALIASES))}."
        return missing_from_hub(_name(settings), settings)

    @classmethod
    def expected(cls, settings: BackendSettings) -> ModelCapabilities:
        """Returns what the configured encoder can do."""
        chosen = ENCODERS[_name(settings)]
        return replace(cls.capabilities, licence=chosen.licence, languages=chosen.languages)

    def __init__(self, settings: BackendSettings) -> None:
        if reason := self.missing(settings):
            raise BackendMissing(reason)
        from transformers import AutoConfig, AutoModel, AutoTokenizer

        name = _name(settings)
        chosen = ENCODERS[name]
        self.backend = f"{name}/layer-{chosen.layer}/{self.package}-{installed_version(self.package)}"
        self.capabilities = replace(self.capabilities, licence=chosen.licence, languages=chosen.languages)
        self._device = device(settings)
        folder = from_hub(name, settings, ignore=OTHER_FORMATS)
        with loading(name, folder):
            config = AutoConfig.from_pretrained(folder, local_files_only=True)
            if config.num_hidden_layers < chosen.layer:
                raise ValueError(f"{folder} has {config.num_hidden_layers} layers")
            config.num_hidden_layers = chosen.layer
            self._model, report = AutoModel.from_pretrained(
                folder, config=config, local_files_only=True, output_loading_info=True
            )
            if lacking := [key for key in report["missing_keys"] if not key.startswith("pooler.")]:
                raise ValueError(f"{folder} lacks {lacking[0]}")
            self._model.float().eval().to(self._device)
            more = {"add_prefix_space": True} if chosen.prefix_space else {}
            self._tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, **more)
        self._max_tokens = min(self._tokenizer.model_max_length, config.max_position_embeddings)

    def encode(self, texts: Sequence[str]) -> list[Encoding]:
        """Encodes a batch. Texts may be empty."""
        if not texts:
            return []
        tokens = self._tokenizer(
            list(texts),
            truncation=True,
            max_length=self._max_tokens,
            return_overflowing_tokens=True,
            return_offsets_mapping=True,
            return_special_tokens_mask=True,
        )
        pieces = [
            Encoding(
                embeddings,
                np.array(tokens["offset_mapping"][index], dtype=np.int64).reshape(-1, 2),
                np.array(tokens["special_tokens_mask"][index], dtype=np.bool_),
            )
            for index, embeddings in enumerate(self._embeddings(tokens["input_ids"]))
        ]
        owners = tokens["overflow_to_sample_mapping"]
        return [
            _joined([piece for piece, owner in zip(pieces, owners, strict=True) if owner == index])
            for index in range(len(texts))
        ]

    def _embeddings(self, ids: Sequence[Sequence[int]]) -> list[Any]:
        """Returns the embeddings of each row of tokens. Rows of similar length share a batch."""
        import torch

        found: list[Any] = [None] * len(ids)
        order = sorted(range(len(ids)), key=lambda index: len(ids[index]))
        size = self.capabilities.max_batch
        for start in range(0, len(order), size):
            rows = order[start : start + size]
            batch = self._tokenizer.pad({"input_ids": [ids[row] for row in rows]}, return_tensors="pt")
            with torch.inference_mode():
                states = self._model(
                    input_ids=batch["input_ids"].to(self._device),
                    attention_mask=batch["attention_mask"].to(self._device),
                ).last_hidden_state
            for row, state in zip(rows, states.float().cpu().numpy(), strict=True):
                found[row] = state[: len(ids[row])]
        return found


def _joined(pieces: Sequence[Encoding]) -> Encoding:
    return Encoding(
        np.concatenate([piece.embeddings for piece in pieces]),
        np.concatenate([piece.offsets for piece in pieces]),
        np.concatenate([piece.special for piece in pieces]),
    )


def _name(settings: BackendSettings) -> str:
    return ALIASES.get(settings.bert_model, settings.bert_model)
