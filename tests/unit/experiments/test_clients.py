"""What planning learns from scoring about the metrics of trials."""

from typing import Any

from voicearena.scoring.v1.scoring_pb2 import Metric
from voicearena.scoring.v1.scoring_service_pb2 import ListMetricsResponse

from services.experiments.planning.clients import ScoringMetricLister
from services.experiments.planning.profile_choice import TrialMetric

REASON = "noise_20_db: It changed by +0.00 and should fall by 0.15 or more."


class Scoring:
    """A stub of scoring that lists some metrics."""

    async def ListMetrics(self, request: Any) -> ListMetricsResponse:  # noqa: N802 - as in the proto
        return ListMetricsResponse(
            metrics=[
                Metric(name="ttfb_ms", in_trials=True, available=True, audit=Metric.not_run, audit_reason="No audit."),
                Metric(name="word_error_rate", in_trials=True, available=True, languages=["en"], audit=Metric.passed),
                Metric(
                    name="signal_quality_mos",
                    in_trials=True,
                    available=True,
                    audit=Metric.failed,
                    audit_reason=REASON,
                ),
                Metric(name="naturalness_mos", in_trials=True, requirement="torch is missing.", audit=Metric.not_run),
                Metric(name="snr_db", step="noise", available=True),
            ]
        )


async def test_only_a_metric_that_failed_its_audit_is_unfit() -> None:
    lister = ScoringMetricLister(Scoring())  # type: ignore[arg-type]
    assert await lister.trial_metrics() == {
        "ttfb_ms": TrialMetric("ttfb_ms", True),
        "word_error_rate": TrialMetric("word_error_rate", True, languages=frozenset({"en"})),
        "signal_quality_mos": TrialMetric(
            "signal_quality_mos", True, audit_failure=f"It failed the metric audit: {REASON}"
        ),
        "naturalness_mos": TrialMetric("naturalness_mos", False, "torch is missing."),
    }
