"""The table of API cases. Each case runs over gRPC, gRPC-Web and JSON, through the gateway."""

from tests.contract.cases import (
    analytics,
    auth,
    battles,
    catalogue,
    evaluations,
    experiments,
    exports,
    leaderboard,
    lifecycle,
    listening,
    metric_audit,
    planning,
    scenarios,
    speech,
    voting,
    webhooks,
)
from tests.contract.cases.case import Case

CASES: list[Case] = [
    *analytics.CASES,
    *auth.CASES,
    *battles.CASES,
    *catalogue.CASES,
    *evaluations.CASES,
    *planning.CASES,
    *experiments.CASES,
    *exports.CASES,
    *leaderboard.CASES,
    *lifecycle.CASES,
    *listening.CASES,
    *metric_audit.CASES,
    *scenarios.CASES,
    *speech.CASES,
    *voting.CASES,
    *webhooks.CASES,
]
