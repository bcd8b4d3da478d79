"""BERTScore: how alike two texts are, token by token (arXiv 1904.09675)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class BertScore:
    """Precision, recall and their harmonic mean, -1 to 1. They are not rescaled."""

    precision: float
    recall: float
    f1: float


def bert_score(
    reference: NDArray[np.floating],
    transcript: NDArray[np.floating],
    reference_special: NDArray[np.bool_],
    transcript_special: NDArray[np.bool_],
) -> BertScore:
    """Compares the token embeddings of two texts, arrays of shape (tokens, dimensions).

    `..._special` says which tokens the encoder adds, such as [CLS]. They have no weight of their own, but can be the
    best match of another token, as in bert-score 0.3.13. Each text must have at least one other token.
    """
    cosines = _unit(reference) @ _unit(transcript).T
    recall = float(cosines.max(axis=1)[~reference_special].mean())
    precision = float(cosines.max(axis=0)[~transcript_special].mean())
    both = precision + recall
    return BertScore(precision, recall, 2 * precision * recall / both if both else 0.0)


def _unit(vectors: NDArray[np.floating]) -> NDArray[np.floating]:
    unit: NDArray[np.floating] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit
