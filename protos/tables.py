"""Writes the tables of events, calls and error reasons that the protos declare into the documents, or checks them.

`python protos/tables.py` writes. With `--check` it only compares, and ends with status 1 on a difference.
"""

import re
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from generate import run_protoc
from google.api import annotations_pb2
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet, MethodDescriptorProto
from voicearena.auth.v1 import options_pb2 as auth_options
from voicearena.events.v1 import options_pb2 as event_options
from voicearena.gateway.v1 import options_pb2 as gateway_options

ROOT = Path(__file__).parent.parent
REASON_PREFIX = "ERROR_REASON_"


def events(files: Iterable[FileDescriptorProto]) -> str:
    """Returns a table of events as Markdown, in the order of the protos."""
    rows = ["| event | subject | consumed by | meaning |", "|---|---|---|---|"]
    for file in files:
        if not file.name.endswith("/events.proto"):
            continue
        for index, message in enumerate(file.message_type):
            options = message.options.Extensions[event_options.event]
            if options.subject:
                subject = options.subject + (".<requester>" if options.per_requester else "")
                consumers = ", ".join(options.consumers) or "-"
                rows.append(f"| `{message.name}` | `{subject}` | {consumers} | {_said(file, message.name, 4, index)} |")
    return "\n".join(rows)


def calls(files: Iterable[FileDescriptorProto]) -> str:
    """Returns a table of the RPCs that have a JSON route as Markdown, in the order of the protos."""
    rows = ["| route | RPC | key | what it does |", "|---|---|---|---|"]
    for file in files:
        for place, service in enumerate(file.service):
            for index, method in enumerate(service.method):
                rule = method.options.Extensions[annotations_pb2.http]
                if verb := rule.WhichOneof("pattern"):
                    route = f"{verb.upper()} {getattr(rule, verb)}"
                    said = _said(file, method.name, 6, place, 2, index)
                    rows.append(f"| `{route}` | `{service.name}.{method.name}` | {_key(method)} | {said} |")
    return "\n".join(rows)


def reasons(files: Iterable[FileDescriptorProto]) -> str:
    """Returns a table of the error reasons as Markdown, in the order of the proto."""
    rows = ["| reason | HTTP | meaning |", "|---|---|---|"]
    file = next(file for file in files if file.name.endswith("/error_reason.proto"))
    for index, value in enumerate(file.enum_type[0].value):
        comment = _comment(file, 5, 0, 2, index).removeprefix(f"{value.name}: ")
        if status := re.search(r" HTTP (\d{3})\.$", comment):
            said = comment[: status.start()].strip()
            rows.append(f"| `{value.name.removeprefix(REASON_PREFIX)}` | {status[1]} | {said} |")
    return "\n".join(rows)


def _key(method: MethodDescriptorProto) -> str:
    if method.options.Extensions[gateway_options.call].public:
        return "none"
    scope = method.options.Extensions[auth_options.scope]
    return f"`{auth_options.Scope.Name(scope).replace('_', ':')}`" if scope else "any"


def _said(file: FileDescriptorProto, name: str, *path: int) -> str:
    """Returns the first sentence of the comment at a path in a file, without the name."""
    return re.split(r"(?<=\.) ", _comment(file, *path))[0].removeprefix(f"{name} ")


def _comment(file: FileDescriptorProto, *path: int) -> str:
    """Returns the comment at a path in a file, as one line."""
    comments = (one.leading_comments for one in file.source_code_info.location if tuple(one.path) == path)
    return " ".join(next(comments, "").split())


TABLES: dict[tuple[str, str], Callable[[Iterable[FileDescriptorProto]], str]] = {
    ("docs/contributing.md", "events"): events,
    ("docs/api.md", "calls"): calls,
    ("docs/calling.md", "reasons"): reasons,
}


def main() -> int:
    """Writes or checks."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "descriptors.pb"
        run_protoc(f"--descriptor_set_out={path}", "--include_source_info")
        files = FileDescriptorSet.FromString(path.read_bytes()).file
    for (document, name), table in TABLES.items():
        begin, end = f"<!-- {name}: written by `make gen` -->", f"<!-- /{name} -->"
        text = (ROOT / document).read_text()
        before, rest = text.split(begin)
        wanted = f"{before}{begin}\n{table(files)}\n{end}{rest.split(end)[1]}"
        if "--check" in sys.argv and text != wanted:
            print(f"the table of {name} in {document} is not that of the protos: run `make gen`", file=sys.stderr)
            return 1
        (ROOT / document).write_text(wanted)
    return 0


if __name__ == "__main__":
    sys.exit(main())
