"""Writes the event catalogue into the README from what the event messages declare, or checks that it is there.

`python protos/event_table.py` writes, with `--check` it only compares and ends with status 1 on a difference.
"""

import re
import sys
import tempfile
from pathlib import Path

from generate import run_protoc
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from voicearena.events.v1 import options_pb2

README = Path(__file__).parent.parent / "README.md"
BEGIN, END = "<!-- events: written by `make gen` -->", "<!-- /events -->"


def table() -> str:
    """Returns the table as Markdown: one row an event, in the order of the protos."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "descriptors.pb"
        run_protoc(f"--descriptor_set_out={path}", "--include_source_info")
        files = FileDescriptorSet.FromString(path.read_bytes()).file
    rows = ["| event | subject | acted on by | when |", "|---|---|---|---|"]
    for file in files:
        if file.name.endswith("/events.proto"):
            rows += _rows(file)
    return "\n".join(rows)


def _rows(file: FileDescriptorProto) -> list[str]:
    comments = {tuple(location.path): location.leading_comments for location in file.source_code_info.location}
    rows = []
    for index, message in enumerate(file.message_type):
        options = message.options.Extensions[options_pb2.event]
        if options.subject:
            subject = options.subject + (".<requester>" if options.per_requester else "")
            text = " ".join(comments.get((4, index), "").split())
            first_sentence = re.split(r"(?<=\.) ", text)[0].removeprefix(f"{message.name} ")
            rows.append(
                f"| `{message.name}` | `{subject}` | {', '.join(options.consumers) or '-'} | {first_sentence} |"
            )
    return rows


def main() -> int:
    """Writes or checks."""
    text = README.read_text()
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    wanted = f"{before}{BEGIN}\n{table()}\n{END}{after}"
    if text == wanted:
        return 0
    if "--check" in sys.argv:
        print("the event table in README.md is not that of the protos: run `make gen`", file=sys.stderr)
        return 1
    README.write_text(wanted)
    return 0


if __name__ == "__main__":
    sys.exit(main())
