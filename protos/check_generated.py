"""Checks that the stubs in `gen` match the protos and that `buf generate` produces the same stubs.

buf and the TypeScript plugin must be on the PATH. `make lint` runs it.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from google.protobuf.descriptor_pb2 import DescriptorProto, FileDescriptorSet

ROOT = Path(__file__).parent.parent
GEN = Path("protos/gen")


def main() -> int:
    """Generates the stubs both ways into a temporary folder and prints each difference to stderr."""
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs = Path(folder) / "ours", Path(folder) / "buf"
        generate = Path(__file__).parent / "generate.py"
        subprocess.run([sys.executable, str(generate), str(ours)], check=True, stderr=subprocess.DEVNULL)
        subprocess.run(["buf", "generate", "-o", str(theirs)], check=True, cwd=ROOT, stderr=subprocess.DEVNULL)
        subprocess.run(["buf", "build", "protos", "-o", f"{theirs}/image.binpb"], check=True, cwd=ROOT)
        differences = _differences(ours / "python", ROOT / GEN / "python", "is not up to date: run `make gen`")
        differences += _differences(ours / "python", theirs / GEN / "python", "differs from what buf generates")
        differences += _schema_differences(ours / "descriptors.pb", theirs / "image.binpb")
        if not list((theirs / "gateway/web/gen").rglob("*_service_pb.js")):
            differences.append("buf generates no TypeScript stubs")
    for difference in differences:
        print(difference, file=sys.stderr)
    return 1 if differences else 0


def _differences(expected: Path, found: Path, complaint: str) -> list[str]:
    """Compares the stubs. buf adds JSON names to the bytes in `_pb2.py`, so those are compared as schemas instead."""
    names = {p.relative_to(expected) for p in expected.rglob("*.py*")}
    names |= {p.relative_to(found) for p in found.rglob("*.py*") if "__pycache__" not in p.parts}
    own = "buf" not in complaint
    return [
        f"{name} {complaint}"
        for name in sorted(names)
        if own or not name.name.endswith("_pb2.py")
        if _read(expected / name) != _read(found / name)
    ]


def _schema_differences(expected: Path, found: Path) -> list[str]:
    ours, theirs = _schemas(expected), _schemas(found)
    names = sorted(name for name in ours.keys() | theirs.keys() if name.startswith("voicearena/"))
    return [f"{name} differs as buf compiles it" for name in names if ours.get(name) != theirs.get(name)]


def _schemas(path: Path) -> dict[str, bytes]:
    files = FileDescriptorSet.FromString(path.read_bytes()).file
    for file in files:
        file.ClearField("source_code_info")
        file.DiscardUnknownFields()
        for message in file.message_type:
            _clear_json_names(message)
    return {file.name: file.SerializeToString(deterministic=True) for file in files}


def _clear_json_names(message: DescriptorProto) -> None:
    for field in (*message.field, *message.extension):
        field.ClearField("json_name")
    for nested in message.nested_type:
        _clear_json_names(nested)


def _read(path: Path) -> str | None:
    return path.read_text() if path.exists() else None


if __name__ == "__main__":
    sys.exit(main())
