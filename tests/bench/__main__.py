"""`python -m tests.bench` runs every benchmark and prints one table.

Its status is 1 if a target is missed and 2 if one can't be measured. Rates and times are compared within one run, so
that they mean the same on a slow machine and on a busy one.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Sequence

from rich.console import Console
from rich.table import Table

from services.runtime import event_loop
from tests.bench import (
    bench_fixed_time,
    bench_gateway_read,
    bench_key_check,
    bench_mesh,
    bench_outbox,
    bench_schedule,
    bench_signal,
    bench_verdict,
)
from tests.bench.result import BenchResult

Bench = Callable[[], Awaitable[list[BenchResult]]]
# The longest that one may take; all of them together are to stay under four minutes.
MAX_SECONDS = 120.0


async def _signal() -> list[BenchResult]:
    return [bench_signal.run()]


async def _verdict() -> list[BenchResult]:
    return bench_verdict.run()


BENCHES: dict[str, Bench] = {
    "gateway_read": bench_gateway_read.run,
    "key_check": bench_key_check.run,
    "schedule": bench_schedule.run,
    "fixed_time": bench_fixed_time.run,
    "signal": _signal,
    "verdict": _verdict,
    "outbox_to_consumer": bench_outbox.run,
    "mesh": bench_mesh.run,
}


def show(results: Sequence[BenchResult]) -> None:
    """Prints a row for each figure."""
    table = Table("benchmark", "value", "unit", "target", "met", "how", box=None, header_style="bold", pad_edge=False)
    for result in results:
        target = f"{'>=' if result.higher_is_better else '<='} {result.target:,g}"
        met = "[green]yes[/]" if result.reached else "[bold red]NO[/]"
        table.add_row(result.name, f"{result.value:,.4g}", result.unit, target, met, result.detail)
    Console(width=None if sys.stdout.isatty() else 160).print(table)


async def measure(names: Sequence[str], results: list[BenchResult], failures: list[str]) -> None:
    """Runs benchmarks one after another; adds what they find, and what keeps some from being measured."""
    for name in names:
        began = time.perf_counter()
        try:
            results += await asyncio.wait_for(BENCHES[name](), MAX_SECONDS)
        except Exception as error:  # noqa: BLE001 - the others are measured all the same
            failures.append(f"{name}: {error or type(error).__name__}")
        print(f"{name}: {time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)  # noqa: T201


def main() -> int:
    """Reads the command line and returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Measures what the mesh must reach.")
    parser.add_argument("--only", choices=BENCHES, action="append", help="measure this one; may be repeated")
    names = parser.parse_args().only or list(BENCHES)
    results: list[BenchResult] = []
    failures: list[str] = []
    # As services run, since some benchmarks are one.
    event_loop.run(measure(names, results, failures))
    show(results)
    for failure in failures:
        print(f"could not be measured: {failure}", file=sys.stderr)  # noqa: T201
    if failures:
        return 2
    return 0 if all(result.reached for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
