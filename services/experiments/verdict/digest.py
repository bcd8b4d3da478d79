"""A digest of all inputs of a verdict. Two verdicts with equal digests were computed from the same inputs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import fields
from typing import Any

from services.experiments.verdict.profiles import CompositeProfile
from services.experiments.verdict.results import Judges
from services.experiments.verdict.trials import Model, TrialOutcome
from services.experiments.verdict.votes import Panel, Vote
from services.shared.metrics import VERDICT_METRICS

_KEY_FIELDS = [field.name for field in fields(TrialOutcome) if field.name != "measurements"]
_ORIGINAL_METRICS = 8
"""The number of metrics when this format was made. Later metrics are added by name, and only if they were measured, so
that existing digests stay the same."""


def inputs_digest(
    models: Sequence[Model],
    prompt_count: int,
    trials: Iterable[TrialOutcome],
    composite: CompositeProfile,
    primary_metric: str,
    votes: Iterable[Vote],
    judges: Judges,
    same_as: Sequence[int] | None = None,
    panel: Panel | None = None,
) -> str:
    """Returns `sha256:` and the hexadecimal digest of the inputs in a canonical form.

    The form is JSON without white space. Models are in the experiment's order, trials and votes are sorted, and numbers
    have the shortest digits that give the same double. So neither the order of reading nor a round trip through the
    database changes the digest.
    """
    inputs = {
        "models": [[model.provider, model.voice_id, model.model_id] for model in models],
        "prompt_count": prompt_count,
        "composite": [composite.name, composite.version, [[name, float(w)] for name, w in composite.weights.items()]],
        "primary_metric": primary_metric,
        "judges": judges.value,
        "trials": sorted(map(_trial, trials), key=lambda row: row[: len(_KEY_FIELDS)]),
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


def _trial(trial: TrialOutcome) -> list[Any]:
    key = [int(getattr(trial, name)) for name in _KEY_FIELDS]
    # Adding 0.0 turns -0.0 into 0.0.
    values = [(metric.name, getattr(trial.measurements, metric.name)) for metric in VERDICT_METRICS]
    exact = [(name, None if value is None else float(value) + 0.0) for name, value in values]
    original, later = exact[:_ORIGINAL_METRICS], exact[_ORIGINAL_METRICS:]
    return [*key, *(value for _, value in original), *(each for each in later if each[1] is not None)]
