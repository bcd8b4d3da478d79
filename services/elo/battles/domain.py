"""Battles and their states."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from services.elo.domain import INSTALLATION

METHOD_VERSION = "battle-1"
"""How battles are made. It changes whenever other pairs would be drawn or other battles rated."""
MAX_SWAPS = 2
"""How many broken sides of a battle are replaced before it is void."""


class BattleStatus(StrEnum):
    """The stage of a battle. The values are those in the API."""

    PREPARING = "preparing"
    """Its sides are spoken and evaluated."""
    OPEN = "open"
    """People can vote."""
    DECIDED = "decided"
    VOID = "void"
    """A side could not be made. It counts for the reliability of that side's model only."""


class VoteSource(StrEnum):
    """Who decided a battle. The values are those in the API."""

    HUMAN = "human"
    METRICS = "metrics"
    HYBRID = "hybrid"


class Control(StrEnum):
    """Whether a battle only tests its voter.

    Such battles have no rating and no metric vote. They are listed like others while they are open, and never later.
    """

    NONE = ""
    GOLD = "gold"
    """One side is spoiled, so the right answer is known: `Battle.expected`."""
    TRAP = "trap"
    """Both sides are the same recording."""


CONTROL_REASONS: Mapping[Control, str] = {
    Control.GOLD: "It checks that voters listen: both clips are one recording, and one of them was spoiled.",
    Control.TRAP: "It checks that voters listen: both clips are one recording.",
}
"""Why a control battle is not rated, for those who know its models. Before the vote it looks like any other battle."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Battle:
    """A blind comparison of two voice models that speak the same scenario. The fields are columns of `battles`."""

    id: str
    status: BattleStatus
    developer_id: str
    """The developer who created it. INSTALLATION if the matchmaker made it."""
    owner: str
    """The developer on whose board its votes count. INSTALLATION means the public board."""
    private: bool
    """Whether only `developer_id` and their voters can see it."""
    scenario_id: str
    scenario_seq: int
    scenario_name: str
    category: str
    language: str
    text: str
    model_a_id: str
    model_a_seq: int
    model_b_id: str
    model_b_seq: int
    created_at: datetime
    drawn: float
    """A random number, 0 to 1, by which the next battle of a voter is found."""
    method_version: str
    render_a_id: str | None = None
    """None until the render of side A is requested."""
    render_b_id: str | None = None
    rated: bool = True
    """Whether its votes move the ratings of its board. It is decided when the battle is made."""
    unrated_reason: str = ""
    chosen: bool = False
    """Whether a developer named the models or the scenario."""
    candidates: int = 0
    probability: float | None = None
    window_points: float | None = None
    inside_window: bool = False
    swaps: int = 0
    """How many broken sides were replaced by another model."""
    control: Control = Control.NONE
    expected: str = ""
    """The right answer of a gold battle in terms of its sides: `a` or `b`. Empty for any other."""
    void_reason: str = ""
    winner: str | None = None
    """`a`, `b`, `tie` or `both_bad`, None until it is decided."""
    vote_source: VoteSource | None = None
    elo_delta: float | None = None
    """The sum of what side A gained by its votes when they were cast. None before the first."""
    metric_vote: Mapping[str, Any] | None = None
    """The vote of the metrics: the JSON of `voicearena.elo.v1.MetricVote`. None if nothing was measured."""
    votes_a: int = 0
    """Counted votes of people for side A, on whichever side they heard it."""
    votes_b: int = 0
    votes_tie: int = 0
    votes_both_bad: int = 0
    traceparent: str = ""
    webhook_url: str = ""
    """The URL that is notified when it ends. Empty for none."""
    opened_at: datetime | None = None
    closes_at: datetime | None = None
    decided_at: datetime | None = None
    seq: int = 0

    @property
    def models(self) -> tuple[tuple[str, int], tuple[str, int]]:
        """The id and the number of the model of side A and of side B."""
        return (self.model_a_id, self.model_a_seq), (self.model_b_id, self.model_b_seq)

    @property
    def models_chosen(self) -> bool:
        """Whether a developer named the models, and so knows them."""
        return self.chosen and self.probability is None

    @property
    def public_board(self) -> bool:
        """Whether its votes count on the public boards."""
        return self.owner == INSTALLATION
