"""Writes values with their units."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from google.protobuf.message import Message

ABSENT = "–"


def milliseconds(value: float | None) -> str:
    """Returns `3.4 ms`, or `12 ms` without decimals from 10 on."""
    if value is None:
        return ABSENT
    return f"{value:.1f} ms" if value < 10 else f"{value:.0f} ms"


def seconds(value: float | None) -> str:
    """Returns a time such as `2.41 s`."""
    return ABSENT if value is None else f"{value:.2f} s"


def percent(share: float | None) -> str:
    """Returns `12.3%` for the share 0.123."""
    return ABSENT if share is None else f"{share:.1%}"


def number(value: float | None) -> str:
    """Returns a number such as `4.12`."""
    return ABSENT if value is None else f"{value:.2f}"


def count(value: float | None) -> str:
    """Returns a count such as `3`, or a mean of counts such as `0.25`."""
    return ABSENT if value is None else f"{value:.2f}".rstrip("0").rstrip(".")


def counted(number: int, one: str, many: str = "") -> str:
    """Returns a number with its noun, such as `1 vote` or `2 votes`. `many` is the plural if it is irregular."""
    return f"{number} {one if number == 1 else many or one + 's'}"


FORMATS = {"ms": milliseconds, "s": seconds, "": percent}
"""The function that writes a value, by its unit."""


def measurement(message: Message, field: str, unit: str, *, is_count: bool = False) -> str:
    """Returns the value in this field of a message with its unit. `is_count` is for whole numbers without a unit."""
    value = getattr(message, field) if has(message, field) else None
    return count(value) if is_count else FORMATS.get(unit, number)(value)


def has(message: Message, field: str) -> bool:
    """Returns whether a message has a value in the field of this name, which it may not know."""
    return field in message.DESCRIPTOR.fields_by_name and message.HasField(field)


def model_name(provider: str, voice_id: str) -> str:
    """Returns `provider:voice_id`, the name of a model in results."""
    return f"{provider}:{voice_id}"
