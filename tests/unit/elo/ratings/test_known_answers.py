"""Published boards equal the known answers in tests/vectors/ratings.json, within the tolerances stated there."""

import numpy as np
import pytest
from numpy.typing import ArrayLike

from services.elo.ratings import VoteKind, fragility
from services.elo.ratings.clusters import variances
from services.elo.ratings.method import DEFAULT_METHOD, ELO_PER_UNIT
from services.elo.ratings.student_t import quantile, two_sided_p
from tests.vectors.ratings import board_of, cases_with, rating_case, rating_vectors

CLOSE = 1e-4
RELATIVE = 1e-3


def expected(name: str) -> dict[str, ArrayLike]:
    """Returns what a case expects."""
    return rating_case(name)["expect"]


def test_the_defaults_are_the_settings_of_the_known_answers() -> None:
    settings = rating_vectors()["settings"]
    assert settings["ridge"] == DEFAULT_METHOD.ridge
    assert settings["tau_elo"] == DEFAULT_METHOD.cluster_sd_elo
    assert settings["alpha"] == DEFAULT_METHOD.false_claim_rate
    assert settings["mass"] == {kind.value: mass for kind, mass in DEFAULT_METHOD.masses.items()}


def test_every_known_answer_is_compared() -> None:
    file = rating_vectors()
    assert {key for case in file["cases"] for key in case["expect"]} == {
        *("strength", "elo", "tie_parameter", "vote_weight", "se", "df", "half_width", "variance_elo2", "plain_se"),
        *("pairs", "rank", "rank_worst", "components", "slot_a_elo", "slot_a_se_elo", "slot_a_points", "fragility"),
    }
    pairs = {key for name in cases_with("pairs") for pair in rating_case(name)["expect"]["pairs"] for key in pair}
    assert pairs == {"i", "j", "difference", "se", "df", "half_width", "p", "split"}
    assert file.keys() == {"readme", "settings", "t_quantile_0975", "t_two_sided_p", "anchor", "cases"}
    assert len(file["cases"]) == 13


@pytest.mark.parametrize("name", cases_with("elo"))
def test_ratings(name: str) -> None:
    assert board_of(name).elo == pytest.approx(expected(name)["elo"], abs=CLOSE)


@pytest.mark.parametrize("name", cases_with("tie_parameter"))
def test_tie_parameters(name: str) -> None:
    parameters = {kind.value: value for kind, value in board_of(name).tie_parameters.items()}
    assert parameters == pytest.approx(expected(name)["tie_parameter"], abs=CLOSE)


@pytest.mark.parametrize("name", cases_with("vote_weight"))
def test_weights_of_votes(name: str) -> None:
    weights = {kind.value: weight for kind, weight in board_of(name).fit.weights.items()}
    assert weights == pytest.approx(expected(name)["vote_weight"])


@pytest.mark.parametrize("quantity", ["se", "df", "half_width"])
@pytest.mark.parametrize("name", cases_with("se"))
def test_intervals_of_ratings(name: str, quantity: str) -> None:
    assert getattr(board_of(name), quantity) == pytest.approx(expected(name)[quantity], rel=RELATIVE)


@pytest.mark.parametrize("clustering", ["voter", "scenario", "votes", "total"])
@pytest.mark.parametrize("name", cases_with("variance_elo2"))
def test_variances(name: str, clustering: str) -> None:
    board = board_of(name)
    covariance = getattr(board.covariances, clustering)
    in_elo = variances(covariance, np.arange(len(board.elo))) * ELO_PER_UNIT**2
    assert in_elo == pytest.approx(expected(name)["variance_elo2"][clustering], rel=RELATIVE)


@pytest.mark.parametrize("name", cases_with("plain_se"))
def test_plain_standard_errors(name: str) -> None:
    board = board_of(name)
    plain = np.sqrt(variances(board.covariances.plain, np.arange(len(board.elo)))) * ELO_PER_UNIT
    assert plain == pytest.approx(expected(name)["plain_se"], rel=RELATIVE)


