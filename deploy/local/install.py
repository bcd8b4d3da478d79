"""Installs the project with an extra and with what listens: `python deploy/local/install.py dev`.

It runs before anything is installed, so it uses the standard library only. Some platforms lack wheels of packages of
the extra `listening`. There it installs the others and prints one line about what is missing.
"""

import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
# Its weights listen to what strangers upload, so its wheels are pinned by their hashes.
PINNED = "moonshine-voice"
PINNED_FILE = ROOT / "deploy" / "local" / "moonshine.txt"

Pip = Callable[[Sequence[str]], bool]
"""Runs `pip install` with arguments and returns whether it succeeded."""


class InstallationFailed(Exception):
    """The installation failed; see above."""


def listening_requirements() -> list[str]:
    """Returns the requirements of the extra `listening`."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return list(project["optional-dependencies"]["listening"])


def install(extra: str, pip: Pip) -> list[str]:
    """Installs the project with an extra, and what listens. Returns the packages that this platform lacks.

    Raises InstallationFailed if the project itself can't be installed.
    """
    project = ("-e", f"{ROOT}[{extra}]")
    missing = [] if pip(["--no-deps", "--require-hashes", "--only-binary=:all:", "-r", str(PINNED_FILE)]) else [PINNED]
    wanted = [requirement for requirement in listening_requirements() if name_of(requirement) not in missing]
    # One call is the fastest, and it resolves all versions together.
    if pip([*only_wheels(wanted), *project, *wanted]):
        return missing
    if not pip(project):
        raise InstallationFailed
    return missing + [name_of(one) for one in wanted if not pip([*only_wheels([one]), one])]


def name_of(requirement: str) -> str:
    """Returns the name of the package that a requirement asks for."""
    return re.split(r"[^\w.-]", requirement, maxsplit=1)[0]


def only_wheels(requirements: Sequence[str]) -> list[str]:
    """Returns the option that keeps pip from compiling these packages."""
    return [f"--only-binary={','.join(map(name_of, requirements))}"]


def main(extra: str) -> int:
    """Installs, prints what is missing, and returns the exit status."""
    log = Path(sys.prefix) / "install.log"

    def pip(arguments: Sequence[str]) -> bool:
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
        with log.open("a", encoding="utf-8") as output:
            done = subprocess.run([*command, *arguments], stdout=output, stderr=subprocess.STDOUT, check=False)
        return done.returncode == 0

    print(f"Installing the project with {extra} and the small models that listen (about 200 MB).")
    log.write_text("")
    try:
        missing = install(extra, pip)
    except InstallationFailed as failure:
        sys.stderr.write(log.read_text(encoding="utf-8"))
        print(f"error: {failure.__doc__}", file=sys.stderr)
        return 1
    if missing:
        print(
            f"note: {', '.join(missing)} can't be installed here, so evaluations skip the steps that need it. "
            f"Everything else works. {log} says why."
        )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
