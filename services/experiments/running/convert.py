"""Converts what a watcher sees of an experiment to protos."""

from voicearena.experiments.v1 import experiment_service_pb2

from services.experiments import convert
from services.experiments.running.feed import WatchUpdate
from services.runtime.audio_store import AudioLinks

WatchResponse = experiment_service_pb2.WatchExperimentResponse


def watch_response(seen: WatchUpdate, links: AudioLinks) -> WatchResponse:
    """Returns the message for a watcher. A trial gets a new link to its audio."""
    if seen.experiment is None:
        return WatchResponse(kind=WatchResponse.heartbeat)
    message = WatchResponse(
        kind=WatchResponse.end if seen.last else WatchResponse.state, experiment=convert.experiment(seen.experiment)
    )
    if seen.trial is not None:
        message.kind = WatchResponse.progress
        message.trial.CopyFrom(convert.trial(seen.trial, links))
        # The prompts don't change. They can be 100 kB, and an experiment can have 400 trials.
        message.experiment.ClearField("prompts")
    return message
