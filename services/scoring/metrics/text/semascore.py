"""SeMaScore: how much of the meaning a transcript keeps (arXiv 2401.07506), 0 to 1.

The texts are aligned by characters and cut into pairs of segments. Each pair counts by how alike its segments are in
letters and in meaning, and weighs by how much it contributes to the meaning of the whole reference.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MAX_CHARACTERS = 20_000
"""The alignment needs a byte for each pair of characters. Longer texts are compared in pieces by the caller."""
_PUNCTUATION = re.compile(r"[^\w\s]")
_MATCH, _SUBSTITUTE, _INSERT, _DELETE = range(4)


@dataclass(frozen=True, slots=True)
class SegmentPair:
    """A segment of the reference and the segment of the transcript that stands in its place. Either can be empty."""

    reference: str
    transcript: str

    @property
    def match(self) -> float:
        """How alike the letters are: 1 - edits / length of the longer segment."""
        # Imported here: the process that answers calls imports this module, and works without the package.
        from rapidfuzz.distance import Levenshtein

        longest = max(len(self.reference), len(self.transcript))
        return 1 - Levenshtein.distance(self.reference, self.transcript) / longest if longest else 1.0


def prepare(text: str) -> str:
    """Returns the text in lower case, without punctuation and with single spaces."""
    return " ".join(_PUNCTUATION.sub("", text.lower()).split())


def segment_pairs(reference: str, transcript: str) -> list[SegmentPair]:
    """Aligns two prepared texts and cuts both wherever a space meets a space."""
    pairs = []
    reference_start = transcript_start = 0
    for reference_end, transcript_end in _common_spaces(reference, transcript):
        pairs.append(SegmentPair(reference[reference_start:reference_end], transcript[transcript_start:transcript_end]))
        reference_start, transcript_start = reference_end + 1, transcript_end + 1
    pairs.append(SegmentPair(reference[reference_start:], transcript[transcript_start:]))
    return pairs


def score(pairs: Sequence[SegmentPair], similarity: NDArray[np.floating], importance: NDArray[np.floating]) -> float:
    """Returns the score of aligned texts.

    `similarity` is the cosine of the embeddings of each pair's two segments. `importance` is the cosine of the
    reference segment's embedding and the mean over all tokens of the reference. Both have one value for each pair.
    """
    weights = (importance + 1) / 2
    matches = np.array([pair.match for pair in pairs])
    return float(np.sum(weights * (similarity + 1) / 2 * matches) / np.sum(weights))


@dataclass(frozen=True, slots=True, eq=False)
class Tokens:
    """The tokens of a prepared text, without those that the encoder adds."""

    embeddings: NDArray[np.floating]
    """Shape (tokens, dimensions)."""
    offsets: NDArray[np.integer]
    """Start and end of each token in the text, in characters, shape (tokens, 2)."""


def cosines(
    pairs: Sequence[SegmentPair], reference: Tokens, transcript: Tokens
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Returns the similarity and the importance of each pair, as `score` takes them.

    The embedding of a segment is the mean over the tokens that have a character in it. Each text was encoded once.
    """
    of_reference = _segment_embeddings([pair.reference for pair in pairs], reference)
    of_transcript = _segment_embeddings([pair.transcript for pair in pairs], transcript)
    whole = reference.embeddings.mean(axis=0, dtype=np.float64)
    similarity = [_cosine(one, other) for one, other in zip(of_reference, of_transcript, strict=True)]
    importance = [_cosine(one, whole) for one in of_reference]
    return np.array(similarity), np.array(importance)


def _segment_embeddings(segments: Sequence[str], tokens: Tokens) -> list[NDArray[np.float64]]:
    found, start = [], 0
    for segment in segments:
        end = start + len(segment)
        inside = (tokens.offsets[:, 0] < end) & (tokens.offsets[:, 1] > start)
        chosen = tokens.embeddings[inside]
        found.append(chosen.mean(axis=0, dtype=np.float64) if len(chosen) else np.zeros(tokens.embeddings.shape[1]))
        start = end + 1
    return found


def _cosine(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    lengths = float(np.linalg.norm(one) * np.linalg.norm(other))
    return float(one @ other) / lengths if lengths else 0.0


def _common_spaces(reference: str, transcript: str) -> list[tuple[int, int]]:
    """Returns the positions of aligned spaces, from left to right.

    The alignment is traced back from the end. Where several steps cost the same, the order is: match, substitute,
    surplus in the transcript, surplus in the reference. The published code has that order, and ties depend on it.
    """
    if max(len(reference), len(transcript)) > MAX_CHARACTERS:
        raise ValueError(f"texts of more than {MAX_CHARACTERS} characters cannot be aligned")
    steps = _alignment_steps(reference, transcript)
    row, column = len(reference), len(transcript)
    spaces = []
    while row and column:
        step = steps[row, column]
        if step == _INSERT:
            column -= 1
        elif step == _DELETE:
            row -= 1
        else:
            row, column = row - 1, column - 1
            if step == _MATCH and reference[row] == " ":
                spaces.append((row, column))
    return spaces[::-1]


def _alignment_steps(reference: str, transcript: str) -> NDArray[np.uint8]:
    """Returns the last step of the cheapest alignment of each pair of prefixes, an array of shape (R + 1, T + 1)."""
    wanted = np.array([ord(character) for character in transcript], dtype=np.int32)
    steps = np.empty((len(reference) + 1, len(transcript) + 1), dtype=np.uint8)
    steps[0] = _INSERT
    steps[:, 0] = _DELETE
    costs = np.arange(len(transcript) + 1)
    positions = np.arange(len(transcript) + 1)
    for row, character in enumerate(reference, start=1):
        equal = wanted == ord(character)
        diagonal = costs[:-1] + ~equal
        above = costs[1:] + 1
        without_insertions = np.concatenate(([row], np.minimum(diagonal, above)))
        # An insertion costs 1, so the cheapest way to each column is a running minimum of cost - column.
        new = np.minimum.accumulate(without_insertions - positions) + positions
        left = new[:-1] + 1
        steps[row, 1:] = np.select(
            [equal & (diagonal == new[1:]), diagonal == new[1:], left == new[1:]],
            [_MATCH, _SUBSTITUTE, _INSERT],
            _DELETE,
        )
        costs = new
    return steps
