"""Which models meet, and on which scenario."""

import random
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest

from services.elo.ratings import Contenders, draw_pair, draw_scenario

DRAWS = 4000


def contenders(
    ratings: Sequence[float],
    half_width: float = 50.0,
    languages: Sequence[str] | None = None,
    voice_classes: Sequence[str] | None = None,
    **more: np.ndarray,
) -> Contenders:
    """Returns models of one language and unknown voice class, unless stated, with equal half-widths."""
    count = len(ratings)
    return Contenders(
        ratings=np.array(ratings, dtype=float),
        half_widths=more.get("half_widths", np.full((count, count), half_width)),
        languages=languages or ["en"] * count,
        voice_classes=voice_classes or [""] * count,
        prepared=more.get("prepared"),
    )


def drawn_pairs(of: Contenders, draws: int = DRAWS) -> Counter[tuple[int, int]]:
    """Returns how often each pair is drawn."""
    rng = random.Random(3)
    pairs: Counter[tuple[int, int]] = Counter()
    for _ in range(draws):
        drawn = draw_pair(of, rng)
        assert drawn is not None
        pairs[drawn.first, drawn.second] += 1
    return pairs


def test_about_90_percent_of_draws_are_among_near_models() -> None:
    # 0 and 1 are near, and 2 is 800 points away from both.
    pairs = drawn_pairs(contenders([1500, 1510, 2300]))
    # The rest is drawn among all three pairs alike.
    assert pairs[0, 1] / DRAWS == pytest.approx(0.9 + 0.1 / 3, abs=0.015)
    assert pairs[0, 2] > 0
    assert pairs[1, 2] > 0


def test_a_draw_says_its_window_its_candidates_and_its_probability() -> None:
    of, rng = contenders([1500, 1510, 2300]), random.Random(1)
    draws = [draw_pair(of, rng) for _ in range(300)]
    near = next(draw for draw in draws if draw is not None and (draw.first, draw.second) == (0, 1))
    assert (near.gap_points, near.window_points, near.inside_window, near.candidates) == (10, 250, True, 1)
    assert near.probability == pytest.approx(0.9 + 0.1 / 3)
    far = next(draw for draw in draws if draw is not None and draw.second == 2)
    assert (far.inside_window, far.candidates) == (False, 3)
    assert far.probability == pytest.approx(0.1 / 3)


def test_probabilities_are_how_often_pairs_are_drawn() -> None:
    generator = np.random.default_rng(1)
    half_widths = generator.uniform(20, 300, (6, 6))
    of = contenders(generator.normal(1500, 200, 6).tolist(), half_widths=half_widths + half_widths.T)
    rng, seen, stated = random.Random(2), Counter[tuple[int, int]](), {}
    for _ in range(DRAWS):
        draw = draw_pair(of, rng)
        assert draw is not None
        seen[draw.first, draw.second] += 1
        stated[draw.first, draw.second] = draw.probability
    assert sum(stated.values()) == pytest.approx(1, abs=1e-9)
    for pair, probability in stated.items():
        assert seen[pair] / DRAWS == pytest.approx(probability, abs=4 * (probability / DRAWS) ** 0.5)


def test_the_window_is_as_wide_as_what_is_unknown() -> None:
    narrow = draw_pair(contenders([1500, 1800], half_width=50), random.Random(1))
    wide = draw_pair(contenders([1500, 1800], half_width=150), random.Random(1))
    assert narrow is not None
    assert wide is not None
    assert (narrow.inside_window, wide.inside_window) == (False, True)


def test_if_no_model_is_near_the_nearest_one_is_drawn() -> None:
    pairs = drawn_pairs(contenders([1000, 2000, 2900], half_width=10), 500)
    assert pairs[1, 2] / 500 > 0.85


def test_uncertain_pairs_are_drawn_more_often() -> None:
    half_widths = np.full((3, 3), 50.0)
    half_widths[0, 2] = half_widths[2, 0] = 200.0
    pairs = drawn_pairs(contenders([1500, 1500, 1500], half_widths=half_widths))
    assert pairs[0, 2] / DRAWS == pytest.approx(200 / 300, abs=0.03)


