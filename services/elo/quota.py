"""How many voice models or scenarios a developer may have."""

from dataclasses import dataclass

from services.runtime.errors import QuotaExceeded

# Archived ones are kept, because results name them. A developer may have this many of them per active one in all.
ARCHIVED_PER_ACTIVE = 10


@dataclass(frozen=True, slots=True)
class Counts:
    """The numbers of models or scenarios that a developer has."""

    active: int
    registered: int
    """Including archived ones."""


@dataclass(frozen=True, slots=True)
class Quota:
    """A limit for each developer."""

    what: str
    """Its plural, such as `voice models`."""
    max_active: int
    advice: str
    """How to free a place, in a sentence."""

    def check(self, counts: Counts) -> None:
        """Raises QuotaExceeded if the developer may not add another."""
        self.check_active(counts)
        limit = self.max_active * ARCHIVED_PER_ACTIVE
        if counts.registered >= limit:
            raise QuotaExceeded(
                f"You have registered {counts.registered} {self.what}, including archived ones, "
                f"and the limit is {limit}",
                limit=str(limit),
            )

    def check_active(self, counts: Counts) -> None:
        """Raises QuotaExceeded if the developer may not have another active one."""
        if counts.active >= self.max_active:
            raise QuotaExceeded(
                f"You have {counts.active} active {self.what}, and the limit is {self.max_active}. {self.advice}",
                limit=str(self.max_active),
            )
