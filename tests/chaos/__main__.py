"""Runs rounds of chaos and prints a table of faults and results: `make chaos`, or `python -m tests.chaos --rounds 50`.

The exit status is 1 if anything was lost, doubled or left over. To repeat a round, use `--seed 17 --rounds 1`.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console
from rich.table import Table

from deploy.local.settings import parse_workers
from tests.chaos.chaos_mesh import chaos_mesh
from tests.chaos.faults import DUPLICATE, FAULTS, REORDER
from tests.chaos.recordings import MODEL_OWNER, SCORING, WORKER
from tests.chaos.rounds import Outcome

ROUNDS, FIRST_SEED = 50, 1
EVALUATING = (SCORING, WORKER, MODEL_OWNER)


async def run(rounds: int, first_seed: int, workers: Mapping[str, int], console: Console) -> int:
    """Runs the rounds, prints a line for each and a table at the end. Returns how many rounds failed."""
    outcomes: list[Outcome] = []
    with tempfile.TemporaryDirectory() as directory:
        async with chaos_mesh(Path(directory), workers) as chaos:
            for seed in range(first_seed, first_seed + rounds):
                outcome = await chaos.round(seed)
                outcomes.append(outcome)
                console.print(_line(outcome, len(outcomes), rounds), highlight=False, markup=False)
            killed = {process: await chaos.kill_in_each_step(process) for process in EVALUATING}
    console.print(table(outcomes))
    for process, audit in killed.items():
        ends = ", ".join(f"{count} {status}" for status, count in sorted(Counter(audit.evaluations.values()).items()))
        verdict = "; ".join(audit.errors) or "nothing lost"
        console.print(f"{process} killed in each step of an evaluation: {ends}: {verdict}", highlight=False)
    return sum(bool(audit.errors) for audit in [*(outcome.audit for outcome in outcomes), *killed.values()])


def table(outcomes: list[Outcome]) -> Table:
    """Returns a table with the number of rounds per fault, and the counts over all rounds."""
    rounds_by_fault: Counter[str] = Counter()
    for outcome in outcomes:
        rounds_by_fault.update(outcome.faults)
    shown = Table("Fault", "Rounds", "Count of", "", title=f"{len(outcomes)} rounds", title_justify="left")
    faults = [(name, str(rounds_by_fault[name])) for name in (*FAULTS, DUPLICATE, REORDER)]
    counted = list(_counted(outcomes).items())
    for index in range(max(len(faults), len(counted))):
        fault = faults[index] if index < len(faults) else ("", "")
        count = counted[index] if index < len(counted) else ("", "")
        shown.add_row(*fault, *count)
    return shown


def _counted(outcomes: list[Outcome]) -> dict[str, str]:
    trials: Counter[str] = Counter()
    experiments: Counter[str] = Counter()
    for outcome in outcomes:
        trials.update(outcome.audit.trials)
        experiments.update(Counter(outcome.audit.experiments.values()))
    evaluations = Counter(status for outcome in outcomes for status in outcome.audit.evaluations.values())
    deliveries = [count for outcome in outcomes for count in outcome.webhooks.values()]
    return {
        **{f"experiments {status}": str(count) for status, count in sorted(experiments.items())},
        **{f"trials {status}": str(count) for status, count in sorted(trials.items())},
        **{f"evaluations {status}": str(count) for status, count in sorted(evaluations.items())},
        "votes": str(sum(outcome.audit.votes for outcome in outcomes)),
        **{f"battles {status}": str(count) for status, count in sorted(_last_battles(outcomes).items())},
        "requests for speech": str(sum(outcome.requests.total() for outcome in outcomes)),
        "requests recorded": str(sum(outcome.audit.recorded.total() for outcome in outcomes)),
        "webhooks": str(len(deliveries)),
        "webhooks delivered again": str(sum(count - 1 for count in deliveries if count > 1)),
        "events sent again": str(sum(outcome.duplicates for outcome in outcomes)),
        "events sent out of order": str(sum(outcome.reordered for outcome in outcomes)),
        "experiments deleted": str(sum(outcome.deleted for outcome in outcomes)),
        "rounds that failed": str(sum(bool(outcome.audit.errors) for outcome in outcomes)),
    }


def _last_battles(outcomes: list[Outcome]) -> Counter[str]:
    """Returns the battles after the last round. Each round counts all of the mesh."""
    return outcomes[-1].audit.battles if outcomes else Counter()


def _line(outcome: Outcome, number: int, rounds: int) -> str:
    verdict = "; ".join(outcome.audit.errors) or "nothing lost"
    return (
        f"{number:>3}/{rounds}  seed {outcome.seed}  {outcome.seconds:5.1f} s  {', '.join(outcome.faults)}: {verdict}"
    )


def main() -> None:
    """The entry point of `make chaos`."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument(
        "--seed", type=int, default=FIRST_SEED, help="the seed of the first round; each further round adds 1"
    )
    parser.add_argument(
        "--workers",
        type=parse_workers,
        default={},
        help="the number of processes of services, such as tts=2,experiments=2",
    )
    options = parser.parse_args()
    sys.exit(bool(asyncio.run(run(options.rounds, options.seed, options.workers, Console()))))


if __name__ == "__main__":
    main()
