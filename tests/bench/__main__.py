"""Runs every benchmark and prints one table: `make bench`, or `python -m tests.bench`.

The exit status is 1 if a target is missed and 2 if a benchmark fails. Each benchmark compares rates or times within one
run, so results are comparable between slow and busy machines.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Sequence

from services.runtime import event_loop
from tests.bench import (
    bench_arena,
    bench_fixed_time,
    bench_gateway_read,
    bench_interactive,
    bench_key_check,
    bench_listening,
    bench_mesh,
    bench_outbox,
    bench_page,
    bench_rating_chance,
    bench_ratings,
    bench_schedule,
    bench_signal,
    bench_uploads,
    bench_verdict,
)
from tests.bench.result import BenchResult, show

Bench = Callable[[], Awaitable[list[BenchResult]]]
# For one benchmark. All of them together should stay under six minutes.
MAX_SECONDS = 120.0


async def _signal() -> list[BenchResult]:
    return [bench_signal.run()]


async def _ratings() -> list[BenchResult]:
    return [bench_ratings.run()]


async def _rating_chance() -> list[BenchResult]:
    return bench_rating_chance.run()


async def _verdict() -> list[BenchResult]:
    return bench_verdict.run()


BENCHES: dict[str, Bench] = {
    "gateway_read": bench_gateway_read.run,
    "key_check": bench_key_check.run,
    "schedule": bench_schedule.run,
    "fixed_time": bench_fixed_time.run,
    "signal": _signal,
    "verdict": _verdict,
    "ratings": _ratings,
    "rating_chance": _rating_chance,
    "arena": bench_arena.run,
    "outbox_to_consumer": bench_outbox.run,
    "listening": bench_listening.run,
    "uploads": bench_uploads.run,
    "interactive": bench_interactive.run,
    "page": bench_page.run,
    "mesh": bench_mesh.run,
}


async def measure(names: Sequence[str], results: list[BenchResult], failures: list[str]) -> None:
    """Runs benchmarks one after another. Adds to `results`, and adds a message to `failures` for each that fails."""
    for name in names:
        started = time.perf_counter()
        try:
            results += await asyncio.wait_for(BENCHES[name](), MAX_SECONDS)
        except Exception as error:  # noqa: BLE001 - the other benchmarks still run
            failures.append(f"{name}: {str(error) or type(error).__name__}")
        print(f"{name}: {time.perf_counter() - started:.0f} s", file=sys.stderr, flush=True)  # noqa: T201


def main() -> int:
    """Reads the command line and returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench", description="Measures the mesh and compares the results with their targets."
    )
    parser.add_argument("--only", choices=BENCHES, action="append", help="run only this benchmark; may be repeated")
    names = parser.parse_args().only or list(BENCHES)
    results: list[BenchResult] = []
    failures: list[str] = []
    # The event loop of services, because some benchmarks act as a service.
    event_loop.run(measure(names, results, failures))
    show(results)
    for failure in failures:
        print(f"failed: {failure}", file=sys.stderr)  # noqa: T201
    if failures:
        return 2
    return 0 if all(result.reached for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
