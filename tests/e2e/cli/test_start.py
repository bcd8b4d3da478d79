"""The start of `arena` is fast."""

from __future__ import annotations

import subprocess
import sys


def test_help_does_not_load_grpc() -> None:
    script = "import sys, gateway.cli.main; print(sorted({'grpc', 'psutil', 'numpy'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout == "[]\n"
