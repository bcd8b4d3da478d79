"""Published boards, their history and their votes."""

import re
from typing import Any

from tests.contract.cases.auth import MOMENT
from tests.contract.cases.case import Case, Fails, Given, Ok

GET = "LeaderboardService.GetLeaderboard"
HISTORY = "LeaderboardService.ListSnapshots"
MATRIX = "LeaderboardService.GetHeadToHead"
EXPORT = "LeaderboardService.ExportVotes"
KEY = "LeaderboardService.GetExportKey"
CARD = "LeaderboardService.GetLeaderboardCard"
CATEGORY, OWN = Given("voted_category"), Given("own_voted_category")
VOTED = {"board": "human", "category": CATEGORY}
DAY = re.compile(r"20\d\d-\d\d-\d\d")
BASE_64_OF_32_BYTES = re.compile("[A-Za-z0-9+/]{43}=")


def _three_in_order(rows: list[dict[str, Any]]) -> bool:
    places = [(row["rank"], -row["rating"]) for row in rows]
    return len(rows) == 3 and places == sorted(places) and all(row["rating"] != row["elo_rating"] for row in rows)


def _by_battles(rows: list[dict[str, Any]]) -> bool:
    battles = [row["total_battles"] for row in rows]
    return battles == sorted(battles, reverse=True) and sum(battles) == 120


def _all_pairs(cells: list[dict[str, Any]]) -> bool:
    return len(cells) == 6 and sum(cell["wins"] + cell["losses"] + cell["ties"] for cell in cells) == 120


def _snapshots(count: int) -> Any:
    return lambda found: len(found) == count and all(DAY.fullmatch(one["snapshot_date"]) for one in found)


CASES = [
    Case(
        "a board is read without a key",
        GET,
        VOTED,
        Ok(
            {
                **{"board": "human", "category": CATEGORY, "votes": 60, "battles": 60, "connected": True},
                **{"rows": _three_in_order, "computed_at": MOMENT, "next_at": MOMENT, "method_version": "davidson-1"},
            }
        ),
        caller="nobody",
    ),
    Case("the default board is hybrid", GET, {"category": CATEGORY}, Ok({"board": "hybrid", "votes": 60})),
    Case("a board can be ordered by battles", GET, {**VOTED, "sort": "battles"}, Ok({"rows": _by_battles})),
    Case(
        "a language selects its scenarios",
        GET,
        {**VOTED, "language": "en"},
        Ok({"language": "en", "votes": 60}),
        caller="nobody",
    ),
    Case("a board without votes has no rows", GET, {"category": "no_such_category"}, Ok({"rows": [], "votes": 0})),
    Case("votes of an own board are not on the public one", GET, {"category": OWN}, Ok({"rows": [], "votes": 0})),
    Case(
        "a developer reads their own board",
        GET,
        {"board": "human", "category": OWN, "private": True},
        Ok({"votes": 60, "rows": _three_in_order}),
    ),
    Case(
        "the own board of another developer is empty",
        GET,
        {"board": "human", "category": OWN, "private": True},
        Ok({"votes": 0, "rows": []}),
        caller="somebody_else",
    ),
    *(
        Case(
            f"{what} of an own board needs a key", rpc, {"private": True}, Fails("CREDENTIALS_MISSING"), caller="nobody"
        )
        for what, rpc in {
            "a board": GET,
            "the history": HISTORY,
            "the matrix": MATRIX,
            "the export": EXPORT,
            "the card": CARD,
        }.items()
    ),
    Case("a language must be a tag", GET, {"language": "English!"}, Fails("INVALID_INPUT", ("language",), "BCP 47")),
    Case(
        "a category has at most 50 characters",
        GET,
        {"category": "c" * 51},
        Fails("INVALID_INPUT", ("category",), "1 to 50 characters of a-z, 0-9 and _"),
    ),
    Case(
        "the history has the places of each model on each day",
        HISTORY,
        VOTED,
        Ok({"snapshots": _snapshots(3), "next_page_token": ""}),
        caller="nobody",
    ),
    Case(
        "the history of one model",
        HISTORY,
        {**VOTED, "model_id": Given("voted_model")},
        Ok({"snapshots": _snapshots(1)}),
    ),
    Case(
        "the history is read page by page",
        HISTORY,
        {**VOTED, "page_size": 2, "page_token": Given("snapshots_page_token")},
        Ok({"snapshots": _snapshots(1), "next_page_token": ""}),
    ),
    Case(
        "a page token belongs to its board",
        HISTORY,
        {"board": "metrics", "category": CATEGORY, "page_token": Given("snapshots_page_token")},
        Fails("INVALID_INPUT", ("page_token",)),
    ),
    Case(
        "a page has at most 1000 snapshots",
        HISTORY,
        {"page_size": -1},
        Fails("INVALID_INPUT", ("page_size",), "0 to 1000; 0 means 100"),
    ),
    Case("a model of the history has an id", HISTORY, {"model_id": "nobody"}, Fails("INVALID_INPUT", ("model_id",))),
    Case(
        "the matrix has each pair in both directions",
        MATRIX,
        VOTED,
        Ok({"cells": _all_pairs, "components": lambda parts: len(parts) == 1, "computed_at": MOMENT}),
        caller="nobody",
    ),
    Case("a matrix without votes is empty", MATRIX, {"category": "no_such_category"}, Ok({"cells": []})),
    Case("votes are exported", EXPORT, VOTED, Ok({"content_type": "application/x-ndjson"}), caller="nobody"),
    Case(
        "votes of an own board are exported to their owner",
        EXPORT,
        {"board": "human", "category": OWN, "private": True},
        Ok({"content_type": "application/x-ndjson"}),
    ),
    Case(
        "a board without votes has no export",
        EXPORT,
        {"category": "no_such_category"},
        Fails("NOT_FOUND", says="no votes of this board yet"),
    ),
    Case("a board has a card", CARD, VOTED, Ok({"content_type": "image/png"}), caller="nobody"),
    Case("a board without votes has a card", CARD, {"category": "no_such_category"}, Ok({"content_type": "image/png"})),
    Case(
        "the card of an own board is for its owner",
        CARD,
        {"board": "human", "category": OWN, "private": True},
        Ok({"content_type": "image/png"}),
    ),
    Case(
        "the card of a malformed category is refused",
        CARD,
        {"category": "<script>"},
        Fails("INVALID_INPUT", ("category",), "1 to 50 characters of a-z, 0-9 and _"),
    ),
    Case(
        "the key of exports is public",
        KEY,
        {},
        Ok({"algorithm": "Ed25519", "public_key": BASE_64_OF_32_BYTES}),
        caller="nobody",
    ),
]
