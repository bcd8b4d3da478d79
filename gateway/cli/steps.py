"""Shows the steps of a long command: a spinner on a terminal while a step runs, then a tick and its time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

from rich.text import Text

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from rich.console import Console

TITLE_COLUMNS = 62


class Step:
    """A step that is running. Set `done` to the text to show when it has succeeded."""

    def __init__(self, title: str) -> None:
        self.done = title


class Steps:
    """Shows steps on a console."""

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._clock = clock

    @contextmanager
    def step(self, title: str, *, spinner: bool = True) -> Iterator[Step]:
        """Shows one step while the context is open. `spinner` is off for a step that shows its own progress."""
        step, start = Step(title), self._clock()
        busy: AbstractContextManager[object] = nullcontext()
        if spinner and self._console.is_terminal:
            busy = self._console.status(Text(title))
        else:
            self._console.print(f"  {title} ...", markup=False, highlight=False, soft_wrap=True)
        try:
            with busy:
                yield step
        except BaseException:
            self._console.print(self._line("✗", "red", title, start), soft_wrap=True)
            raise
        self._console.print(self._line("✓", "green", step.done, start), soft_wrap=True)

    def _line(self, mark: str, style: str, text: str, start: float) -> Text:
        elapsed = f"{self._clock() - start:.1f} s"
        return Text.assemble((mark, style), f" {text:<{TITLE_COLUMNS}} ", (f"{elapsed:>7}", "dim"))
