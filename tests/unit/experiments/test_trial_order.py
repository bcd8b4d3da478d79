"""The order in which an experiment requests its trials."""

from itertools import groupby

import pytest

from services.experiments.planning.trial_order import TrialKey, draw_seed, trial_order


def test_every_trial_occurs_once() -> None:
    order = trial_order(20, 4, 5, seed=1)
    assert sorted(order) == sorted(TrialKey(p, m, r) for p in range(20) for m in range(4) for r in range(5))


@pytest.mark.parametrize("seed", [0, 1, 2**32 - 1])
def test_the_models_of_a_prompt_follow_each_other_and_repeats_come_one_after_another(seed: int) -> None:
    order = trial_order(20, 3, 4, seed=seed)
    blocks = [(key, len(list(block))) for key, block in groupby(order, lambda key: (key[2], key[0]))]
    assert {length for _, length in blocks} == {3}
    assert [repeat for (repeat, _), _ in blocks] == [repeat for repeat in range(4) for _ in range(20)]


def test_the_order_for_a_seed_is_the_same_in_every_version() -> None:
    # The order is written out here, because the seed of an old experiment must still give its order.
    assert [(key.prompt_index, key.model_index) for key in trial_order(3, 3, 1, seed=7)] == [
        *((1, 0), (1, 2), (1, 1)),
        *((0, 2), (0, 0), (0, 1)),
        *((2, 1), (2, 2), (2, 0)),
    ]


def test_prompts_and_models_occur_in_every_order() -> None:
    orders = [trial_order(3, 2, 1, seed=seed) for seed in range(600)]
    counts: dict[tuple[TrialKey, ...], int] = {}
    for order in orders:
        counts[tuple(order)] = counts.get(tuple(order), 0) + 1
    # There are 3! orders of prompts, and 2 orders of models for each of the 3 prompts.
    assert len(counts) == 6 * 2**3
    assert max(counts.values()) < 40


def test_each_model_is_first_as_often_as_the_others() -> None:
    firsts = [trial_order(1, 4, 1, seed=seed)[0].model_index for seed in range(4000)]
    assert all(900 < firsts.count(model) < 1100 for model in range(4))


def test_seeds_are_drawn_from_the_whole_range() -> None:
    seeds = {draw_seed() for _ in range(1000)}
    assert len(seeds) > 990
    assert 0 <= min(seeds) < 2**28
    assert 2**32 - 2**28 < max(seeds) < 2**32
