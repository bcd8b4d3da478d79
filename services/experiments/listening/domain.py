"""Listening links and their limits."""

from dataclasses import dataclass
from datetime import datetime

from services.shared.listening.domain import InvitationTally

MIN_LINK_SECONDS, MAX_LINK_SECONDS, DEFAULT_LINK_SECONDS = 60, 90 * 86400, 14 * 86400
MAX_LINKS = 1000
"""Links per experiment, including revoked and expired ones."""
MAX_LISTENERS = 10_000
"""Listeners per link. Far more than any panel needs. It stops programs that join in a loop."""
MIN_LISTENERS_PER_ADDRESS, MAX_LISTENERS_PER_ADDRESS, DEFAULT_LISTENERS_PER_ADDRESS = 0, 1000, 3
"""Listeners per link and address whose votes count. The default of three allows for a family or a shared computer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A link through which anyone can join an experiment's listening test. It is the test's invitation."""

    id: str
    experiment_id: str
    developer_id: str
    expires_at: datetime
    revoked_at: datetime | None = None
    created_at: datetime
    max_listeners_per_address: int = DEFAULT_LISTENERS_PER_ADDRESS
    """Listeners at one address whose votes count. NO_ADDRESS_LIMIT (0) means no limit."""


@dataclass(frozen=True, slots=True)
class TalliedLink:
    """A link, with the counts of its listeners and votes."""

    link: Link
    tally: InvitationTally
