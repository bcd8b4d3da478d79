"""The result of a metric audit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from services.scoring.audit.judging import AuditStatus, MetricResult

OUT_OF_DATE = "What measures it has changed since the audit. `arena metrics audit` runs it again."
NEVER_RUN = "No audit was run. `arena metrics audit` runs it."
NO_EXPECTATION = "The audit has no expectation of it."


@dataclass(frozen=True, slots=True)
class MetricAudit:
    """What one audit found out."""

    completed_at: datetime
    clips: int
    voices: tuple[str, ...]
    """The voices that spoke, such as `espeak:en-us`. Empty if the caller gave the clips."""
    metrics: tuple[MetricResult, ...]
    measured_by: Mapping[str, str]
    """What stood behind each step that has a result, see `versions`."""

    @property
    def passed(self) -> bool:
        """Whether some metric passed, and none failed."""
        found = {one.status for one in self.metrics}
        return AuditStatus.passed in found and AuditStatus.failed not in found

    def as_of(self, measured_by: Mapping[str, str]) -> MetricAudit:
        """Returns the audit as it counts now: a metric whose code or model has changed counts as not audited."""
        return replace(self, metrics=tuple(self._current(one, measured_by) for one in self.metrics))

    def _current(self, one: MetricResult, measured_by: Mapping[str, str]) -> MetricResult:
        if self.measured_by.get(one.step) == measured_by.get(one.step):
            return one
        return replace(one, status=AuditStatus.not_run, reason=OUT_OF_DATE)