@pytest.mark.parametrize(
    ("quantity", "tolerance"),
    [
        ("difference", {"abs": CLOSE}),
        ("se", {"rel": RELATIVE}),
        ("df", {"rel": RELATIVE}),
        ("half_width", {"rel": RELATIVE}),
        ("p", {"rel": RELATIVE}),
        ("split", {"abs": 0}),
    ],
)
@pytest.mark.parametrize("name", cases_with("pairs"))
def test_pairs(name: str, quantity: str, tolerance: dict[str, float]) -> None:
    pairs, wanted = board_of(name).pairs, rating_case(name)["expect"]["pairs"]
    assert list(zip(pairs.first, pairs.second, strict=True)) == [(pair["i"], pair["j"]) for pair in wanted]
    assert getattr(pairs, quantity) == pytest.approx([pair[quantity] for pair in wanted], **tolerance)


@pytest.mark.parametrize("quantity", ["rank", "rank_worst"])
@pytest.mark.parametrize("name", cases_with("rank"))
def test_ranks(name: str, quantity: str) -> None:
    assert getattr(board_of(name), quantity).tolist() == expected(name)[quantity]


@pytest.mark.parametrize("name", cases_with("components"))
def test_components(name: str) -> None:
    assert board_of(name).connectivity.components.tolist() == expected(name)["components"]


@pytest.mark.parametrize("name", cases_with("slot_a_elo"))
def test_slot_effects(name: str) -> None:
    effect, wanted = board_of(name).slot_effect, expected(name)
    assert effect is not None
    assert effect.elo == pytest.approx(wanted["slot_a_elo"], abs=CLOSE)
    assert effect.se_elo == pytest.approx(wanted["slot_a_se_elo"], rel=RELATIVE)
    assert effect.points == pytest.approx(wanted["slot_a_points"], abs=CLOSE)


@pytest.mark.parametrize("name", cases_with("half_width"))
def test_fragility(name: str) -> None:
    found, wanted = fragility(board_of(name)), rating_case(name)["expect"].get("fragility")
    if wanted is None:
        assert found is None
        return
    assert found is not None
    assert (found.votes, found.rival) == (wanted["votes"], wanted["rival"])
    assert found.linear_estimate == pytest.approx(wanted["linear_estimate"], abs=1)


def test_strengths_of_the_example_in_wikipedia() -> None:
    strengths = np.exp(board_of("wikipedia").fit.strengths)
    assert strengths == pytest.approx(rating_case("wikipedia")["expect"]["strength"], abs=CLOSE)
    # As printed in the article "Bradley-Terry model".
    assert strengths.round(3).tolist() == [0.640, 1.043, 0.660, 2.270]


def test_an_anchor_has_no_interval_and_the_others_have_that_of_their_difference_from_it() -> None:
    anchor = rating_vectors()["anchor"]
    elo, half_width = board_of(anchor["of"]).anchored(anchor["anchor_model"], anchor["anchor_elo"])
    assert elo == pytest.approx(anchor["expect"]["elo"], abs=CLOSE)
    assert half_width == pytest.approx(anchor["expect"]["half_width"], rel=RELATIVE)


def test_quantiles_of_student_t() -> None:
    wanted = rating_vectors()["t_quantile_0975"]
    assert quantile([one["df"] for one in wanted]) == pytest.approx([one["t"] for one in wanted], abs=1e-7)


def test_p_values_of_student_t() -> None:
    wanted = rating_vectors()["t_two_sided_p"]
    p = two_sided_p([one["t"] for one in wanted], [one["df"] for one in wanted])
    assert p == pytest.approx([one["p"] for one in wanted], abs=1e-8)


def test_metric_votes_have_no_voters_and_no_slot_effect() -> None:
    board = board_of("hybrid_metrics_only")
    assert list(board.fit.tables) == [VoteKind.METRICS]
    assert board.slot_effect is None
