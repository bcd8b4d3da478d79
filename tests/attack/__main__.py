"""Attacks a running mesh and prints a table of the results: `make attack`, or `python -m tests.attack`.

The exit status is 1 if an attack got through. Only a mesh on a loopback address is attacked.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from dataclasses import dataclass

import httpx
from rich.console import Console
from rich.table import Table

from tests.attack.attack import MAX_ATTACK_SECONDS, Attack, CannotTry, attacks
from tests.attack.target import Target, open_target

DEFAULT_URL = "http://localhost:8080"
WITHSTOOD, GOT_THROUGH, NOT_TRIED = "withstood", "got through", "not tried"
STYLES = {WITHSTOOD: "green", GOT_THROUGH: "bold red", NOT_TRIED: "yellow"}


@dataclass(frozen=True, slots=True)
class Result:
    """The result of one attack."""

    attack: Attack
    outcome: str
    explanation: str
    seconds: float


async def run_all(api_url: str, key: str | None, only: str, console: Console) -> list[Result]:
    """Runs the attacks whose title contains `only`, one after another, and prints each result."""
    results: list[Result] = []
    chosen = [each for each in attacks() if only.lower() in each.title.lower()]
    async with open_target(api_url, key=key) as target:
        if not await target.is_healthy():
            raise ValueError(f"The mesh at {api_url} is not healthy. `arena doctor` says why.")
        for attack in chosen:
            result = await _try(attack, target)
            results.append(result)
            line = f"{len(results):>3}/{len(chosen)}  {result.outcome:<11}  {attack.title}  ({result.seconds:.1f} s)"
            console.print(line, highlight=False, markup=False)
    return results


async def _try(attack: Attack, target: Target) -> Result:
    began = time.monotonic()
    outcome, explanation = WITHSTOOD, ""
    try:
        async with asyncio.timeout(MAX_ATTACK_SECONDS):
            await attack.run(target)
        if not await target.is_healthy():
            outcome, explanation = GOT_THROUGH, "the mesh was not healthy afterwards"
    except CannotTry as reason:
        outcome, explanation = NOT_TRIED, str(reason)
    except TimeoutError:
        outcome, explanation = GOT_THROUGH, f"no response within {MAX_ATTACK_SECONDS:g} s"
    except (AssertionError, httpx.HTTPError, OSError) as error:
        outcome, explanation = GOT_THROUGH, str(error) or repr(error)
    return Result(attack, outcome, explanation, time.monotonic() - began)


def table(results: list[Result]) -> Table:
    """Returns a table of the attacks, the promises that they test and the results."""
    shown = Table("An attacker", "Promise", "Result", title=f"{len(results)} attacks", title_justify="left")
    for result in results:
        text = f"{result.outcome}: {result.explanation}" if result.explanation else result.outcome
        shown.add_row(result.attack.title, result.attack.promise, text, style=STYLES[result.outcome])
    return shown


def main() -> None:
    """The entry point of `make attack`."""
    parser = argparse.ArgumentParser(prog="python -m tests.attack", description=__doc__)
    parser.add_argument("--url", default=DEFAULT_URL, help=f"the mesh's address, {DEFAULT_URL} by default")
    parser.add_argument("--key", help="an API key to use; without it the attacker registers a new developer")
    parser.add_argument("--only", default="", help="run only the attacks whose title contains this text")
    options = parser.parse_args()
    console = Console()
    try:
        results = asyncio.run(run_all(options.url, options.key, options.only, console))
    except (ValueError, OSError, httpx.HTTPError) as error:
        sys.exit(f"error: {error}")
    console.print(table(results))
    sys.exit(any(result.outcome == GOT_THROUGH for result in results))


if __name__ == "__main__":
    main()
