"""Which pair a listener is given, and how many votes are still to come."""

import random
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from services.shared.listening.domain import Pair, PairKey, Speech


@dataclass(frozen=True, slots=True)
class Drawn:
    """A pair as it was drawn for one listener."""

    pair: Pair
    first: Speech
    second: Speech
    swapped: bool
    drawn_from: int


def short_of_votes(pairs: Iterable[Pair], heard: Collection[PairKey], votes_per_pair: int) -> list[Pair]:
    """Returns the pairs that need votes still and that a listener has not heard."""
    return [pair for pair in pairs if pair.lacks(votes_per_pair) and pair.key not in heard]


def draw(candidates: Sequence[Pair], held: Mapping[PairKey, int], chance: random.Random) -> Drawn | None:
    """Draws one of the pairs with the fewest votes, counting those that are about to be cast; None without candidates.

    Recordings and sides are drawn too. `held` says how many listeners are at each pair. That only puts a pair behind
    the others, so listeners who left without voting never keep a vote from being cast.
    """
    if not candidates:
        return None
    expected = {pair.key: pair.votes + held.get(pair.key, 0) for pair in candidates}
    fewest = min(expected.values())
    equals = [pair for pair in candidates if expected[pair.key] == fewest]
    pair = chance.choice(equals)
    return Drawn(
        pair=pair,
        first=chance.choice(pair.first),
        second=chance.choice(pair.second),
        swapped=chance.random() < 0.5,
        drawn_from=len(equals),
    )


def count(pairs: Iterable[Pair], votes_per_pair: int) -> tuple[int, int]:
    """Returns how many votes have been received and how many are needed, of each pair at most `votes_per_pair`.

    A pair whose audio was deleted needs no more votes than it has.
    """
    counted = [(min(pair.votes, votes_per_pair), pair.lacks(votes_per_pair)) for pair in pairs]
    received = sum(votes for votes, _ in counted)
    return received, received + sum(lacking for _, lacking in counted)
