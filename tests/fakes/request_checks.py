"""How the stand-ins for speech providers look at what is asked of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Request:
    """One request as it came."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


def mistyped(body: object, fields: Mapping[str, type | tuple[type, ...]], required: set[str]) -> str:
    """Returns what is wrong with the fields of a JSON body: not an object, missing, unknown or mistyped; "" if nothing.

    A boolean is no number.
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
    """Returns the JSON body; ValueError if it is not sent as JSON, or is none."""
    if request.headers.get("content-type") != "application/json":
        raise ValueError("the content type is not application/json")
    return json.loads(request.body)
