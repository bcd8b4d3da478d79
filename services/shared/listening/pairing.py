"""Draws the pair that a listener hears next, and counts the votes that are still needed."""

import random
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from services.shared.listening.domain import CandidateAudio, Pair, PairKey


@dataclass(frozen=True, slots=True)
class DrawnPair:
    """A pair drawn for one listener, with the recordings to play. If `swapped`, clip A is the second candidate."""

    pair: Pair
    first: CandidateAudio
    second: CandidateAudio
    swapped: bool
    drawn_from: int
    """The number of pairs from which it was drawn, each with the same probability."""


def pairs_lacking_votes(pairs: Iterable[Pair], heard: Collection[PairKey], votes_per_pair: int) -> list[Pair]:
    """Returns the pairs that need more votes and that are not in `heard`, the pairs of this listener."""
    return [pair for pair in pairs if pair.lacks(votes_per_pair) and pair.key not in heard]


def draw(candidates: Sequence[Pair], pending: Mapping[PairKey, int], rng: random.Random) -> DrawnPair | None:
    """Draws one of the pairs with the fewest votes, and its recordings and sides. Returns None without candidates.

    `pending` counts the listeners who have a pair and have not answered. They are added to its votes. A pair with many
    pending listeners comes later but stays a candidate, so listeners who leave without voting block no vote.
    """
    if not candidates:
        return None
    expected = {pair.key: pair.votes + pending.get(pair.key, 0) for pair in candidates}
    fewest = min(expected.values())
    equals = [pair for pair in candidates if expected[pair.key] == fewest]
    pair = rng.choice(equals)
    return DrawnPair(
        pair=pair,
        first=rng.choice(pair.first),
        second=rng.choice(pair.second),
        swapped=rng.random() < 0.5,
        drawn_from=len(equals),
    )


def count_votes(pairs: Iterable[Pair], votes_per_pair: int) -> tuple[int, int]:
    """Returns the number of votes received and the number needed in all. Each counts at most `votes_per_pair` per pair.

    A pair whose audio was deleted needs no more votes than it has.
    """
    counted = [(min(pair.votes, votes_per_pair), pair.lacks(votes_per_pair)) for pair in pairs]
    received = sum(votes for votes, _ in counted)
    return received, received + sum(lacking for _, lacking in counted)
