"""What the gateway refuses by its headers alone, before anything else looks at a call.

Each refusal is a route of Envoy's that matches a bad header, and an error by which the caller learns what was bad. What
is refused here would be read wrongly further on, or be refused by a service in words that name no header.
"""

from dataclasses import dataclass

from google.rpc import code_pb2

MAX_GRPC_TIMEOUT_DIGITS = 8
# What grpc-core can read.
GRPC_ENCODINGS = ("identity", "gzip", "deflate")
# The gRPC-Web filter knows these and no others; gRPC itself takes parameters, too.
GRPC_MEDIA_TYPES = r"application/grpc(\+proto)?[ \t]*(;.*)?|application/grpc-web(-text)?(\+proto)?"
NO_CONTENT_ENCODING = "(?i)(identity)?"
NOT_GRPC = "(?i)application/grpc.*"
# Headers of a call that gRPC gives a meaning of its own, and that no client of the API has a reason to send. Each
# would fail its call in grpc-core if it were not well-formed.
STRIPPED_HEADERS = "grpc-(status|message|previous-rpc-attempts|retry-pushback-ms|internal-.*)"


@dataclass(frozen=True)
class Refusal:
    """A header that is refused when its value is not good."""

    name: str
    """The name of its route, by which its error knows it."""
    prefixes: tuple[str, ...]
    """The paths to which it applies."""
    header: str
    pattern: str
    """A regular expression of the whole value."""
    is_good: bool
    """Whether the pattern is of good values; else of bad ones."""
    reason: str
    code: int
    http_status: int
    message: str


def _unsupported(
    name: str, prefixes: tuple[str, ...], header: str, pattern: str, message: str, *, is_good: bool = True
) -> Refusal:
    code = code_pb2.UNIMPLEMENTED if header == "grpc-encoding" else code_pb2.INVALID_ARGUMENT
    return Refusal(name, prefixes, header, pattern, is_good, "UNSUPPORTED_MEDIA_TYPE", code, 415, message)


REFUSALS = (
    Refusal(
        "bad_host",
        ("/",),
        ":authority",
        # What is not one host and port; Envoy joins several with a comma.
        r".*[^A-Za-z0-9.:_\[\]%~-].*",
        False,
        "MALFORMED_REQUEST",
        code_pb2.INVALID_ARGUMENT,
        400,
        "host: must be given once, as a host with or without a port",
    ),
    Refusal(
        "bad_grpc_timeout",
        ("/",),
        "grpc-timeout",
        rf"[0-9]{{1,{MAX_GRPC_TIMEOUT_DIGITS}}}[HMSmun]",
        True,
        "MALFORMED_REQUEST",
        code_pb2.INVALID_ARGUMENT,
        400,
        f"grpc-timeout: must be a whole number of at most {MAX_GRPC_TIMEOUT_DIGITS} digits "
        "and its unit H, M, S, m, u or n",
    ),
    _unsupported(
        "bad_grpc_encoding",
        ("/",),
        "grpc-encoding",
        "|".join(GRPC_ENCODINGS),
        f"grpc-encoding: must be one of {', '.join(GRPC_ENCODINGS)}",
    ),
    _unsupported(
        "bad_content_encoding",
        ("/",),
        "content-encoding",
        NO_CONTENT_ENCODING,
        "content-encoding: bodies must not be compressed or otherwise encoded",
    ),
    _unsupported(
        "bad_grpc_media_type",
        ("/voicearena.", "/grpc."),
        "content-type",
        GRPC_MEDIA_TYPES,
        "content-type: must be application/grpc or application/grpc-web, with +proto or nothing after it; "
        "JSON has routes of its own under /api/v1",
    ),
    _unsupported(
        "grpc_at_json_route",
        ("/api/",),
        "content-type",
        NOT_GRPC,
        "content-type: must be application/json; gRPC has paths of its own, /package.Service/Method",
        is_good=False,
    ),
)
