"""Writes the Lua code with which Envoy checks the queries and bodies of JSON calls. It consists of tables, which are
made from the protos, followed by json_query.lua and json_body.lua."""

import json
import re
from collections.abc import Iterable
from pathlib import Path

from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor

from gateway.descriptors import enum_values, http_route

REFUSAL = Path(__file__).parent / "refusal.lua"
QUERY_CHECK = Path(__file__).parent / "json_query.lua"
BODY_CHECK = Path(__file__).parent / "json_body.lua"
KINDS = {
    FieldDescriptor.TYPE_STRING: "string",
    FieldDescriptor.TYPE_BYTES: "string",
    FieldDescriptor.TYPE_BOOL: "boolean",
    FieldDescriptor.TYPE_DOUBLE: "number",
    FieldDescriptor.TYPE_FLOAT: "number",
    FieldDescriptor.TYPE_ENUM: "enum",
}
# Strings in proto JSON. The transcoder checks their format.
AS_STRINGS = {"google.protobuf.Timestamp", "google.protobuf.Duration", "google.protobuf.FieldMask"}


def json_query_check(methods: Iterable[MethodDescriptor]) -> str:
    """Returns the Lua code that checks the queries of all JSON routes."""
    routes: list[object] = []
    for method in methods:
        if route := http_route(method):
            fields = method.input_type.fields
            routes.append(
                {
                    "verb": route.verb,
                    "pattern": _path_pattern(route.template),
                    "takes_body": route.body == "*",
                    # Proto JSON accepts both names of a field.
                    "fields": {**{f.json_name: f.name for f in fields}, **{f.name: f.name for f in fields}},
                    "in_path": dict.fromkeys(route.path_fields, True),
                    "lists": {f.name: True for f in fields if f.is_repeated},
                }
            )
    return f"local ROUTES = {_table(routes)}\n{REFUSAL.read_text()}\n{QUERY_CHECK.read_text()}"


def json_body_check(methods: Iterable[MethodDescriptor]) -> str:
    """Returns the Lua code that checks the bodies of the JSON routes whose body is the whole request."""
    messages: dict[str, object] = {}
    for method in methods:
        route = http_route(method)
        if route and route.body == "*":
            _describe(method.input_type, messages)
    return f"local MESSAGES = {_table(messages)}\n{REFUSAL.read_text()}\n{BODY_CHECK.read_text()}"


def _describe(message: Descriptor, messages: dict[str, object]) -> None:
    if message.full_name in messages:
        return
    fields: dict[str, object] = {}
    messages[message.full_name] = {"fields": fields, "names": [f.name for f in message.fields]}
    for field in message.fields:
        # Proto JSON accepts both names of a field.
        fields[field.name] = fields[field.json_name] = _kind(field, messages)


def _kind(field: FieldDescriptor, messages: dict[str, object]) -> dict[str, object]:
    message = field.message_type
    if message and message.GetOptions().map_entry:
        return {"kind": "map", "of": _kind(message.fields_by_name["value"], messages), "name": field.name}
    kind: dict[str, object] = {"kind": KINDS.get(field.type, "integer"), "name": field.name}
    if message and message.full_name in AS_STRINGS:
        kind["kind"] = "string"
    elif message and message.full_name.startswith("google.protobuf."):
        kind["kind"] = "any"
    elif message:
        kind.update(kind="message", message=message.full_name)
        _describe(message, messages)
    if field.enum_type:
        kind["values"] = list(enum_values(field.enum_type))
        kind["zero"] = field.enum_type.values_by_number[0].name
    return {"kind": "list", "of": kind, "name": field.name} if field.is_repeated else kind


def _table(value: object) -> str:
    """Returns a value (dict, list or scalar) as a Lua expression."""
    if isinstance(value, dict):
        return "{" + ",".join(f"[{json.dumps(k)}]={_table(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "{" + ",".join(_table(v) for v in value) + "}"
    return json.dumps(value)


def _path_pattern(template: str) -> str:
    """Returns the Lua pattern for the path of a JSON route without its query."""
    # In a Lua pattern only punctuation can be special. `%` escapes it.
    parts = [re.sub(r"([^\w/])", r"%\1", part) for part in re.split(r"\{[^}]*\}", template)]
    return "^" + "[^/]+".join(parts) + "/?$"
