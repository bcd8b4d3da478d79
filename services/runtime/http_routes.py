"""The paths of RPCs' JSON routes, as the protos declare them."""

from google.api import annotations_pb2
from google.protobuf.descriptor import MethodDescriptor


def path_prefix(method: MethodDescriptor) -> str:
    """Returns the path of an RPC's JSON route up to its one variable, which ends it: `/api/v1/audio/` say."""
    template = str(method.GetOptions().Extensions[annotations_pb2.http].get)
    prefix, _, rest = template.partition("{")
    if not prefix or not rest.endswith("}") or "/" in rest:
        raise ValueError(f"{method.full_name}: {template!r} is no GET whose path ends in its one variable")
    return prefix
