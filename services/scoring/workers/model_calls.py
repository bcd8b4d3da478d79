"""The calls of models between processes: which methods there are and what they return."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_origin, get_type_hints

from services.scoring.backends.backend import Backend

DESCRIBE = "describe"
"""The method that loads the model and returns what results and steps need to know of it."""


def _methods() -> dict[str, dict[str, Any]]:
    return {
        name: get_type_hints(method)
        for kind in Backend.__subclasses__()
        for name, method in vars(kind).items()
        if callable(method) and not name.startswith("_")
    }


METHODS = _methods()
"""The types of the arguments of each method of a backend, in their order, and of what it `return`s."""


def is_batched(method: str) -> bool:
    """Returns whether a method takes a batch: whether its first argument is a sequence."""
    return method in METHODS and get_origin(next(iter(METHODS[method].values()))) is Sequence
