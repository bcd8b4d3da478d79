"""Renders published boards for people: ranks, ratings with their intervals on one axis, and what they rest on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group
from rich.text import Text

from gateway.cli.intervals import whisker
from gateway.cli.rendering import WIDE_COLUMNS, moment, new_table, plain
from services.shared.reporting.formats import ABSENT, counted, has, milliseconds, percent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType
    from rich.table import Table
    from voicearena.elo.v1.leaderboard_pb2 import Leaderboard, LeaderboardRow, Snapshot
    from voicearena.elo.v1.leaderboard_service_pb2 import GetHeadToHeadResponse

MIN_AXIS_CELLS, GOOD_AXIS_CELLS, MAX_AXIS_CELLS = 8, 18, 40
MIN_AXIS_POINTS = 40.0
"""The shortest axis, so that almost equal ratings do not look far apart."""
MARGIN = 0.05
MAX_NAME_COLUMNS = 24
GAP = 2
"""Between two columns of a table."""
SCALES = (
    "Rating: the published rating, fitted to all votes. 1500 is the average. "
    "Live: Elo as voters see it move. It has another scale."
)
PROVISIONAL = "~: provisional. Too few voters or scenarios, so the interval is too wide or unknown."


def leaderboard_view(board: Leaderboard, width: int) -> RenderableType:
    """Returns a board for a terminal of `width` columns."""
    title = Text.assemble(("Leaderboard", "bold"), plain(f"  {board_name(board)}"))
    if not board.rows:
        return Group(title, Text("No votes yet. The first ones give a provisional board within seconds."))
    parts: list[RenderableType] = [title, Text(), rows_table(board, width), Text()]
    parts += [plain(sentence) for sentence in sentences(board)]
    return Group(*parts)


def board_name(board: Leaderboard) -> str:
    """Returns whose votes a board has, and about which scenarios."""
    scope = [part for part in (board.category, board.language) if part]
    return f"{board.Board.Name(board.board)}, {', '.join(scope) if scope else 'all scenarios'}"


def rows_table(board: Leaderboard, width: int) -> Table:
    """Draws a line for each model: its ranks, its rating and the 95% interval of the rating."""
    wide = width >= WIDE_COLUMNS
    low, high = _axis(board.rows)
    names = [f"{row.name}{' (withdrawn)' if row.withdrawn else ''}" for row in board.rows]
    numbers = ("Rating", "95%", "Live", "Battles", *(("Won", "WER", "First sound") if wide else ()))
    rows = [_numbers(row, wide) for row in board.rows]
    columns = [max(len(text) for text in column) for column in zip(numbers, *rows, strict=True)]
    longest = max((len(word) for name in names for word in name.split()), default=0)
    name_columns = min(max(max(map(len, names)), len("Model")), max(longest, MAX_NAME_COLUMNS))
    ranks = [rank_range(row.rank, row.rank_worst) for row in board.rows]
    used = max(len("Rank"), *map(len, ranks)) + GAP + sum(columns) + GAP * len(columns)
    # The name gives way to the numbers, and the axis takes what is left.
    name_columns = max(min(name_columns, width - used - GOOD_AXIS_CELLS - GAP), longest)
    cells = min(width - used - name_columns - GAP, MAX_AXIS_CELLS)
    drawn = cells >= MIN_AXIS_CELLS
    ends = f"{low:.0f}".ljust(cells - 4) + f"{high:.0f}" if drawn else ""
    table = new_table("Rank", "Model", *((ends,) if drawn else ()), *numbers, right=("Rank", *numbers))
    table.columns[1].min_width = table.columns[1].max_width = name_columns
    if drawn:
        table.columns[2].no_wrap = True
    for row, name, rank, values in zip(board.rows, names, ranks, rows, strict=True):
        style = "dim" if row.provisional else ""
        line = [whisker(*_shares(row, low, high), cells)] if drawn else []
        texts = (plain(rank), plain(name), *line, *map(plain, values))
        for text in texts:
            text.stylize(style)
        table.add_row(*texts)
    return table


def rank_range(best: int, worst: int) -> str:
    """Returns ranks such as `2-5`, or `2` if the model is surely between the others."""
    return str(best) if best == worst else f"{best}-{worst}"


def _numbers(row: LeaderboardRow, wide: bool) -> tuple[str, ...]:
    known = has(row, "rating_low")
    return (
        f"{'~' if row.provisional else ''}{row.rating:.0f}",
        f"{row.rating_low:.0f} to {row.rating_high:.0f}" if known else "unknown",
        f"{row.elo_rating:.0f}",
        str(row.total_battles),
        *(
            (
                f"{row.win_rate:.0%}" if has(row, "win_rate") else ABSENT,
                percent(row.avg_wer if has(row, "avg_wer") else None),
                milliseconds(row.median_ttfa_ms if has(row, "median_ttfa_ms") else None),
            )
            if wide
            else ()
        ),
    )


def _interval(row: LeaderboardRow) -> tuple[float, float, float]:
    return (row.rating_low, row.rating, row.rating_high) if has(row, "rating_low") else (row.rating,) * 3


def _axis(rows: Sequence[LeaderboardRow]) -> tuple[float, float]:
    """Returns the ends of an axis that contains all ratings. Provisional intervals may be cut."""
    ends = [end for row in rows for end in ((row.rating,) if row.provisional else _interval(row))]
    middle, length = (min(ends) + max(ends)) / 2, max(max(ends) - min(ends), MIN_AXIS_POINTS)
    reach = length * (0.5 + MARGIN) if any(not row.provisional for row in rows) else length
    return middle - reach, middle + reach


def _shares(row: LeaderboardRow, low: float, high: float) -> tuple[float, float, float]:
    first, rating, last = ((end - low) / (high - low) for end in _interval(row))
    return first, rating, last


def sentences(board: Leaderboard) -> list[str]:
    """Returns what a board rests on, and how it is read."""
    people = f" of {counted(board.voters, 'person', 'people')}" if board.voters else ""
    found = [f"{counted(board.votes, 'vote')}{people} on {counted(board.battles, 'battle')}."]
    if has(board, "computed_at"):
        found[0] += f" Computed at {moment(board.computed_at)}, next at {moment(board.next_at)}."
    if not board.connected:
        found.append(
            "The votes do not connect all models: differences between the separate parts are assumptions. "
            "`arena leaderboard head-to-head` shows the parts."
        )
    if has(board, "slot_effect"):
        effect = board.slot_effect
        found.append(
            f"Side A wins {effect.points:+.1f} points more often than side B "
            f"({effect.points_low:+.1f} to {effect.points_high:+.1f})."
        )
    names = {row.model_id: row.name for row in board.rows}
    if has(board, "fragility"):
        rival = names.get(board.fragility.rival_id, board.fragility.rival_id)
        found.append(f"Without {board.fragility.votes} of the votes, {rival} would be first.")
    if has(board, "exclusion_rate"):
        found.append(f"{board.exclusion_rate:.1%} of people's votes are excluded as doubtful.")
    found.append(SCALES)
    if any(row.provisional for row in board.rows):
        found.append(PROVISIONAL)
    return found


def history_table(snapshots: Sequence[Snapshot], names: dict[str, str]) -> RenderableType:
    """Returns the places of models on each day, newest first."""
    if not snapshots:
        return Text("No snapshots yet. The first is made with the first votes.")
    numbers = ("Rating", "95%", "Live", "Battles", "Won")
    table = new_table("Day", "Rank", "Model", *numbers, right=("Rank", *numbers))
    table.columns[0].no_wrap = True
    for one in snapshots:
        known = has(one, "rating_low")
        table.add_row(
            one.snapshot_date,
            rank_range(one.rank, one.rank_worst),
            plain(names.get(one.model_id, one.model_id)),
            f"{'~' if one.provisional else ''}{one.rating:.0f}",
            f"{one.rating_low:.0f} to {one.rating_high:.0f}" if known else "unknown",
            f"{one.elo_rating:.0f}",
            str(one.total_battles),
            f"{one.win_rate:.0%}" if has(one, "win_rate") else ABSENT,
            style="dim" if one.provisional else "",
        )
    return table


def head_to_head_view(results: GetHeadToHeadResponse, names: dict[str, str]) -> RenderableType:
    """Returns the results of each pair, and the parts of the board if the votes do not connect all models."""
    if not results.cells:
        return Text("No votes yet.")
    numbers = ("Won", "Lost", "Tied", "Both bad")
    table = new_table("Model", "Against", *numbers, "Surely", right=numbers)
    place = {name: at for at, name in enumerate(names)}
    for cell in results.cells:
        # Each pair once, from the view of the better model.
        if place.get(cell.model_id, 0) < place.get(cell.opponent_id, 0):
            table.add_row(
                plain(names.get(cell.model_id, cell.model_id)),
                plain(names.get(cell.opponent_id, cell.opponent_id)),
                *(str(count) for count in (cell.wins, cell.losses, cell.ties, cell.both_bad)),
                Text("better", style="green") if cell.surely_better else ABSENT,
            )
    parts: list[RenderableType] = [table]
    if len(results.components) > 1:
        parts += [Text(), plain(results.warning)]
        parts += [
            plain("  " + ", ".join(names.get(id_, id_) for id_ in component.model_ids))
            for component in results.components
        ]
    return Group(*parts)
