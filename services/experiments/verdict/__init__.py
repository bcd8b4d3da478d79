"""Computes an experiment's verdict from its trials and votes. Pure functions of values.

`decide` is the entry point. A verdict has two layers. The composite score (`profiles`, `composite`) says how well each
model did. The evidence (`evidence`, `pairing`, `power`, and `votes` for listeners) says how much of the difference
could be chance. The confidence is the lower of the two levels (`levels`).
"""

from services.experiments.verdict.decide import METHOD_VERSION, decide
from services.experiments.verdict.primary import PRIMARY_METRIC, PRIMARY_METRICS
from services.experiments.verdict.profiles import (
    LATENCY,
    LISTENING_METRICS,
    METRIC_NAMES,
    PROFILES,
    QUALITY,
    CompositeProfile,
    custom_profile,
)
from services.experiments.verdict.results import (
    HeadToHead,
    Judges,
    Level,
    ModelRanking,
    PairVotes,
    Verdict,
    VoteSummary,
)
from services.experiments.verdict.trials import Model, TrialOutcome
from services.experiments.verdict.votes import EXCLUSIONS, Panel, Vote

__all__ = [
    "EXCLUSIONS",
    "LATENCY",
    "LISTENING_METRICS",
    "METHOD_VERSION",
    "METRIC_NAMES",
    "PRIMARY_METRIC",
    "PRIMARY_METRICS",
    "PROFILES",
    "QUALITY",
    "CompositeProfile",
    "HeadToHead",
    "Judges",
    "Level",
    "Model",
    "ModelRanking",
    "PairVotes",
    "Panel",
    "TrialOutcome",
    "Verdict",
    "Vote",
    "VoteSummary",
    "custom_profile",
    "decide",
]
