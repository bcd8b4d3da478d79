"""Python values as Lua writes them."""

import json
import re


def table(value: object) -> str:
    """Returns a value of JSON's kinds as a Lua expression."""
    if isinstance(value, dict):
        return "{" + ",".join(f"[{json.dumps(k)}]={table(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "{" + ",".join(table(v) for v in value) + "}"
    return json.dumps(value)


def path_pattern(template: str) -> str:
    """Returns the Lua pattern of the paths of a JSON route, without their query."""
    # In a Lua pattern `%` escapes what is special, and only punctuation can be.
    parts = [re.sub(r"([^\w/])", r"%\1", part) for part in re.split(r"\{[^}]*\}", template)]
    return "^" + "[^/]+".join(parts) + "/?$"
