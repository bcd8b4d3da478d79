"""The share card of a voice model."""

from voicearena.elo.v1.elo_pb2 import VoiceModel, VoiceModelStats, private, public

from services.elo.catalogue.card import model_card
from tests.unit.shared.cards.shown import dots, texts

Rating = VoiceModelStats.BoardRating


def model(*ratings: Rating, **changes: object) -> VoiceModel:
    values: dict[str, object] = {
        **{"id": "mdl_1", "name": "Cartesia Sonic", "provider": "cartesia", "version": "2", "language": "en-US"},
        **{"active": True, "visibility": public, "total_battles": 1234, "win_rate": 0.614},
    }
    stats = VoiceModelStats(boards=ratings)
    return VoiceModel(**{**values, **changes}, stats=stats)  # type: ignore[arg-type]


def test_a_card_has_rating_rank_battles_and_win_rate_and_each_board() -> None:
    svg = model_card(
        model(
            Rating(board="human", rating=1580, rating_low=1540, rating_high=1630, rank=1, rank_worst=1),
            Rating(board="hybrid", rating=1572, rating_low=1551, rating_high=1599, rank=2, rank_worst=3),
            Rating(board="metrics", rating=1498, rank=4, rank_worst=4, provisional=True),
        )
    )
    assert texts(svg) == [
        "Cartesia Sonic",
        "cartesia · en-US · version 2",
        *("Rating", "1572", "Rank", "2–3", "Battles", "1,234", "Won", "61%"),
        *("Board", "Rating", "95% interval"),
        *("People and metrics", "1572", "1551–1599"),
        *("People", "1580", "1540–1630"),
        *("Metrics, provisional", "1498", "no interval"),
        *("Published ratings. 1500 is the average.", "95% intervals"),
    ]
    assert dots(svg) == [(635.2, 424.0), (650.3, 480.0), (495.0, 536.0)]


def test_the_longest_name_of_a_board_is_not_cut() -> None:
    shown = texts(model_card(model(Rating(board="hybrid", rating=1572, rank=1, rank_worst=3, provisional=True))))
    assert "People and metrics, provisional" in shown


def test_the_first_board_that_has_the_model_gives_rating_and_rank() -> None:
    shown = texts(model_card(model(Rating(board="metrics", rating=1498, rank=4, rank_worst=5))))
    assert shown[2:6] == ["Rating", "1498", "Rank", "4–5"]


def test_a_model_without_votes_says_so() -> None:
    shown = texts(model_card(model(name="🚀", provider="", version="", language="", win_rate=None, total_battles=0)))
    assert shown == [
        "mdl_1",
        "recorded",
        *("Rating", "–", "Rank", "–", "Battles", "0", "Won", "–"),
        "Not rated yet: no vote about it has counted on a board over all scenarios.",
        *("Published ratings. 1500 is the average.", "95% intervals"),
    ]


def test_a_private_and_withdrawn_model_is_marked() -> None:
    shown = texts(model_card(model(visibility=private, active=False)))
    assert shown[1] == "cartesia · en-US · version 2 · private · withdrawn"
    assert shown[-2] == "Ratings on the private board of its owner"
