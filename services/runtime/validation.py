"""Collects everything that is wrong with a request, so that a caller learns of all of it at once."""

from services.runtime.errors import FieldViolation, InvalidInput
from services.runtime.outside_text import first_control

MAX_REQUEST_ID_CHARACTERS = 100


class Validation:
    """Gathers field violations; `finish` raises InvalidInput if there are any."""

    def __init__(self) -> None:
        self.violations: list[FieldViolation] = []

    def require(self, condition: bool, field: str, description: str) -> bool:
        """Notes a violation unless the condition holds, and returns the condition."""
        if not condition:
            self.violations.append(FieldViolation(field, description))
        return condition

    def text(self, value: str, field: str, *, longest: int, shortest: int = 1) -> bool:
        """Requires `shortest` to `longest` characters, not only white space unless `shortest` is 0.

        Control characters are refused, but for those that are white space.
        """
        limits = f"at most {longest}" if shortest == 0 else f"{shortest} to {longest}"
        control = first_control(value[:longest])
        return (
            self.require(len(value) <= longest, field, f"must be {limits} characters, got {len(value)}")
            and self.require(shortest == 0 or len(value) >= shortest, field, f"must be {limits} characters")
            and self.require(shortest == 0 or not value.isspace(), field, "must not be only white space")
            # PostgreSQL stores no NUL, and a terminal obeys others.
            and self.require(not control, field, f"must not contain the character {control}")
        )

    def request_id(self, value: str) -> None:
        """Requires an id that makes a call repeatable, or none."""
        self.text(value, "request_id", longest=MAX_REQUEST_ID_CHARACTERS, shortest=0)

    def one_of(self, value: str, field: str, allowed: tuple[str, ...]) -> bool:
        """Requires one of the allowed values and lists them otherwise."""
        return self.require(value in allowed, field, f"must be one of {', '.join(allowed)}")

    def finish(self) -> None:
        """Raises InvalidInput with all that was noted, if anything was."""
        if self.violations:
            raise InvalidInput.of(*self.violations)
