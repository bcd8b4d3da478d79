"""The permissions of a child that has given up root."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local.postgres import SEARCH_CAPABILITIES

CHILD = Path(__file__).parents[3] / "deploy" / "local" / "child.py"
NOBODY = 65534
SCRIPT = """
import os, sys
path = sys.argv[1]
status = open("/proc/self/status").read()
effective = next(line.split()[1] for line in status.splitlines() if line.startswith("CapEff:"))
print(os.getuid(), os.access(path, os.R_OK), os.path.exists(path), int(effective, 16))
"""


@pytest.fixture
def file_in_closed_folder(tmp_path: Path) -> Path:
    """A file that everybody can read, in a folder that only its owner can enter."""
    folder = tmp_path / "closed"
    folder.mkdir()
    path = folder / "program"
    path.write_text("")
    folder.chmod(stat.S_IRWXU)
    return path


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="needs root on Linux")
def test_a_child_keeps_only_the_capability_to_pass_through_closed_folders(file_in_closed_folder: Path) -> None:
    kept = 1 << SEARCH_CAPABILITIES[1]
    arguments = [os.getpid(), 9, NOBODY, NOBODY, kept, sys.executable, "-c", SCRIPT, file_in_closed_folder]
    child = subprocess.run(
        [sys.executable, "-I", "-S", CHILD, *map(str, arguments)], capture_output=True, text=True, timeout=30
    )
    assert (child.stdout.split(), child.stderr) == ([str(NOBODY), "True", "True", str(kept)], "")
