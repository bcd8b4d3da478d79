"""How an experiment's verdict is reached: values in, values out.

`decide` is the way in. Two layers are reported side by side: the composite score (`composite`), which says how the
models did, and the evidence (`evidence`, `pairing`, `power`), which says how much of that could be chance. Confidence
is the lower of the two (`levels`).
"""

from services.experiments.verdict.composite import LATENCY, CompositeProfile
from services.experiments.verdict.decide import METHOD_VERSION, PRIMARY_METRIC, decide
from services.experiments.verdict.results import HeadToHead, Level, ModelRanking, Verdict
from services.experiments.verdict.trials import Model, Trial
from services.experiments.verdict.votes import Answer, Vote

__all__ = [
    "LATENCY",
    "METHOD_VERSION",
    "PRIMARY_METRIC",
    "Answer",
    "CompositeProfile",
    "HeadToHead",
    "Level",
    "Model",
    "ModelRanking",
    "Trial",
    "Verdict",
    "Vote",
    "decide",
]
