"""What one sees of an experiment that is followed, and what a clone is to be like, between the domain and the wire."""

import dataclasses
from typing import Any

from voicearena.experiments.v1 import experiment_service_pb2

from services.experiments import convert
from services.experiments.planning.domain import Plan
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


def changed_plan(original: Plan, request: experiment_service_pb2.CloneExperimentRequest) -> Plan:
    """Returns the plan of a clone: the original's, but for what the request says."""
    changes: dict[str, Any] = {"request_id": request.request_id}
    for name in ("name", "scenario", "primary_metric"):
        if getattr(request, name):
            changes[name] = getattr(request, name)
    if request.eval_mode:
        changes["eval_mode"] = convert.EVAL_MODES.get(request.eval_mode)
    if request.models:
        changes["models"] = convert.model_specs(request.models)
    if request.prompts:
        changes["prompts"] = list(request.prompts)
    if request.profile or request.weights:
        # One takes the place of the other.
        changes["profile"] = request.profile
        changes["weights"] = convert.weights(request.weights)
    for name in ("webhook_url", "repeats", "seed", "votes_per_pair", "listening_days", "audio_retention_days"):
        if request.HasField(name):  # type: ignore[arg-type]
            changes[name] = getattr(request, name)
    return dataclasses.replace(original, **changes)
