"""Fixtures of the tests of elo over PostgreSQL."""

import pytest


@pytest.fixture
def service() -> str:
    """The service whose schema the tests use."""
    return "elo"
