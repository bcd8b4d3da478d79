"""The result of a benchmark and its target, and a table of results."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class BenchResult:
    """One measured value. `name` says what was measured, and `detail` says how."""

    name: str
    value: float
    unit: str
    target: float
    higher_is_better: bool
    detail: str

    @property
    def reached(self) -> bool:
        """Whether the value meets the target."""
        return self.value >= self.target if self.higher_is_better else self.value <= self.target

    def __str__(self) -> str:
        sign = ">=" if self.higher_is_better else "<="
        outcome = "reached" if self.reached else "MISSED"
        return f"{self.name}: {self.value:,.4g} {self.unit} (target {sign} {self.target:,g}: {outcome}; {self.detail})"


def show(results: Sequence[BenchResult]) -> None:
    """Prints a table with one row per result."""
    table = Table(
        "benchmark", "value", "unit", "target", "met", "details", box=None, header_style="bold", pad_edge=False
    )
    for result in results:
        target = f"{'>=' if result.higher_is_better else '<='} {result.target:,g}"
        met = "[green]yes[/]" if result.reached else "[bold red]NO[/]"
        table.add_row(result.name, f"{result.value:,.4g}", result.unit, target, met, result.detail)
    Console(width=None if sys.stdout.isatty() else 160).print(table)
