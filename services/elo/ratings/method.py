"""The numbers that define how a published board is computed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from services.elo.ratings.votes import VoteKind

METHOD_VERSION = "davidson-1"
"""Stored with each published board. It changes whenever the same votes would give another board."""

ELO_PER_UNIT = 400 / math.log(10)
"""Points of Elo per natural unit of strength."""

MIN_ESTABLISHED_DF = 15.0
"""A rating with fewer degrees of freedom is provisional, whatever its width. Its interval is too wide."""

DEFAULT_MASSES: Mapping[VoteKind, float] = {VoteKind.HUMAN: 1.5, VoteKind.METRICS: 1.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """How votes become a published board. The defaults are those of `METHOD_VERSION`, found by simulation."""

    ridge: float = 0.3
    """The prior precision of strengths and of the slot effect, in natural units: a standard deviation of 317 Elo."""
    slot_effect: bool = True
    """Whether human votes may prefer slot A. Metrics have no slots."""
    masses: Mapping[VoteKind, float] = field(default_factory=lambda: DEFAULT_MASSES)
    """The influence of each kind of votes on a hybrid board, however many votes there are."""
    cluster_sd_elo: float = 75.0
    """How much voters and scenarios are expected to differ, for degrees of freedom only."""
    false_claim_rate: float = 0.05
    """The probability that any difference on a board of equal models is called sure."""
    exact_cluster_share: float = 0.005
    """Clusters with at least this share of the votes get their exact jackknife. For smaller ones it changes nothing."""

    @property
    def tie_ridge(self) -> float:
        """The prior precision of the logarithm of a tie parameter."""
        return self.ridge / 30


DEFAULT_METHOD = Method()
