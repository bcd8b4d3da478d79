"""The checks of requests that the stand-ins for speech providers share."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Request:
    """One request as it was received."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


def mistyped(body: object, fields: Mapping[str, type | tuple[type, ...]], required: set[str]) -> str:
    """Returns the first error of a JSON body (not an object, a missing, unknown or mistyped field), "" if it is valid.

    A boolean is not a number.
    """
    if not isinstance(body, dict):
        return "body: must be an object"
    if missing := sorted(required - set(body)):
        return f"{missing[0]}: field required"
    if unknown := sorted(set(body) - set(fields)):
        return f"{unknown[0]}: unknown field"
    for name, value in body.items():
        kind = fields[name]
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            return f"{name}: wrong type"
    return ""


def json_body(request: Request) -> object:
    """Returns the JSON body. Raises ValueError if its content type is not JSON or it is not valid JSON."""
    if request.headers.get("content-type") != "application/json":
        raise ValueError("the content type is not application/json")
    return json.loads(request.body)
