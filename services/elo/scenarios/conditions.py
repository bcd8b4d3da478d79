"""Conditions on scenarios, for queries of every subject that draws or shows them."""

import sqlalchemy as sa

from services.elo.tables import SCENARIOS
from services.elo.visibility import Approval


def in_public_battles(approval: Approval) -> "sa.ColumnElement[bool]":
    """Returns the condition on SCENARIOS that new public battles may use a scenario."""
    return sa.and_(~SCENARIOS.c.archived, approval.in_public_battles(SCENARIOS))


def in_language(column: "sa.ColumnElement[str]", language: "sa.ColumnElement[str] | str") -> "sa.ColumnElement[bool]":
    """Returns the condition that a column has a BCP 47 tag or one of its regions: `en` also selects `en-GB`."""
    tag = sa.func.lower(language)
    return sa.or_(sa.func.lower(column) == tag, sa.func.starts_with(sa.func.lower(column), sa.func.concat(tag, "-")))
