"""The settings that decide which votes count."""

from datetime import timedelta

from pydantic import Field
from pydantic_settings import BaseSettings

from services.shared.listening.judging import JudgingRules

PLACE_DURATION = timedelta(hours=24)
"""How long a vote keeps its voter's place at an address. Then another person behind the address can take it."""


class IntegritySettings(BaseSettings):
    """Limits of voters, and how they are tested."""

    max_battles_per_minute: int = Field(10, ge=1, le=1000)
    """The number of new battles that a voter gets within a minute."""
    max_counted_votes_per_day: int = Field(200, ge=1, le=300)
    """The number of votes of a voter within 24 hours that count. Further ones are recorded and do not count."""
    max_counted_voters_per_address: int = Field(10, ge=0, le=100_000)
    """The number of voters at one address within 24 hours whose votes count. 0 means no limit."""
    control_share: float = Field(0.05, ge=0, le=0.5)
    """The share of a voter's battles on the public board that test the voter. 0 switches them off."""
    judging_seconds: float = Field(60.0, gt=0, le=3600)
    """The interval between rounds in which votes are judged again."""

    @property
    def judging_rules(self) -> JudgingRules:
        """The rules by which votes in battles are judged when they are cast."""
        return JudgingRules(
            place_duration=PLACE_DURATION, max_votes_per_day=self.max_counted_votes_per_day, judged_again=True
        )
