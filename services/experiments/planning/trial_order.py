"""The order in which an experiment asks for its trials: drawn from a seed, and the same for the same seed for ever."""

import random
import secrets
from collections.abc import Iterable, Sequence
from typing import NamedTuple, TypeVar

from services.experiments.domain import MAX_SEED

T = TypeVar("T")


class Place(NamedTuple):
    """What a trial is: one prompt, by one model, for the how manieth time."""

    prompt_index: int
    model_index: int
    repeat_index: int


def draw_seed() -> int:
    """Returns a seed that nobody can foresee, 0 to 2^32 - 1."""
    return secrets.randbelow(MAX_SEED + 1)


def trial_order(prompts: int, models: int, repeats: int, seed: int) -> Sequence[Place]:
    """Returns every trial of an experiment in the order of asking.

    The first repeat of every prompt comes before the second of any. In each, the prompts are in random order, and the
    models of a prompt, in random order, next to one another: what changes at a provider or in the network while an
    experiment runs meets all models alike.
    """
    generator = random.Random(seed)  # noqa: S311 - an order, not a secret
    return [
        Place(prompt, model, repeat)
        for repeat in range(repeats)
        for prompt in _shuffled(range(prompts), generator)
        for model in _shuffled(range(models), generator)
    ]


def _shuffled(items: Iterable[T], generator: random.Random) -> list[T]:
    # Python promises that `random` gives the same numbers for a seed in every version, but not that `shuffle` does.
    drawn = [(generator.random(), number, item) for number, item in enumerate(items)]
    return [item for _, _, item in sorted(drawn, key=lambda each: each[:2])]
