"""Writes three tables into the documents: metrics of a trial, metrics of an evaluation, and operational metrics.

The first comes from `services.shared.metrics`, the second from `services.scoring.step_metrics`, and the third from what
each service registers with Prometheus. `python -m services.metric_table` writes all. With `--check` it only compares,
and exits with status 1 on a difference.
"""

import json
import math
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from services.runtime.mesh import SERVICES
from services.scoring.step_metrics import STEP_METRICS
from services.shared.metrics import METRICS, Direction

ROOT = Path(__file__).parent.parent
TRIALS_DOCUMENT = ROOT / "docs" / "verdicts.md"
OPERATIONAL_DOCUMENT = ROOT / "docs" / "operating.md"
STEPS_DOCUMENT = ROOT / "docs" / "evaluations.md"
OF_STEPS = "<!-- metrics of evaluations: written by `make gen` -->"
OF_TRIALS = "<!-- metrics of a trial: written by `make gen` -->"
BEGIN, END = "<!-- metrics: written by `make gen` -->", "<!-- /metrics -->"
PREFIX = "voicearena_"
# Each service is imported in a process of its own, because Prometheus keeps one registry per process.
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

BETTER = {Direction.LOWER: "lower", Direction.HIGHER: "higher", Direction.NEUTRAL: "-"}
OperationalMetric = tuple[str, str, tuple[str, ...], str]
"""The name, the type, the names of the labels, and the description."""


def declared() -> dict[OperationalMetric, list[str]]:
    """Returns every operational metric with the services that export it."""
    found: dict[OperationalMetric, list[str]] = {}
    with ThreadPoolExecutor() as pool:
        for service, printed in zip(SERVICES, pool.map(_printed, SERVICES), strict=True):
            for name, kind, labels, documentation in json.loads(printed):
                found.setdefault((name, kind, tuple(labels), documentation), []).append(service)
    return found


def _printed(service: str) -> str:
    command = [sys.executable, "-c", DECLARED, service]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    if done.returncode:
        raise RuntimeError(f"{service} can't be imported:\n{done.stderr}")
    return done.stdout


def table() -> str:
    """Returns the operational metrics as a Markdown table. Those that all services export come first."""
    metrics = sorted(declared().items(), key=lambda item: (-len(item[1]), item[1], item[0]))
    rows = ["| metric | type | labels | of | what it is |", "|---|---|---|---|---|"]
    for (name, kind, labels, documentation), services in metrics:
        of = "all" if len(services) == len(SERVICES) else _listed(services)
        rows.append(f"| `{name}` | {kind} | {', '.join(labels) or '-'} | {of} | {documentation} |")
    return "\n".join(rows)


def table_of_trials() -> str:
    """Returns the metrics of a trial as a Markdown table."""
    rows = ["| metric | unit | range | better | what it is |", "|---|---|---|---|---|"]
    for one in METRICS:
        range_ = "-" if one.kind in (bool, str) or one.low == -math.inf else f"{one.low:g} to {one.high:g}"
        cells = (f"`{one.name}`", one.unit or "-", range_.replace("to inf", "or more"), BETTER[one.direction])
        rows.append(f"| {' | '.join(cells)} | {one.description.replace('|', chr(92) + '|')} |")
    return "\n".join(rows)


def table_of_steps() -> str:
    """Returns the metrics of the steps of an evaluation as a Markdown table."""
    rows = ["| step | metric | unit | range | better | good | what it is |", "|---|---|---|---|---|---|---|"]
    for one in STEP_METRICS:
        cells = (f"`{one.step}`", f"`{one.name}`", one.unit or "-", _range(one.range), BETTER[one.direction])
        rows.append(f"| {' | '.join(cells)} | {_range(one.good) if one.good else '-'} | {one.description} |")
    return "\n".join(rows)


def _range(limits: tuple[float, float]) -> str:
    low, high = limits
    if low == -math.inf:
        return "-"
    if low == high:
        return f"{low:g}"
    return f"{low:g} or more" if high == math.inf else f"{low:g} to {high:g}"


def main() -> int:
    """Writes or checks the tables, and returns the exit status."""
    for document, begin, written in (
        (TRIALS_DOCUMENT, OF_TRIALS, table_of_trials),
        (STEPS_DOCUMENT, OF_STEPS, table_of_steps),
        (OPERATIONAL_DOCUMENT, BEGIN, table),
    ):
        text = document.read_text()
        before, rest = text.split(begin)
        wanted = f"{before}{begin}\n{written()}\n{END}{rest.split(END, 1)[1]}"
        if "--check" in sys.argv and text != wanted:
            name = document.relative_to(ROOT)
            sys.stderr.write(f"The table of metrics in {name} is out of date. Run `make gen`.\n")
            return 1
        document.write_text(wanted)
    return 0


def _listed(services: list[str]) -> str:
    missing = [each for each in SERVICES if each not in services]
    return f"all but {missing[0]}" if len(missing) == 1 else ", ".join(services)


if __name__ == "__main__":
    sys.exit(main())
