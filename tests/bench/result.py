"""What a benchmark found, and what it had to reach."""

from dataclasses import dataclass


@dataclass(frozen=True)
class BenchResult:
    """One figure. `name` says what was measured, `detail` how."""

    name: str
    value: float
    unit: str
    target: float
    higher_is_better: bool
    detail: str

    @property
    def reached(self) -> bool:
        """Whether the value is at the target or better."""
        return self.value >= self.target if self.higher_is_better else self.value <= self.target

    def __str__(self) -> str:
        sign = ">=" if self.higher_is_better else "<="
        outcome = "reached" if self.reached else "MISSED"
        return f"{self.name}: {self.value:,.4g} {self.unit} (target {sign} {self.target:,g}: {outcome}; {self.detail})"
