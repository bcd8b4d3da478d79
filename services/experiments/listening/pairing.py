"""Which pairs can be heard, and which of them a listener is given."""

import random
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from services.experiments.domain import Trial, TrialStatus
from services.experiments.listening.domain import Pair, PairKey


@dataclass(frozen=True, slots=True)
class Drawn:
    """A pair as it was drawn for one listener."""

    pair: Pair
    first_trial: str
    second_trial: str
    swapped: bool
    drawn_from: int


def hearable(trials: Iterable[Trial], target_lufs: float) -> list[Pair]:
    """Returns the pairs of models that both completed a prompt, by prompt and models, with no votes."""
    completed: dict[tuple[int, int], list[Trial]] = {}
    for trial in trials:
        if trial.status is TrialStatus.COMPLETED and trial.audio_name and trial.audio_deleted_at is None:
            completed.setdefault((trial.prompt_index, trial.model_index), []).append(trial)
    spoken = {place: _by_repeat(repeats) for place, repeats in completed.items()}
    return [
        Pair(
            key=PairKey(prompt, first, second),
            first_trials=spoken[prompt, first],
            second_trials=spoken[prompt, second],
            target_lufs=target_lufs,
        )
        for (prompt, first), (other, second) in combinations(sorted(spoken), 2)
        if prompt == other
    ]


def _by_repeat(repeats: Iterable[Trial]) -> list[str]:
    return [trial.id for trial in sorted(repeats, key=lambda trial: trial.repeat_index)]


def short_of_votes(pairs: Iterable[Pair], heard: Collection[PairKey], votes_per_pair: int) -> list[Pair]:
    """Returns the pairs that need votes still and that a listener has not heard."""
    return [pair for pair in pairs if pair.lacks(votes_per_pair) and pair.key not in heard]


def draw(candidates: Sequence[Pair], held: Mapping[PairKey, int], chance: random.Random) -> Drawn | None:
    """Draws one of the pairs with the fewest votes, those that others are about to give counted; None if there is none.

    Which of the repeats are heard, and on which sides, is drawn too. What others hold only puts a pair behind the
    others, so that listeners who left without a word never keep a vote from being cast.
    """
    if not candidates:
        return None
    expected = {pair.key: pair.votes + held.get(pair.key, 0) for pair in candidates}
    fewest = min(expected.values())
    equals = [pair for pair in candidates if expected[pair.key] == fewest]
    pair = chance.choice(equals)
    return Drawn(
        pair=pair,
        first_trial=chance.choice(pair.first_trials),
        second_trial=chance.choice(pair.second_trials),
        swapped=chance.random() < 0.5,
        drawn_from=len(equals),
    )


def count(pairs: Iterable[Pair], votes_per_pair: int) -> tuple[int, int]:
    """Returns how many votes there are and how many there have to be, of each pair at most as many as it needs.

    Of a pair that can't be heard any more those that there are are enough.
    """
    counted = [(min(pair.votes, votes_per_pair), pair.lacks(votes_per_pair)) for pair in pairs]
    received = sum(votes for votes, _ in counted)
    return received, received + sum(lacking for _, lacking in counted)
