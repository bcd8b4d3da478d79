"""Writes the metrics that services export into the README, from what they declare, or checks that they are there.

`python -m services.metric_table` writes, with `--check` it only compares and ends with status 1 on a difference.
"""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from services.runtime.mesh import SERVICES

README = Path(__file__).parent.parent / "README.md"
BEGIN, END = "<!-- metrics: written by `make gen` -->", "<!-- /metrics -->"
PREFIX = "voicearena_"
# In a process each, as services are: what one of them declares the others don't export.
DECLARED = f"""
import json, sys, importlib
from prometheus_client import REGISTRY
importlib.import_module(f"services.{{sys.argv[1]}}.__main__")
print(json.dumps([
    [each._name + ("_total" if each._type == "counter" else ""), each._type, each._labelnames, each._documentation]
    for each in dict.fromkeys(REGISTRY._names_to_collectors.values())
    if getattr(each, "_name", "").startswith("{PREFIX}")
]))
"""

Metric = tuple[str, str, tuple[str, ...], str]
"""Its name, its type, the names of its labels, and what it is."""


def declared() -> dict[Metric, list[str]]:
    """Returns every metric, with the services that export it."""
    found: dict[Metric, list[str]] = {}
    with ThreadPoolExecutor() as pool:
        for service, printed in zip(SERVICES, pool.map(_printed, SERVICES), strict=True):
            for name, kind, labels, documentation in json.loads(printed):
                found.setdefault((name, kind, tuple(labels), documentation), []).append(service)
    return found


def _printed(service: str) -> str:
    command = [sys.executable, "-c", DECLARED, service]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=README.parent)
    if done.returncode:
        raise RuntimeError(f"{service} can't be imported:\n{done.stderr}")
    return done.stdout


def table() -> str:
    """Returns the table as Markdown: one row a metric, those of all services first."""
    metrics = sorted(declared().items(), key=lambda item: (-len(item[1]), item[1], item[0]))
    rows = ["| metric | type | labels | of | what it is |", "|---|---|---|---|---|"]
    for (name, kind, labels, documentation), services in metrics:
        of = "all" if len(services) == len(SERVICES) else _listed(services)
        rows.append(f"| `{name}` | {kind} | {', '.join(labels) or '-'} | {of} | {documentation} |")
    return "\n".join(rows)


def main() -> int:
    """Writes or checks."""
    text = README.read_text()
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    wanted = f"{before}{BEGIN}\n{table()}\n{END}{after}"
    if text == wanted:
        return 0
    if "--check" in sys.argv:
        sys.stderr.write("the table of metrics in README.md is not that of the services: run `make gen`\n")
        return 1
    README.write_text(wanted)
    return 0


def _listed(services: list[str]) -> str:
    missing = [each for each in SERVICES if each not in services]
    return f"all but {missing[0]}" if len(missing) == 1 else ", ".join(services)


if __name__ == "__main__":
    sys.exit(main())
