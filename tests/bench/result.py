"""The result of a benchmark and its target."""

from dataclasses import dataclass


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
