"""What a listening link is, and the limits of links."""

from dataclasses import dataclass
from datetime import datetime

from services.shared.listening.domain import Tally

MIN_LINK_SECONDS, MAX_LINK_SECONDS, DEFAULT_LINK_SECONDS = 60, 90 * 86400, 14 * 86400
MAX_LINKS = 1000
"""Links of one experiment, the revoked and expired ones too."""
MAX_LISTENERS = 10_000
"""Listeners of one link: far more than any panel has, and an end for who joins in a loop."""
MIN_LISTENERS_PER_ADDRESS, MAX_LISTENERS_PER_ADDRESS, DEFAULT_LISTENERS_PER_ADDRESS = 0, 1000, 3
"""Listeners of one link at one address whose votes count: three leave room for a family or a shared desk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """What lets anyone who has it judge an experiment's trials. It is the invitation to the experiment's test."""

    id: str
    experiment_id: str
    developer_id: str
    expires_at: datetime
    revoked_at: datetime | None = None
    created_at: datetime
    max_listeners_per_address: int = DEFAULT_LISTENERS_PER_ADDRESS
    """Listeners at one address whose votes count; SUPERVISED for any number."""


@dataclass(frozen=True, slots=True)
class TalliedLink:
    """A link, and who came by it."""

    link: Link
    tally: Tally
