"""How an experiment's verdict is reached: values in, values out.

`decide` is the way in. Two layers are reported side by side: the composite score (`profiles`, `composite`), which says
how the models did, and the evidence (`evidence`, `pairing`, `power`, and of listeners `votes`), which says how much of
that could be chance. Confidence is the lower of the two (`levels`).
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
    own_weights,
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
from services.experiments.verdict.trials import Model, Trial
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
    "Trial",
    "Verdict",
    "Vote",
    "VoteSummary",
    "decide",
    "own_weights",
]
