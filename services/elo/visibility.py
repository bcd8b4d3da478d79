"""Who can see a voice model or a scenario, and whether public battles may use it.

Both have the columns `visibility`, `developer_id` and `approved_at`.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import sqlalchemy as sa

from services.elo.domain import INSTALLATION, Visibility
from services.runtime.errors import PermissionDenied


class Entry(Protocol):
    """A voice model or a scenario."""

    @property
    def developer_id(self) -> str: ...
    @property
    def visibility(self) -> Visibility: ...
    @property
    def approved_at(self) -> datetime | None: ...


@dataclass(frozen=True, slots=True)
class Approval:
    """The rule by which developers' public models and scenarios get into public battles."""

    needed: bool
    """Whether an operator has to approve them (PUBLIC_APPROVAL)."""
    operators: Collection[str] = ()
    """The ids of the developers who can approve (OPERATORS)."""

    def awaited_by(self, entry: Entry) -> bool:
        """Returns whether an operator has to approve the entry before public battles use it."""
        public = entry.visibility is Visibility.PUBLIC
        return self.needed and public and entry.developer_id != INSTALLATION and entry.approved_at is None

    def check_operator(self, developer_id: str) -> None:
        """Raises PermissionDenied unless the developer is an operator."""
        if developer_id not in self.operators:
            raise PermissionDenied(
                "Only an operator of this installation can approve. The setting OPERATORS lists their developer ids."
            )

    def awaiting(self, table: sa.Table) -> "sa.ColumnElement[bool]":
        """Returns the condition that an entry of `table` awaits approval."""
        if not self.needed:
            return sa.false()
        return sa.and_(
            table.c.visibility == Visibility.PUBLIC,
            table.c.developer_id != INSTALLATION,
            table.c.approved_at.is_(None),
        )

    def in_public_battles(self, table: sa.Table) -> "sa.ColumnElement[bool]":
        """Returns the condition that public battles may use an entry of `table`."""
        return sa.and_(table.c.visibility == Visibility.PUBLIC, ~self.awaiting(table))


def visible_to(table: "sa.Table | sa.Alias", reader: str) -> "sa.ColumnElement[bool]":
    """Returns the condition that a developer can see an entry of `table`. `reader` is empty if nobody is known."""
    columns: Any = table.c
    return sa.or_(columns.visibility == Visibility.PUBLIC, columns.developer_id == reader)


def is_visible(entry: Entry, reader: str) -> bool:
    """Returns whether a developer can see the entry."""
    return entry.visibility is Visibility.PUBLIC or entry.developer_id == reader
