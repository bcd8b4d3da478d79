"""Calls that the gateway refuses because of a header, before any other check.

Each refusal is an Envoy route that matches a bad header, and an error that names the header. Without it the call would
be misread later, or a service would refuse it without naming the header.
"""

from dataclasses import dataclass

from google.rpc import code_pb2

MAX_GRPC_TIMEOUT_DIGITS = 8
# The encodings that grpc-core can read.
GRPC_ENCODINGS = ("identity", "gzip", "deflate")
# The media types that the gRPC-Web filter knows. gRPC itself allows parameters too.
GRPC_MEDIA_TYPES = r"application/grpc(\+proto)?[ \t]*(;.*)?|application/grpc-web(-text)?(\+proto)?"
NO_CONTENT_ENCODING = "(?i)(identity)?"
NOT_GRPC = "(?i)application/grpc.*"
# Request headers that gRPC reserves. No client of the API needs to send them, and a malformed one would make the call
# fail in grpc-core.
STRIPPED_HEADERS = "grpc-(status|message|previous-rpc-attempts|retry-pushback-ms|internal-.*)"


@dataclass(frozen=True)
class HeaderRefusal:
    """A header whose bad values are refused."""

    name: str
    """The name of its route. The error is selected by this name."""
    prefixes: tuple[str, ...]
    """The prefixes of the paths to which it applies."""
    header: str
    pattern: str
    """A regular expression for the whole value."""
    is_good: bool
    """Whether the pattern matches good values. Otherwise it matches bad ones."""
    reason: str
    code: int
    http_status: int
    message: str


def _unsupported(
    name: str, prefixes: tuple[str, ...], header: str, pattern: str, message: str, *, is_good: bool = True
) -> HeaderRefusal:
    code = code_pb2.UNIMPLEMENTED if header == "grpc-encoding" else code_pb2.INVALID_ARGUMENT
    return HeaderRefusal(name, prefixes, header, pattern, is_good, "UNSUPPORTED_MEDIA_TYPE", code, 415, message)


REFUSALS = (
    HeaderRefusal(
        "bad_host",
        ("/",),
        ":authority",
        # Any text that is not one host and port. Envoy joins several headers with a comma.
        r".*[^A-Za-z0-9.:_\[\]%~-].*",
        False,
        "MALFORMED_REQUEST",
        code_pb2.INVALID_ARGUMENT,
        400,
        "host: must be a single host, with or without a port",
    ),
    HeaderRefusal(
        "bad_grpc_timeout",
        ("/",),
        "grpc-timeout",
        rf"[0-9]{{1,{MAX_GRPC_TIMEOUT_DIGITS}}}[HMSmun]",
        True,
        "MALFORMED_REQUEST",
        code_pb2.INVALID_ARGUMENT,
        400,
        f"grpc-timeout: must be a whole number of at most {MAX_GRPC_TIMEOUT_DIGITS} digits "
        "and a unit: H, M, S, m, u or n",
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
        "content-type: must be application/grpc or application/grpc-web, optionally with +proto; "
        "the routes for JSON are under /api/v1",
    ),
    _unsupported(
        "grpc_at_json_route",
        ("/api/",),
        "content-type",
        NOT_GRPC,
        "content-type: must be application/json; the paths for gRPC are /package.Service/Method",
        is_good=False,
    ),
)
