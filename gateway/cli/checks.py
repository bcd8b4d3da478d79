"""The findings of `arena doctor`, and how they are printed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from rich.text import Text

from gateway.cli.errors import HINT_DOCTOR, CliError
from gateway.cli.rendering import plain

Response = TypeVar("Response")


class CheckOutcome(StrEnum):
    """The outcome of a check. A note is worth knowing, but is not a problem."""

    OK = "ok"
    NOTE = "note"
    PROBLEM = "problem"


@dataclass(frozen=True)
class Check:
    """One finding, and advice on what to do."""

    name: str
    outcome: CheckOutcome
    detail: str
    advice: str = ""


def call_check(
    name: str, call: Callable[[], Response], assess: Callable[[Response], tuple[CheckOutcome, str, str]]
) -> Check:
    """Checks that a call to the API succeeds. `assess` returns outcome, detail and advice for the response."""
    try:
        outcome, detail, advice = assess(call())
    except CliError as error:
        return failure_check(name, error)
    return Check(name, outcome, detail, advice)


def failure_check(name: str, error: CliError) -> Check:
    """Returns the finding for a call that failed."""
    return Check(name, CheckOutcome.PROBLEM, error.message, "" if error.hint == HINT_DOCTOR else error.hint)


def check_line(check: Check) -> Text:
    """Returns a finding as one line, or as two if there is advice."""
    mark, style = {
        CheckOutcome.OK: ("✓", "green"),
        CheckOutcome.NOTE: ("·", "dim"),
        CheckOutcome.PROBLEM: ("✗", "red"),
    }[check.outcome]
    line = Text.assemble((mark, style), f" {check.name}: ", plain(check.detail))
    return line.append(f"\n    {check.advice}") if check.advice else line


def duration(seconds: float) -> str:
    """Returns a duration in words, such as `42 s`, `12 min`, `3 h` or `6 days`."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 2 * 3600:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h" if seconds < 48 * 3600 else f"{seconds / 86400:.0f} days"
