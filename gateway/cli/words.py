"""Renders the words of a text beside those that were heard, with a mark at each error, for evaluations and trials."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from gateway.cli.rendering import plain
from services.shared.reporting.aligned_words import AlignedWord, aligned_words
from services.shared.reporting.formats import model_name, percent

if TYPE_CHECKING:
    from rich.console import RenderableType
    from voicearena.experiments.v1.experiment_pb2 import Trial
    from voicearena.scoring.v1.evaluation_metrics_pb2 import WordErrors

STYLES = {"substitute": "red", "delete": "yellow", "insert": "magenta"}
LETTERS = {"equal": "", "substitute": "S", "delete": "D", "insert": "I"}
"""What stands below a word in the alignment, as in reports of speech recognition."""


def alignment_view(errors: WordErrors, width: int) -> list[RenderableType]:
    """Returns the reference above what was heard, word by word, with a letter below each error."""
    counts = f"{errors.hits} right, {errors.substitutions} replaced (S), {errors.deletions} missing (D), "
    title = f"Words: {counts}{errors.insertions} additional (I); word errors {percent(errors.word_error_rate)}"
    lines: list[RenderableType] = [Text(title, style="bold")]
    row: list[tuple[AlignedWord, int]] = []
    used = 0
    for word in aligned_words(errors):
        # Wide characters take two columns, so the length of a rich text counts and not that of the string.
        columns = max(plain(word.reference).cell_len, plain(word.heard).cell_len, 1) + 1
        if row and used + columns > width - 11:
            lines += _alignment_row(row)
            row, used = [], 0
        row.append((word, columns))
        used += columns
    return lines + (_alignment_row(row) if row else [])


def heard_view(trials: Sequence[Trial], width: int) -> list[RenderableType]:
    """Returns what was heard of each trial, by its number: marked words if there are errors, else one line."""
    lines: list[RenderableType] = []
    for number, trial in enumerate(trials, 1):
        if not trial.HasField("transcript") and not trial.HasField("words"):
            continue
        words = trial.words
        faulty = words.substitutions + words.deletions + words.insertions + len(words.failures)
        name = plain(f"{number:>3} {model_name(trial.provider, trial.voice_id)}")
        if not trial.HasField("words"):
            lines.append(Text.assemble(name, "  heard: ", plain(trial.transcript or "(no words)")))
        elif faulty or any(not word.exact for word in words.hard_words):
            lines += [Text(), name, *alignment_view(words, width), *notable_view(words), Text()]
        else:
            lines.append(Text.assemble(name, "  ", ("✓", "green"), " every word as in the prompt"))
    return lines


def notable_view(errors: WordErrors) -> list[RenderableType]:
    """Returns the hard words and whether each is exact, then the failures of the speech."""
    lines: list[RenderableType] = []
    if errors.hard_words:
        lines.append(Text("\nHard words", style="bold"))
    for word in errors.hard_words:
        mark = Text("  ✓ ", style="green") if word.exact else Text("  ✗ ", style="red")
        heard = "" if word.exact else f": heard {word.heard or 'nothing'}"
        lines.append(Text.assemble(mark, plain(f"{word.kind} {word.text}{heard}")))
    if errors.failures:
        lines.append(Text("\nFailures of the speech", style="bold"))
    for failure in errors.failures:
        times = f", {failure.copies} times" if failure.copies else ""
        words = f' "{" ".join(failure.words)}"' if failure.words else ""
        kind = failure.kind.replace("_", " ")
        line = f"  ✗ {kind}{words}{times}, {failure.start_seconds:.1f} to {failure.end_seconds:.1f} s"
        lines.append(Text.assemble(plain(line)))
    return lines


def _alignment_row(row: Sequence[tuple[AlignedWord, int]]) -> list[RenderableType]:
    reference, heard, letters = Text("reference  "), Text("heard      "), Text("           ")
    for word, columns in row:
        style = STYLES.get(word.operation, "")
        for line, text in (
            (reference, word.reference or "*" * (columns - 1)),
            (heard, word.heard or "*" * (columns - 1)),
            (letters, LETTERS[word.operation]),
        ):
            cell = plain(text)
            cell.stylize(style)
            line.append_text(cell)
            line.append(" " * (columns - cell.cell_len))
    rows: list[RenderableType] = [reference, heard]
    # Without errors in the row there is nothing to mark.
    return [*rows, letters] if letters.plain.strip() else rows
