"""Compares an answer with what a case expects of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

ABSENT = object()
"""Stands for a field that must not be there."""


def differences(expected: Any, actual: Any, path: str = "") -> Iterator[str]:
    """Yields where an answer is not as expected.

    Of an object only what is expected is looked at; of a list everything. A compiled pattern stands for a string that
    it matches from end to end, a function for a value of which it is true.
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
