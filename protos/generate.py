"""Writes the Python stubs and the gateway's descriptor set from the protos. It needs only the wheels of `.[gen]`."""

import importlib.resources
import shutil
import sys
import sysconfig
from pathlib import Path

from grpc_tools import protoc

PROTOS = Path(__file__).parent
THIRD_PARTY = PROTOS / "third_party"
GOOGLE_APIS = [
    "google/api/annotations.proto",
    "google/api/http.proto",
    "google/api/httpbody.proto",
    "google/rpc/error_details.proto",
    "google/rpc/status.proto",
]


def copy_google_apis() -> None:
    """Copies Google's API protos next to ours, so that buf does not download them from a schema registry."""
    wheel = Path(sysconfig.get_path("purelib"))
    for name in GOOGLE_APIS:
        target = THIRD_PARTY / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(wheel / name, target)


def run_protoc(*arguments: str) -> None:
    """Runs protoc on the project's protos. If it fails, the process exits with its status."""
    well_known = str(importlib.resources.files("grpc_tools") / "_proto")
    own = [str(p.relative_to(PROTOS)) for p in sorted((PROTOS / "voicearena").rglob("*.proto"))]
    paths = [f"-I{PROTOS}", f"-I{THIRD_PARTY}", f"-I{well_known}"]
    if status := protoc.main(["protoc", *paths, *arguments, *own]):
        sys.exit(status)


def main(gen: Path) -> None:
    """Writes `gen/python` and `gen/descriptors.pb` anew."""
    copy_google_apis()
    python = gen / "python"
    shutil.rmtree(python, ignore_errors=True)
    python.mkdir(parents=True)
    binaries = Path(sys.executable).parent
    run_protoc(
        f"--plugin=protoc-gen-mypy={binaries / 'protoc-gen-mypy'}",
        f"--plugin=protoc-gen-mypy_grpc={binaries / 'protoc-gen-mypy_grpc'}",
        f"--python_out={python}",
        f"--grpc_python_out={python}",
        f"--mypy_out=quiet:{python}",
        f"--mypy_grpc_out=quiet:{python}",
    )
    # The gateway needs error_details to write error details as JSON.
    run_protoc(f"--descriptor_set_out={gen / 'descriptors.pb'}", "--include_imports", "google/rpc/error_details.proto")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else PROTOS / "gen")
