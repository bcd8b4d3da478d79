"""What is said about all battles of the public board together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from services.elo.ratings import Correlation
from services.runtime.validation import Validation

MAX_DAYS = 365
DEFAULT_DAYS = 30
MIN_TIE_VOTES = 20
"""The number of counted votes from which on the tie share of a scenario says something."""
MAX_TIED_SCENARIOS = 500
MAX_CORRELATED_BATTLES = 20_000
"""Correlations are of the latest battles. More battles would change the second digit of rho at most."""
HUMAN_VOTE = "human_vote"
"""The name of the votes of people among the metrics."""


@dataclass(frozen=True, slots=True)
class Day:
    """The activity of one day in UTC."""

    date: date
    battles: int = 0
    """Battles that were opened."""
    votes: int = 0
    """Votes of people, excluded ones included."""
    voters: int = 0


@dataclass(frozen=True, slots=True)
class ScenarioTies:
    """How often people say tie about a scenario."""

    scenario_id: str
    name: str
    votes: int
    """Counted votes."""
    tie_share: float


@dataclass(frozen=True, slots=True)
class Totals:
    """Numbers since the beginning."""

    models: int
    scenarios: int
    battles: int
    void_battles: int
    votes: int
    """Votes of people, excluded ones included."""
    excluded_votes: int
    metric_votes: int
    voters: int

    @property
    def exclusion_rate(self) -> float | None:
        """The share of votes of people that were excluded. None without votes."""
        return self.excluded_votes / self.votes if self.votes else None


@dataclass(frozen=True, slots=True)
class Slots:
    """The advantage of side A between equal models in percentage points, as the board of people has it."""

    points: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Summary:
    """All public battles summed up."""

    totals: Totals
    days: Sequence[Day]
    """The last MAX_DAYS days, oldest first."""
    ties: Sequence[ScenarioTies]
    slots: Slots | None
    computed_at: datetime


@dataclass(frozen=True, slots=True)
class Correlations:
    """How metrics go with each other and with votes of people."""

    pairs: Sequence[Correlation]
    computed_at: datetime


def every_day(active: Mapping[date, Day], today: date) -> list[Day]:
    """Returns the last MAX_DAYS days until today, oldest first, those without activity included."""
    days = (today - timedelta(days=back) for back in range(MAX_DAYS - 1, -1, -1))
    return [active.get(day, Day(day)) for day in days]


def check_days(days: int) -> None:
    """Raises InvalidInput if so many days cannot be shown."""
    valid = Validation()
    valid.require(1 <= days <= MAX_DAYS, "days", f"must be 1 to {MAX_DAYS}, got {days}")
    valid.finish()