def test_prepared_battles_count_before_they_are_in_the_intervals() -> None:
    prepared = np.zeros((3, 3), int)
    prepared[0, 1] = prepared[1, 0] = 9
    pairs = drawn_pairs(contenders([1500, 1500, 1500], prepared=prepared))
    assert pairs[0, 1] / DRAWS == pytest.approx(0.1 / 2.1, abs=0.02)


def test_a_new_model_counts_as_mean_and_unknown() -> None:
    half_widths = np.full((4, 4), 50.0)
    half_widths[3, :] = half_widths[:, 3] = np.inf
    pairs = drawn_pairs(contenders([1700, 1600, 1500, np.nan], half_widths=half_widths))
    with_new = sum(count for pair, count in pairs.items() if 3 in pair)
    assert with_new / DRAWS > 0.8


def test_models_meet_only_models_with_their_language() -> None:
    pairs = drawn_pairs(contenders([1500] * 4, languages=["en", "de", "en", "de"]), 300)
    assert set(pairs) == {(0, 2), (1, 3)}
    assert draw_pair(contenders([1500, 1500], languages=["en", "de"]), random.Random(1)) is None


def test_voices_of_one_class_meet_each_other_and_those_of_unknown_class() -> None:
    of = contenders([1500] * 4, voice_classes=["female", "male", "female", ""])
    pairs = drawn_pairs(of)
    # Two classes meet in draws from all pairs only: a tenth, in two of six pairs.
    assert (pairs[0, 1] + pairs[1, 2]) / DRAWS == pytest.approx(0.1 / 3, abs=0.015)
    assert min(pairs[0, 2], pairs[0, 3], pairs[1, 3], pairs[2, 3]) / DRAWS > 0.2
    # Or if there is no other pair.
    assert set(drawn_pairs(contenders([1500, 1500], voice_classes=["female", "male"]), 10)) == {(0, 1)}


def test_a_named_model_is_in_every_pair() -> None:
    of = contenders([1500, 1510, 1900, 1520], languages=["en", "en", "en", "de"])
    rng = random.Random(5)
    pairs = [draw_pair(of, rng, including=1) for _ in range(200)]
    assert {(pair.first, pair.second) for pair in pairs if pair} == {(0, 1), (1, 2)}
    assert draw_pair(of, rng, including=3) is None


@pytest.mark.parametrize("ratings", [[], [1500]])
def test_fewer_than_two_models_can_not_meet(ratings: list[float]) -> None:
    assert draw_pair(contenders(ratings), random.Random(1)) is None


def test_the_graph_of_battles_stays_in_one_piece() -> None:
    # Two groups far from each other.
    pairs = drawn_pairs(contenders([1000, 1010, 1020, 3000, 3010, 3020], half_width=10), 400)
    assert any(first < 3 <= second for first, second in pairs)


def test_every_model_needs_a_language_a_class_and_half_widths() -> None:
    with pytest.raises(ValueError, match="for each of 3 models"):
        draw_pair(contenders([1500] * 3, languages=["en"]), random.Random(1))


def test_a_scenario_that_mostly_ties_is_drawn_a_quarter_as_often() -> None:
    # The second has 61% ties, the third has too few votes to say, and the fourth has exactly 60%.
    votes, ties = np.array([100, 100, 19, 20]), np.array([30, 61, 19, 12])
    rng = random.Random(8)
    draws = [draw_scenario(votes, ties, rng) for _ in range(DRAWS)]
    counts = Counter(draw.index for draw in draws if draw is not None)
    probabilities = {draw.index: draw.probability for draw in draws if draw is not None}
    assert probabilities == pytest.approx({0: 4 / 13, 1: 1 / 13, 2: 4 / 13, 3: 4 / 13})
    for index, probability in probabilities.items():
        assert counts[index] / DRAWS == pytest.approx(probability, abs=0.03)


def test_without_scenarios_none_is_drawn() -> None:
    assert draw_scenario(np.array([], int), np.array([], int), random.Random(1)) is None


def test_the_window_with_half_widths_biases_young_boards_less() -> None:
    """A model whose early votes were unlucky still meets its equals, because its rating is known to be uncertain."""
    unlucky = contenders([1500, 1500, 1500, 1150], half_width=160)
    hard = contenders([1500, 1500, 1500, 1150], half_width=1)
    meets = [sum(n for pair, n in drawn_pairs(of).items() if 3 in pair) / DRAWS for of in (unlucky, hard)]
    assert meets[0] > 0.2
    assert meets[1] < 0.1
