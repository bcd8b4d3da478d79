"""Analytics of the public board, which anybody can read."""

from typing import Any

from services.elo.analytics.store import CORRELATED
from tests.contract.cases.auth import MOMENT
from tests.contract.cases.case import Case, Fails, Ok

SUMMARY = "AnalyticsService.GetSummary"
CORRELATIONS = "AnalyticsService.GetCorrelations"


def _days(count: int) -> Any:
    def are(days: list[dict[str, Any]]) -> bool:
        dates = [day["date"] for day in days]
        return len(dates) == count and dates == sorted(set(dates))

    return are


def _each_pair_once(pairs: list[dict[str, Any]]) -> bool:
    names = ("human_vote", *CORRELATED)
    found = [(pair["first"], pair["second"]) for pair in pairs]
    return found == [(a, b) for number, a in enumerate(names) for b in names[number + 1 :]]


CASES = [
    Case(
        "the summary is read without a key and has the last 30 days",
        SUMMARY,
        {},
        Ok({"days": _days(30), "computed_at": MOMENT}),
        caller="nobody",
    ),
    Case("a summary of a week has seven days", SUMMARY, {"days": 7}, Ok({"days": _days(7)}), caller="nobody"),
    *(
        Case(f"a summary of {days} days is refused", SUMMARY, {"days": days}, Fails("INVALID_INPUT", ("days",), "365"))
        for days in (0, 366)
    ),
    Case(
        "each metric has a correlation with votes of people and with each other metric",
        CORRELATIONS,
        {},
        Ok({"correlations": _each_pair_once, "computed_at": MOMENT}),
        caller="nobody",
    ),
]
