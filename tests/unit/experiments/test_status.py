"""What the status of the experiments service says about unfinished work."""

from voicearena.mesh.v1.mesh_pb2 import ProcessStatus, TrialsAtProvider

from services.experiments import operational_metrics
from services.experiments.domain import TrialStatus


def test_unfinished_trials_are_counted_by_provider_and_step() -> None:
    operational_metrics.UNFINISHED.clear()
    operational_metrics.OLDEST_WAIT_SECONDS.clear()
    operational_metrics.UNFINISHED.labels("slow", TrialStatus.PENDING).set(7)
    operational_metrics.UNFINISHED.labels("slow", TrialStatus.SYNTHESIZING).set(2)
    operational_metrics.UNFINISHED.labels("fast", TrialStatus.SCORING).set(1)
    operational_metrics.OLDEST_WAIT_SECONDS.labels("slow").set(12.34)
    operational_metrics.OLDEST_WEBHOOK_SECONDS.set(3.21)
    status = ProcessStatus()
    operational_metrics.report(status)
    assert list(status.trials) == [
        TrialsAtProvider(provider="fast", scoring=1),
        TrialsAtProvider(provider="slow", pending=7, synthesizing=2, longest_wait_seconds=12.3),
    ]
    assert status.oldest_webhook_seconds == 3.2
    operational_metrics.UNFINISHED.clear()
    operational_metrics.OLDEST_WAIT_SECONDS.clear()


def test_without_unfinished_work_the_status_is_empty() -> None:
    operational_metrics.UNFINISHED.clear()
    operational_metrics.OLDEST_WAIT_SECONDS.clear()
    operational_metrics.OLDEST_WEBHOOK_SECONDS.set(0)
    status = ProcessStatus()
    operational_metrics.report(status)
    assert status == ProcessStatus(oldest_webhook_seconds=0.0)
