"""What one sees of an experiment that is followed, between the domain and the wire."""

from voicearena.experiments.v1 import experiment_service_pb2

from services.experiments import convert
from services.experiments.running.feed import Seen
from services.runtime.audio_store import AudioLinks

Watched = experiment_service_pb2.WatchExperimentResponse


def watched(seen: Seen, links: AudioLinks) -> Watched:
    """Returns what is seen as it goes over the wire, a trial with a new link to its audio."""
    if seen.experiment is None:
        return Watched(kind=Watched.heartbeat)
    message = Watched(kind=Watched.end if seen.last else Watched.state, experiment=convert.experiment(seen.experiment))
    if seen.trial is not None:
        message.kind = Watched.progress
        message.trial.CopyFrom(convert.trial(seen.trial, links))
        # They are as they were, and may be 100 kB, for each of 400 trials.
        message.experiment.ClearField("prompts")
    return message
