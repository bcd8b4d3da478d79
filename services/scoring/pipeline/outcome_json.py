"""Outcomes of steps as JSON, for the pipe between processes and for the database."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import numpy as np
from numpy.typing import NDArray

from services.scoring.pipeline.step import StepOutcome, StepStatus
from services.scoring.pipeline.steps import STEPS

RESULT_CLASSES: dict[str, type] = {step.name: step.gives for step in STEPS}


def to_json(value: Any, of_array: Callable[[NDArray[Any]], Any] = np.ndarray.tolist) -> Any:
    """Returns a value as JSON has it: dataclasses as objects, enums as their values, tuples as arrays. `of_array` says
    what stands for an array of numpy."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_json(getattr(value, field.name), of_array) for field in fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, np.ndarray):
        return of_array(value)
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Mapping):
        return {key: to_json(one, of_array) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(one, of_array) for one in value]
    return value


def result_from_json(step: str, value: Any) -> Any:
    """Returns the result of a step from its JSON object, None from None.

    Fields that the class no longer has are left out, and fields that it got later have their defaults.
    """
    return None if value is None else from_json(RESULT_CLASSES[step], value)


def outcome_from_json(value: Mapping[str, Any]) -> StepOutcome:
    """Returns the outcome that `to_json` wrote."""
    return StepOutcome(
        **{
            **value,
            "status": StepStatus(value["status"]),
            "result": result_from_json(value["step"], value["result"]),
        }
    )


def from_json(kind: Any, value: Any) -> Any:
    """Returns a value of a class, or of a type such as `list[Turn]`, from what `to_json` wrote."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        if value is None:
            return None
        (kind,) = (one for one in arguments if one is not NoneType)
        return from_json(kind, value)
    if origin is tuple:
        kinds = [arguments[0]] * len(value) if arguments[-1] is Ellipsis else arguments
        return tuple(from_json(one, part) for one, part in zip(kinds, value, strict=True))
    if origin is list:
        return [from_json(arguments[0], one) for one in value]
    if origin is np.ndarray:
        return value
    if origin is dict:
        return {key: from_json(arguments[1], one) for key, one in value.items()}
    if is_dataclass(kind):
        return _read_object(kind, value)
    return kind(value)


def _read_object(kind: Any, value: Mapping[str, Any]) -> Any:
    return kind(**{name: from_json(one, value[name]) for name, one in _hints(kind).items() if name in value})


@cache
def _hints(kind: Any) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in fields(kind)}
