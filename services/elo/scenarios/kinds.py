"""Which categories and languages battles can have: those of the scenarios that a board can use."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.elo.domain import INSTALLATION
from services.elo.scenarios.conditions import in_public_battles
from services.elo.tables import SCENARIOS
from services.elo.visibility import Approval
from services.runtime.errors import FieldViolation, InvalidInput

MAX_NAMED = 20
"""How many categories or languages an error names."""

_S = SCENARIOS.c


@dataclass(frozen=True, slots=True)
class Kind:
    """What a scenario is about, and the BCP 47 tag of its language."""

    category: str
    language: str

    def is_in(self, language: str) -> bool:
        """Returns whether it is in a language or one of its regions. Every scenario is in the empty language."""
        return not language or f"{self.language}-".lower().startswith(f"{language}-".lower())


def check_kind(kinds: Collection[Kind], category: str, language: str) -> None:
    """Raises InvalidInput, with what there is, unless scenarios have this category and language. Empty matches all."""
    if category and all(kind.category != category for kind in kinds):
        there = _named(kind.category for kind in kinds)
        raise InvalidInput.of(FieldViolation("category", f"must be empty or a category that has scenarios: {there}"))
    of_category = [kind for kind in kinds if category in ("", kind.category)]
    if language and not any(kind.is_in(language) for kind in of_category):
        which = f"scenarios of {category}" if category else "scenarios"
        there = _named(kind.language for kind in of_category)
        raise InvalidInput.of(FieldViolation("language", f"must be empty or a language that {which} have: {there}"))


def _named(values: Iterable[str]) -> str:
    names = sorted(set(values))
    more = f", and {len(names) - MAX_NAMED} more (GET /api/v1/scenarios)" if len(names) > MAX_NAMED else ""
    return f"{', '.join(names[:MAX_NAMED]) or 'there are none'}{more}"


class ScenarioKinds:
    """Checks the category and the language that battles are wanted of. It runs in the transaction of `connection`."""

    def __init__(self, approval: Approval) -> None:
        self._approval = approval

    async def check(self, connection: AsyncConnection, owner: str, category: str, language: str = "") -> None:
        """Raises InvalidInput unless a scenario that battles of this board can have is of this kind."""
        if not category and not language:
            return
        usable = in_public_battles(self._approval)
        if owner != INSTALLATION:
            usable = sa.or_(usable, sa.and_(_S.developer_id == owner, ~_S.archived))
        query = sa.select(_S.category, _S.language).where(usable).distinct()
        check_kind([Kind(*row) for row in await connection.execute(query)], category, language)
