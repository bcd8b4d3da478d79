"""What a child may do once it has given up root."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local.postgres import SEARCH_CAPABILITIES

CHILD = Path(__file__).parents[3] / "deploy" / "local" / "child.py"
NOBODY = 65534
LOOKS = """
import os, sys
path = sys.argv[1]
status = open("/proc/self/status").read()
effective = next(line.split()[1] for line in status.splitlines() if line.startswith("CapEff:"))
print(os.getuid(), os.access(path, os.R_OK), os.path.exists(path), int(effective, 16))
"""


@pytest.fixture
def file_in_closed_folder(tmp_path: Path) -> Path:
    """A file that all may read, in a folder that only its owner may enter."""
    folder = tmp_path / "closed"
    folder.mkdir()
    path = folder / "program"
    path.write_text("")
    folder.chmod(stat.S_IRWXU)
    return path


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="only root on Linux has it to give up")
def test_a_child_that_keeps_a_capability_passes_closed_folders_and_has_no_other(file_in_closed_folder: Path) -> None:
    kept = 1 << SEARCH_CAPABILITIES[1]
    arguments = [os.getpid(), 9, NOBODY, NOBODY, kept, sys.executable, "-c", LOOKS, file_in_closed_folder]
    child = subprocess.run(
        [sys.executable, "-I", "-S", CHILD, *map(str, arguments)], capture_output=True, text=True, timeout=30
    )
    assert (child.stdout.split(), child.stderr) == ([str(NOBODY), "True", "True", str(kept)], "")
