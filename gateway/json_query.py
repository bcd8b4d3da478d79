"""Writes the Lua with which Envoy checks the queries of JSON calls: what each route takes, from the protos."""

from collections.abc import Iterable
from pathlib import Path

from google.protobuf.descriptor import MethodDescriptor

from gateway.descriptors import http_route
from gateway.lua import path_pattern, table

REFUSAL = Path(__file__).parent / "refusal.lua"
CHECK = Path(__file__).parent / "json_query.lua"


def json_query_check(methods: Iterable[MethodDescriptor]) -> str:
    """Returns the Lua for all JSON routes."""
    routes: list[object] = []
    for method in methods:
        if route := http_route(method):
            fields = method.input_type.fields
            routes.append(
                {
                    "verb": route.verb,
                    "pattern": path_pattern(route.template),
                    "takes_body": route.body == "*",
                    # Proto JSON, and so the transcoder, knows a field by both names.
                    "fields": {**{f.json_name: f.name for f in fields}, **{f.name: f.name for f in fields}},
                    "in_path": dict.fromkeys(route.path_fields, True),
                    "lists": {f.name: True for f in fields if f.is_repeated},
                }
            )
    return f"local ROUTES = {table(routes)}\n{REFUSAL.read_text()}\n{CHECK.read_text()}"
