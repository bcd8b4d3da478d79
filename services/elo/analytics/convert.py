"""Converts analytics to protos."""

from voicearena.elo.v1 import analytics_service_pb2
from voicearena.elo.v1.leaderboard_pb2 import SlotEffect

from services.elo.analytics.domain import Correlations, Summary
from services.runtime.clock import timestamp

_SUMMARY = analytics_service_pb2.GetSummaryResponse
_CORRELATIONS = analytics_service_pb2.GetCorrelationsResponse


def summary(value: Summary) -> analytics_service_pb2.GetSummaryResponse:
    """Returns the proto of a summary."""
    totals, slots = value.totals, value.slots
    return _SUMMARY(
        models=totals.models,
        scenarios=totals.scenarios,
        battles=totals.battles,
        votes=totals.votes,
        metric_votes=totals.metric_votes,
        voters=totals.voters,
        days=[
            _SUMMARY.Day(date=day.date.isoformat(), battles=day.battles, votes=day.votes, voters=day.voters)
            for day in value.days
        ],
        scenario_ties=[
            _SUMMARY.ScenarioTies(
                scenario_id=ties.scenario_id, name=ties.name, votes=ties.votes, tie_share=ties.tie_share
            )
            for ties in value.ties
        ],
        slot_effect=SlotEffect(points=slots.points, points_low=slots.low, points_high=slots.high) if slots else None,
        exclusion_rate=totals.exclusion_rate,
        void_battles=totals.void_battles,
        computed_at=timestamp(value.computed_at),
    )


def correlations(value: Correlations) -> analytics_service_pb2.GetCorrelationsResponse:
    """Returns the proto of correlations."""
    return _CORRELATIONS(
        correlations=[
            _CORRELATIONS.Correlation(first=pair.first, second=pair.second, rho=pair.rho, n=pair.n)
            for pair in value.pairs
        ],
        computed_at=timestamp(value.computed_at),
    )
