"""The order in which an experiment requests its trials. The same seed always gives the same order."""

import random
import secrets
from collections.abc import Iterable, Sequence
from typing import NamedTuple, TypeVar

from services.experiments.domain import MAX_SEED

T = TypeVar("T")


class TrialKey(NamedTuple):
    """Identifies a trial within its experiment. All indexes start at 0."""

    prompt_index: int
    model_index: int
    repeat_index: int


def draw_seed() -> int:
    """Returns an unpredictable seed, 0 to 2^32 - 1."""
    return secrets.randbelow(MAX_SEED + 1)


def trial_order(prompts: int, models: int, repeats: int, seed: int) -> Sequence[TrialKey]:
    """Returns every trial of an experiment in the order of the requests.

    The first repeat of every prompt comes before the second repeat of any prompt. Within a repeat the prompts are in
    random order. The models of a prompt follow each other, in random order, so that changes at a provider or in the
    network affect all models equally.
    """
    generator = random.Random(seed)  # noqa: S311 - an order, not a secret
    return [
        TrialKey(prompt, model, repeat)
        for repeat in range(repeats)
        for prompt in _shuffled(range(prompts), generator)
        for model in _shuffled(range(models), generator)
    ]


def _shuffled(items: Iterable[T], generator: random.Random) -> list[T]:
    # Python keeps the numbers of `random` the same for a seed in every version, but not the result of `shuffle`.
    drawn = [(generator.random(), number, item) for number, item in enumerate(items)]
    return [item for _, _, item in sorted(drawn, key=lambda each: each[:2])]
