"""The settings of battles."""

import math
from collections.abc import Mapping
from typing import Annotated

from pydantic import BeforeValidator, Field
from pydantic_settings import BaseSettings, NoDecode

from services.elo.ratings import DEFAULT_METRIC_WEIGHTS, LiveElo, VoteKind
from services.elo.ratings.live_elo import DEFAULT_K_FACTOR, DEFAULT_VOTE_WEIGHTS
from services.elo.ratings.metric_vote import DEFAULT_TIE_MARGIN
from services.runtime.settings import named_weights


def _metric_weights(value: object) -> object:
    """Reads a comma-separated list of weights: `semascore=0.6,latency=0.4`."""
    if not isinstance(value, str):
        return value
    weights = named_weights(value)
    unknown = [name for name in weights if name not in DEFAULT_METRIC_WEIGHTS]
    if unknown:
        raise ValueError(f"must have weights of {', '.join(DEFAULT_METRIC_WEIGHTS)}; got {', '.join(unknown)}")
    if not all(0 <= weight < math.inf for weight in weights.values()) or not sum(weights.values()):
        raise ValueError("must have weights of at least 0, and one above 0")
    return weights


class BattleSettings(BaseSettings):
    """How battles are made and opened, and how votes move live Elo."""

    renders_per_scenario: int = Field(3, ge=1, le=20)
    """The number of recordings of a scenario by a voice model, of which each battle draws one."""
    battle_pool: int = Field(4, ge=0, le=1000)
    """The number of open battles that are kept for voters, for each category and language. 0 makes none."""
    battles_per_day: int = Field(5000, ge=0, le=1_000_000)
    """The number of battles that are made within 24 hours."""
    hosted_renders_per_day: int = Field(200, ge=0, le=1_000_000)
    """The number of recordings that each hosted provider is asked for within 24 hours."""
    max_unfinished_battles: int = Field(100, ge=1, le=1_000_000)
    """The number of unfinished battles that a developer may have: preparing or open."""
    battle_votes: int = Field(1, ge=1, le=1000)
    """The number of counted votes of people after which a battle is decided."""
    battle_days: int = Field(7, ge=1, le=365)
    """How many days a battle is open at most."""
    metric_weights: Annotated[Mapping[str, float], NoDecode, BeforeValidator(_metric_weights)] = DEFAULT_METRIC_WEIGHTS
    """The weights of the metrics in their vote: `semascore=0.3,word_accuracy=0.25,...`. Their sum does not matter."""
    metric_tie_margin: float = Field(DEFAULT_TIE_MARGIN, ge=0, le=1)
    """The metrics vote for a tie if the scores of the sides differ by less than this."""
    elo_k_factor: float = Field(DEFAULT_K_FACTOR, gt=0, le=1000)
    """The points that a vote of weight 1 moves at most."""
    human_vote_weight: float = Field(DEFAULT_VOTE_WEIGHTS[VoteKind.HUMAN], gt=0, le=100)
    """The weight of a person's vote in live Elo, compared to that of the metrics."""

    @property
    def live_elo(self) -> LiveElo:
        """Returns the rules of live Elo."""
        weights = {**DEFAULT_VOTE_WEIGHTS, VoteKind.HUMAN: self.human_vote_weight}
        return LiveElo(k_factor=self.elo_k_factor, vote_weights=weights)
