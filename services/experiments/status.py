"""What the experiments service tells of its status: the work that has not ended, as Prometheus is told of it."""

from voicearena.mesh.v1.mesh_pb2 import ProcessStatus, TrialsAtProvider

from services.experiments import figures
from services.experiments.webhooks import sender
from services.runtime.status import by_labels, count


def report(status: ProcessStatus) -> None:
    """Adds trials and webhooks to a status."""
    trials: dict[str, TrialsAtProvider] = {}
    for (provider, state), number in by_labels(figures.UNFINISHED).items():
        setattr(trials.setdefault(provider, TrialsAtProvider(provider=provider)), state, count(number))
    for (provider,), seconds in by_labels(figures.LONGEST_WAIT_SECONDS).items():
        trials.setdefault(provider, TrialsAtProvider(provider=provider)).longest_wait_seconds = round(seconds, 1)
    status.trials.extend(trials[provider] for provider in sorted(trials))
    status.oldest_webhook_seconds = round(by_labels(sender.OLDEST)[()], 1)
