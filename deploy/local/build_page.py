"""Builds the page before the mesh starts, if its sources changed: `python deploy/local/build_page.py`.

The mesh is complete without the page. So if it can't be built, one line says why, and the exit status is 0. This file
runs without the project, so it uses the standard library only.
"""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[2]
LOG = ROOT / ".venv" / "page.log"
BUILT = ROOT / "gateway" / "web" / "dist" / "index.html"
# Without a network, starting the mesh should not wait for one attempt after the other.
ONE_ATTEMPT = {
    "NPM_CONFIG_FETCH_RETRIES": "0",
    "NPM_CONFIG_FETCH_TIMEOUT": "20000",
    "PIP_RETRIES": "0",
    "PIP_DEFAULT_TIMEOUT": "20",
}
# What the last attempt logged, and what that means. The first one that is found is shown.
REASONS = {
    r"npm (error|ERR!).*(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|network)": (
        "npm can't be reached"
    ),
    r"(Failed to establish a new connection|No matching distribution found|Could not find a version)": (
        "Node can't be installed"
    ),
    r"ENOSPC|No space left on device": "the disk is full",
}
UNKNOWN = "its build failed"

Make = Callable[[list[str]], int]
"""Runs make with arguments and returns its exit status. The output goes to the log."""


def build(make: Make, *, log: Path, built: Path) -> str:
    """Builds the page unless it is up to date. Returns the line that says why there is none, empty if there is one."""
    if make(["--question"]) == 0:
        return ""
    print("Building the page. This takes about a minute, once.", flush=True)
    if make([]) == 0:
        return ""
    missing = "the page was built from earlier sources" if built.is_file() else "the page is missing"
    return (
        f"note: {missing}, because {reason(log.read_text(errors='replace'))}. Everything else works. {log} says more."
    )


def reason(output: str) -> str:
    """Returns why a build failed."""
    return next((shown for pattern, shown in REASONS.items() if re.search(pattern, output)), UNKNOWN)


def main() -> int:
    """Builds the page, prints what is wrong, and returns the exit status, which is always 0."""
    LOG.parent.mkdir(exist_ok=True)
    LOG.write_text("")

    def make(arguments: list[str]) -> int:
        with LOG.open("a", encoding="utf-8") as output:
            command = [os.environ.get("MAKE", "make"), "--no-print-directory", "-C", str(ROOT), *arguments, "page"]
            environment = {key: value for key, value in os.environ.items() if key not in ("MAKEFLAGS", "MAKELEVEL")}
            done = subprocess.run(
                command, stdout=output, stderr=subprocess.STDOUT, env={**ONE_ATTEMPT, **environment}, check=False
            )
        return done.returncode

    if fault := build(make, log=LOG, built=BUILT):
        print(fault, file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
