"""A digest of all that a verdict is reached from, so that it can be told whether two were reached from the same."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import fields
from typing import Any

from services.experiments.verdict.profiles import CompositeProfile
from services.experiments.verdict.results import Judges
from services.experiments.verdict.trials import Model, Trial
from services.experiments.verdict.votes import Panel, Vote
from services.shared.metrics import COMPARED

_PLACE = [field.name for field in fields(Trial) if field.name != "measurements"]
_FIRST = 8
"""How many metrics there were when the form was made. A later one is in it by name, and only where it was measured, so
that digests stay what they are."""


def inputs_digest(
    models: Sequence[Model],
    prompt_count: int,
    trials: Iterable[Trial],
    composite: CompositeProfile,
    primary_metric: str,
    votes: Iterable[Vote],
    judges: Judges,
    same_as: Sequence[int] | None = None,
    panel: Panel | None = None,
) -> str:
    """`sha256:` and the hexadecimal digest of the inputs in one canonical form.

    The form is JSON without white space: models in the order of the experiment, trials and votes sorted, and numbers as
    the shortest digits that make the same double, so that neither the order in which things are read nor a round trip
    through a database changes it.
    """
    inputs = {
        "models": [[model.provider, model.voice_id, model.model_id] for model in models],
        "prompt_count": prompt_count,
        "composite": [composite.name, composite.version, [[name, float(w)] for name, w in composite.weights.items()]],
        "primary_metric": primary_metric,
        "judges": judges.value,
        "trials": sorted(map(_trial, trials), key=lambda row: row[: len(_PLACE)]),
        "votes": sorted(
            [vote.listener, vote.prompt_index, vote.first, vote.second, vote.answer.value] for vote in votes
        ),
    }
    if same_as is not None and list(same_as) != list(range(prompt_count)):
        inputs["same_as"] = list(same_as)
    if panel is not None and panel != Panel():
        inputs["panel"] = [sorted(panel.excluded.items()), panel.supervised, panel.unknown, panel.from_one_address]
    canonical = json.dumps(inputs, ensure_ascii=True, separators=(",", ":"), sort_keys=True)
    return f"sha256:{hashlib.sha256(canonical.encode()).hexdigest()}"


def _trial(trial: Trial) -> list[Any]:
    place = [int(getattr(trial, name)) for name in _PLACE]
    # Adding 0.0 makes -0.0 what it equals.
    values = [(metric.name, getattr(trial.measurements, metric.name)) for metric in COMPARED]
    exact = [(name, None if value is None else float(value) + 0.0) for name, value in values]
    return [*place, *(value for _, value in exact[:_FIRST]), *(each for each in exact[_FIRST:] if each[1] is not None)]
