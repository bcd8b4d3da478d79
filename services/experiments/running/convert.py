"""Converts what a watcher sees of an experiment to protos."""

from voicearena.experiments.v1 import experiment_service_pb2

from services.experiments import convert
from services.experiments.running.feed import Seen
from services.runtime.audio_store import AudioLinks

Watched = experiment_service_pb2.WatchExperimentResponse


def watched(seen: Seen, links: AudioLinks) -> Watched:
    """Returns the message for a watcher. A trial gets a new link to its audio."""
    if seen.experiment is None:
        return Watched(kind=Watched.heartbeat)
    message = Watched(kind=Watched.end if seen.last else Watched.state, experiment=convert.experiment(seen.experiment))
    if seen.trial is not None:
        message.kind = Watched.progress
        message.trial.CopyFrom(convert.trial(seen.trial, links))
        # The prompts don't change. They can be 100 kB, and an experiment can have 400 trials.
        message.experiment.ClearField("prompts")
    return message
