"""Runs a metric audit with live progress, and renders its result and the list of metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Protocol, Self

from rich.console import Group
from rich.text import Text

from gateway.cli.errors import CliError, ExitCode
from gateway.cli.rendering import moment, new_table, plain
from services.shared.reporting.formats import ABSENT

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.progress import TaskID
    from voicearena.scoring.v1.metric_audit_pb2 import AuditedMetric, AuditFinding, MetricAudit
    from voicearena.scoring.v1.scoring_pb2 import Metric
    from voicearena.scoring.v1.scoring_service_pb2 import RunMetricAuditRequest

    from gateway.cli.client import ArenaClient

ORIGINAL = "original"
PLAIN_STEPS = 10
"""A plain line is printed each time another tenth of the clips was evaluated."""
STYLES = {"passed": "green", "failed": "red"}


def run_audit(
    client: ArenaClient, request: RunMetricAuditRequest, timeout_seconds: float, console: Console
) -> MetricAudit:
    """Runs an audit, shows on `console` how far it is, and returns its result. Leaving early ends the audit."""
    view: AuditProgress = LiveBar(console) if console.is_terminal else PlainLines(console)
    with (
        view,
        closing(client.stream(client.scoring_stub.RunMetricAudit, request, timeout_seconds)) as messages,  # type: ignore[type-var]
    ):
        for message in messages:
            if message.kind == message.progress:
                view.show(message.evaluated, message.total, message.change)
            elif message.kind == message.end:
                return message.audit
    raise CliError("The stream of the audit ended early.", ExitCode.UNAVAILABLE)


class AuditProgress(Protocol):
    """A context manager that shows progress while it is open."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...

    def show(self, evaluated: int, total: int, change: str) -> None:
        """Shows how many changed clips were evaluated, and the change of the last one."""


class LiveBar:
    """One bar, redrawn in place."""

    def __init__(self, console: Console) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        self._progress = Progress(
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.description}", markup=False),
            console=console,
        )
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def show(self, evaluated: int, total: int, change: str) -> None:
        """Draws the bar."""
        if self._task is None:
            self._task = self._progress.add_task("", total=total)
        self._progress.update(self._task, completed=evaluated, total=total, description=plain(change).plain)


class PlainLines:
    """A line for each tenth of the clips, for logs and pipes."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._shown = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def show(self, evaluated: int, total: int, change: str) -> None:
        """Prints a line if another tenth is done."""
        tenth = evaluated * PLAIN_STEPS // total if total else 0
        if tenth > self._shown:
            self._shown = tenth
            self._console.print(plain(f"{evaluated} of {total} clips evaluated"), soft_wrap=True)


def audit_view(audit: MetricAudit) -> RenderableType:
    """Returns each expectation with what was seen, and a line for each metric that was not measured."""
    table = new_table("Metric", "Change", "Expected", "Seen", "OK", right=("Seen",))
    for metric in audit.metrics:
        descriptions = {finding.change: finding.description for finding in metric.findings}
        for number, finding in enumerate(metric.findings):
            table.add_row(
                plain(metric.name if not number else ""),
                plain(finding.description),
                plain(expected(finding, descriptions)),
                shown_value(finding),
                Text("✓", style="green") if finding.ok else Text("✗", style="red"),
                end_section=number == len(metric.findings) - 1,
            )
    spoken = f", spoken by {', '.join(audit.voices)}" if audit.voices else ""
    parts: list[RenderableType] = [plain(f"{audit.clips} clips{spoken}, {moment(audit.completed_at)}"), Text(), table]
    if missing := [metric for metric in audit.metrics if audit_status(metric) == "not_run"]:
        parts.append(Text("\nNot audited", style="bold"))
        parts += [plain(f"  {metric.step}.{metric.name}: {metric.reason}") for metric in missing]
    parts.append(Text())
    for metric in audit.metrics:
        if (status := audit_status(metric)) != "not_run":
            reason = f"  {metric.reason}" if metric.reason else ""
            parts.append(Text.assemble((f"{status}  ", STYLES[status]), plain(f"{metric.step}.{metric.name}{reason}")))
    return Group(*parts)


def expected(finding: AuditFinding, descriptions: Mapping[str, str]) -> str:
    """Returns what should happen in words, such as `falls by 0.15 or more`. `descriptions` are those of changes."""
    limit = f"{finding.limit:g}"
    words = {
        "absent": "no value",
        "at_most": f"{limit} or less",
        "at_least": f"{limit} or more",
        "rises": f"rises by {limit} or more",
        "falls": f"falls by {limit} or more",
        "steady": f"moves by {limit} or less",
    }[finding.Movement.Name(finding.expected)]
    if finding.against == ORIGINAL:
        return words
    return f"{words} from {descriptions.get(finding.against, finding.against)}"


def shown_value(finding: AuditFinding) -> str:
    """Returns what was seen. A change has its sign."""
    if not finding.HasField("seen"):
        return ABSENT
    signed = finding.expected in (finding.rises, finding.falls)
    return f"{finding.seen:+.2f}" if signed else f"{finding.seen:.2f}"


def failed_metrics(audit: MetricAudit) -> list[str]:
    """Returns the names of the metrics that failed."""
    return [metric.name for metric in audit.metrics if audit_status(metric) == "failed"]


def audit_status(metric: AuditedMetric) -> str:
    """Returns the name of what an audit says about a metric."""
    from voicearena.scoring.v1.scoring_pb2 import Metric

    return Metric.Audit.Name(metric.audit)


def metrics_table(metrics: Sequence[Metric]) -> RenderableType:
    """Returns the list of metrics: where each comes from, whether it can be measured here, and its audit."""
    table = new_table("Metric", "Of", "Unit", "Measured by", "Audit")
    for metric in metrics:
        status = metric.Audit.Name(metric.audit)
        table.add_row(
            plain(metric.name),
            plain("trial" if metric.in_trials else metric.step),
            plain(metric.unit),
            plain(metric.backend if metric.available else f"not available: {metric.requirement}"),
            Text.assemble(
                (status.replace("_", " "), STYLES.get(status, "")),
                plain(f": {metric.audit_reason}" if status == "failed" else ""),
            ),
        )
    return table
