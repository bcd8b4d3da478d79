"""Indexes for the votes of a listener and of an address."""

from services.shared.listening.migration import index_votes_across_tests

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Adds the indexes. Listeners are judged by their votes in all tests of their invitation."""
    index_votes_across_tests()
