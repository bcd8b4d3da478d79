"""What experiments tells of the work that has not ended."""

from voicearena.mesh.v1.mesh_pb2 import ProcessStatus, TrialsAtProvider

from services.experiments import figures
from services.experiments.domain import TrialStatus


def test_trials_are_told_by_provider_and_step() -> None:
    figures.UNFINISHED.clear()
    figures.OLDEST_WAIT_SECONDS.clear()
    figures.UNFINISHED.labels("slow", TrialStatus.PENDING).set(7)
    figures.UNFINISHED.labels("slow", TrialStatus.SYNTHESIZING).set(2)
    figures.UNFINISHED.labels("fast", TrialStatus.SCORING).set(1)
    figures.OLDEST_WAIT_SECONDS.labels("slow").set(12.34)
    figures.OLDEST_WEBHOOK_SECONDS.set(3.21)
    told = ProcessStatus()
    figures.report(told)
    assert list(told.trials) == [
        TrialsAtProvider(provider="fast", scoring=1),
        TrialsAtProvider(provider="slow", pending=7, synthesizing=2, longest_wait_seconds=12.3),
    ]
    assert told.oldest_webhook_seconds == 3.2
    figures.UNFINISHED.clear()
    figures.OLDEST_WAIT_SECONDS.clear()


def test_where_nothing_waits_nothing_is_told() -> None:
    figures.UNFINISHED.clear()
    figures.OLDEST_WAIT_SECONDS.clear()
    figures.OLDEST_WEBHOOK_SECONDS.set(0)
    told = ProcessStatus()
    figures.report(told)
    assert told == ProcessStatus(oldest_webhook_seconds=0.0)
