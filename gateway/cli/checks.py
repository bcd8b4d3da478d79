"""What a check of the doctor finds, and how it is printed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from rich.text import Text

from gateway.cli.errors import HINT_DOCTOR, CliError
from gateway.cli.rendering import plain

Answer = TypeVar("Answer")


class Outcome(StrEnum):
    """What a check found. A note is worth knowing and no problem."""

    OK = "ok"
    NOTE = "note"
    PROBLEM = "problem"


@dataclass(frozen=True)
class Check:
    """One finding, with what to do about it."""

    name: str
    outcome: Outcome
    detail: str
    advice: str = ""


def asked(name: str, ask: Callable[[], Answer], judge: Callable[[Answer], tuple[Outcome, str, str]]) -> Check:
    """A check that is a call to the API: its failure is the problem, its answer is judged."""
    try:
        outcome, detail, advice = judge(ask())
    except CliError as error:
        return failed(name, error)
    return Check(name, outcome, detail, advice)


def failed(name: str, error: CliError) -> Check:
    """The finding that a call failed."""
    return Check(name, Outcome.PROBLEM, error.message, "" if error.hint == HINT_DOCTOR else error.hint)


def check_line(check: Check) -> Text:
    """A finding as one line, or two when there is advice."""
    mark, style = {Outcome.OK: ("✓", "green"), Outcome.NOTE: ("·", "dim"), Outcome.PROBLEM: ("✗", "red")}[check.outcome]
    line = Text.assemble((mark, style), f" {check.name}: ", plain(check.detail))
    return line.append(f"\n    {check.advice}") if check.advice else line


def duration(seconds: float) -> str:
    """A time in words, such as `42 s`, `12 min`, `3 h` or `6 days`."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 2 * 3600:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h" if seconds < 48 * 3600 else f"{seconds / 86400:.0f} days"
