"""When the boards of an owner are computed. Pure rules."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from services.elo.ratings import VoteKind

EARLY_SHARE = 0.1
"""Boards are computed early when this share of the votes of people, or of the metrics, is new or changed."""
MIN_PAUSE = timedelta(seconds=2)
"""The first votes of an installation change its boards within seconds, but not more often than this."""
PAUSE_PER_SECOND = 20
"""A board that takes long to compute is computed early less often, so that this costs a twentieth of a processor."""


@dataclass(slots=True)
class OwnerSchedule:
    """The state of one owner's boards."""

    votes: Counter[VoteKind] = field(default_factory=Counter)
    """The number of votes that the boards were last computed from, counted or not."""
    changed: Counter[VoteKind] = field(default_factory=Counter)
    """The number of votes that are new or changed since. Empty if there are none."""
    groups: int = 0
    """The number of categories and languages with votes, as pairs, when the boards were last computed."""
    groups_now: int = 0
    """That number now."""
    computed_at: datetime | None = None
    """None before the first time."""
    seconds: float = 0.0
    """The processor time that it took."""

    def due(self, now: datetime, interval: timedelta) -> bool:
        """Returns whether the boards are to be computed now."""
        if self.computed_at is None:
            return bool(self.changed)
        if now >= self.computed_at + interval or now < self.computed_at:
            return True
        pause = max(MIN_PAUSE, timedelta(seconds=self.seconds * PAUSE_PER_SECOND))
        # The first votes of a category give it a board at once, however many votes the others have.
        # By kind, because the metrics vote in every battle, so votes of people would be a small share for long.
        grown = any(count >= EARLY_SHARE * self.votes[kind] for kind, count in self.changed.items())
        early = grown or self.groups_now > self.groups
        return early and now >= self.computed_at + pause
