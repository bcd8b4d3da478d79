"""The order in which an experiment asks for its trials."""

from itertools import groupby

import pytest

from services.experiments.planning.trial_order import Place, draw_seed, trial_order


def test_every_trial_has_one_place() -> None:
    order = trial_order(20, 4, 5, seed=1)
    assert sorted(order) == sorted(Place(p, m, r) for p in range(20) for m in range(4) for r in range(5))


@pytest.mark.parametrize("seed", [0, 1, 2**32 - 1])
def test_models_of_a_prompt_are_next_to_one_another_and_repeats_follow_repeats(seed: int) -> None:
    order = trial_order(20, 3, 4, seed=seed)
    blocks = [(key, len(list(block))) for key, block in groupby(order, lambda place: (place[2], place[0]))]
    assert {length for _, length in blocks} == {3}
    assert [repeat for (repeat, _), _ in blocks] == [repeat for repeat in range(4) for _ in range(20)]


def test_an_order_is_the_same_for_its_seed_in_every_version() -> None:
    # Written down: experiments that have run are explained by it.
    assert [(place.prompt_index, place.model_index) for place in trial_order(3, 3, 1, seed=7)] == [
        *((1, 0), (1, 2), (1, 1)),
        *((0, 2), (0, 0), (0, 1)),
        *((2, 1), (2, 2), (2, 0)),
    ]


def test_prompts_and_models_come_in_every_order() -> None:
    orders = [trial_order(3, 2, 1, seed=seed) for seed in range(600)]
    counts: dict[tuple[Place, ...], int] = {}
    for order in orders:
        counts[tuple(order)] = counts.get(tuple(order), 0) + 1
    # 3! orders of prompts, and 2 of models for each of the three.
    assert len(counts) == 6 * 2**3
    assert max(counts.values()) < 40


def test_each_model_is_first_as_often_as_the_others() -> None:
    firsts = [trial_order(1, 4, 1, seed=seed)[0].model_index for seed in range(4000)]
    assert all(900 < firsts.count(model) < 1100 for model in range(4))


def test_seeds_are_drawn_from_all_that_there_are() -> None:
    seeds = {draw_seed() for _ in range(1000)}
    assert len(seeds) > 990
    assert 0 <= min(seeds) < 2**28
    assert 2**32 - 2**28 < max(seeds) < 2**32
