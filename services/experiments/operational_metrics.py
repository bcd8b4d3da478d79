"""Operational metrics for Prometheus, and the part of them that the process status contains."""

from prometheus_client import Counter, Gauge, Histogram
from voicearena.mesh.v1.mesh_pb2 import ProcessStatus, TrialsAtProvider

from services.runtime.status import by_labels, count

TRIALS = Counter("voicearena_trials_total", "Trials that have reached a status", ["status"])
UNFINISHED = Gauge("voicearena_trials_unfinished", "Unfinished trials in the whole mesh", ["provider", "status"])
OLDEST_WAIT_SECONDS = Gauge(
    "voicearena_trials_longest_wait_seconds",
    "Waiting time of the trial that has waited longest for a provider",
    ["provider"],
)
RELEASE_SECONDS = Histogram(
    "voicearena_trials_release_seconds",
    "Time to choose the next trials for a provider",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
OLDEST_WEBHOOK_SECONDS = Gauge(
    "voicearena_webhook_oldest_pending_seconds", "Time since the oldest pending webhook delivery became due"
)


def report(status: ProcessStatus) -> None:
    """Adds the numbers of trials and webhooks to a status."""
    trials: dict[str, TrialsAtProvider] = {}
    for (provider, state), number in by_labels(UNFINISHED).items():
        setattr(trials.setdefault(provider, TrialsAtProvider(provider=provider)), state, count(number))
    for (provider,), seconds in by_labels(OLDEST_WAIT_SECONDS).items():
        trials.setdefault(provider, TrialsAtProvider(provider=provider)).longest_wait_seconds = round(seconds, 1)
    status.trials.extend(trials[provider] for provider in sorted(trials))
    status.oldest_webhook_seconds = round(by_labels(OLDEST_WEBHOOK_SECONDS)[()], 1)
