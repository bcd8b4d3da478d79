"""Collects all violations of a request, so that the caller gets them in one response."""

from services.runtime.errors import FieldViolation, InvalidInput
from services.runtime.outside_text import first_control

MAX_REQUEST_ID_CHARACTERS = 100


class Validation:
    """Collects field violations. `finish` raises InvalidInput if there are any."""

    def __init__(self) -> None:
        self.violations: list[FieldViolation] = []

    def require(self, condition: bool, field: str, description: str) -> bool:
        """Adds a violation if the condition is false. Returns the condition."""
        if not condition:
            self.violations.append(FieldViolation(field, description))
        return condition

    def text(self, value: str, field: str, *, max_characters: int, min_characters: int = 1) -> bool:
        """Requires `min_characters` to `max_characters` characters.

        White space only is refused unless `min_characters` is 0. Control characters that are not white space are
        refused: PostgreSQL can't store NUL, and terminals obey others.
        """
        limits = f"at most {max_characters}" if min_characters == 0 else f"{min_characters} to {max_characters}"
        control = first_control(value[:max_characters])
        return (
            self.require(len(value) <= max_characters, field, f"must have {limits} characters, got {len(value)}")
            and self.require(
                min_characters == 0 or len(value) >= min_characters, field, f"must have {limits} characters"
            )
            and self.require(min_characters == 0 or not value.isspace(), field, "must not be only white space")
            and self.require(not control, field, f"must not contain the character {control}")
        )

    def request_id(self, value: str) -> None:
        """Requires a valid request id, or none."""
        self.text(value, "request_id", max_characters=MAX_REQUEST_ID_CHARACTERS, min_characters=0)

    def one_of(self, value: str, field: str, allowed: tuple[str, ...]) -> bool:
        """Requires one of the allowed values. The violation lists them."""
        return self.require(value in allowed, field, f"must be one of {', '.join(allowed)}")

    def finish(self) -> None:
        """Raises InvalidInput with all violations, if there are any."""
        if self.violations:
            raise InvalidInput.of(*self.violations)
