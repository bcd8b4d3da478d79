"""Compares a response with the expectation of a case."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

ABSENT = object()
"""Means that the field must be absent."""


def differences(expected: Any, actual: Any, path: str = "") -> Iterator[str]:
    """Yields the differences between a response and the expectation.

    Objects may have fields beside the expected ones; lists must be complete. A compiled pattern must match the whole
    string. A function must return true for the value.
    """
    if isinstance(expected, dict) and isinstance(actual, dict):
        for name, value in expected.items():
            where = f"{path}.{name}" if path else name
            if value is ABSENT:
                if name in actual:
                    yield f"{where} is there: {actual[name]!r}"
            elif name not in actual:
                yield f"{where} is missing"
            else:
                yield from differences(value, actual[name], where)
    elif isinstance(expected, list) and isinstance(actual, list):
        if len(expected) != len(actual):
            yield f"{path} has {len(actual)} elements instead of {len(expected)}: {actual!r}"
        for index, (wanted, got) in enumerate(zip(expected, actual, strict=False)):
            yield from differences(wanted, got, f"{path}[{index}]")
    elif not _fits(expected, actual):
        yield f"{path} is {actual!r} instead of {getattr(expected, 'pattern', expected)!r}"


def _fits(expected: Any, actual: Any) -> bool:
    if isinstance(expected, re.Pattern):
        return isinstance(actual, str) and expected.fullmatch(actual) is not None
    if isinstance(expected, Callable):  # type: ignore[arg-type]
        return bool(expected(actual))
    return type(expected) is not bool or type(actual) is bool if expected == actual else False
