"""`arena leaderboard`: show published boards and their history, export votes, and verify exports."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.commands.reports import write_pieces
from gateway.cli.errors import CliError, ExitCode
from gateway.cli.session import CliSession, with_session

if TYPE_CHECKING:
    from gateway.cli.client import ArenaClient

app = typer.Typer(
    invoke_without_command=True, help="Show published boards and their history, export votes and verify exports."
)

EXPORT_TIMEOUT_SECONDS = 3600.0


class Board(StrEnum):
    """Whose votes a board has. The names are those of the API."""

    HUMAN = "human"
    METRICS = "metrics"
    HYBRID = "hybrid"


class Sort(StrEnum):
    """The order of a board. The names are those of the API."""

    RANK = "rank"
    ELO = "elo"
    BATTLES = "battles"
    WIN_RATE = "win_rate"
    WORD_ERRORS = "word_errors"
    QUALITY = "quality"
    LATENCY = "latency"
    PRICE = "price"


BoardOption = Annotated[Board, typer.Option(help="Whose votes count: people, the metrics, or both.")]
CategoryOption = Annotated[str, typer.Option(help="Only scenarios of this category.", show_default=False)]
LanguageOption = Annotated[str, typer.Option(help="Only scenarios in this language, such as de.", show_default=False)]
OwnOption = Annotated[bool, typer.Option("--own", help="Your own board, with your private models and battles.")]


@app.callback()
@with_session
def show(
    session: CliSession,
    board: BoardOption = Board.HYBRID,
    category: CategoryOption = "",
    language: LanguageOption = "",
    sort: Annotated[Sort, typer.Option(help="The order of the models.")] = Sort.RANK,
    own: OwnOption = False,
) -> None:
    """Show a board: ranks, published ratings with 95% intervals, and when it is computed next."""
    from voicearena.elo.v1.leaderboard_pb2 import Leaderboard
    from voicearena.elo.v1.leaderboard_service_pb2 import GetLeaderboardRequest

    from gateway.cli.leaderboard_view import leaderboard_view

    request = GetLeaderboardRequest(
        board=Leaderboard.Board.Value(board.value),
        category=category,
        language=language,
        sort=GetLeaderboardRequest.Sort.Value(sort.value),
        private=own,
    )
    with session.client() as client:
        found = client.call(client.leaderboard_stub.GetLeaderboard, request)
    if session.json:
        session.print_message(found)
    else:
        session.out.print(leaderboard_view(found, session.out.width))


@app.command("history")
@with_session
def history(
    session: CliSession,
    model: Annotated[str, typer.Option(help="Only this model: its id, or its name on the board.")] = "",
    board: BoardOption = Board.HYBRID,
    category: CategoryOption = "",
    own: OwnOption = False,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="The largest number of places.")] = 100,
) -> None:
    """Show the daily snapshots of a board, newest first."""
    from voicearena.elo.v1.leaderboard_pb2 import Leaderboard
    from voicearena.elo.v1.leaderboard_service_pb2 import ListSnapshotsRequest

    from gateway.cli.leaderboard_view import history_table

    with session.client() as client:
        names = _names(client, board, category, "", own)
        request = ListSnapshotsRequest(
            model_id=_model_id(model, names) if model else "",
            board=Leaderboard.Board.Value(board.value),
            category=category,
            private=own,
        )
        found = client.list_all(client.leaderboard_stub.ListSnapshots, request, lambda page: page.snapshots, limit)
    if session.json:
        session.print_list("snapshots", found)
    else:
        session.out.print(history_table(found, names))


@app.command("head-to-head")
@with_session
def head_to_head(
    session: CliSession,
    board: BoardOption = Board.HYBRID,
    category: CategoryOption = "",
    language: LanguageOption = "",
    own: OwnOption = False,
) -> None:
    """Show how each model did against each other one, with the number of votes."""
    from voicearena.elo.v1.leaderboard_pb2 import Leaderboard
    from voicearena.elo.v1.leaderboard_service_pb2 import GetHeadToHeadRequest

    from gateway.cli.leaderboard_view import head_to_head_view

    request = GetHeadToHeadRequest(
        board=Leaderboard.Board.Value(board.value), category=category, language=language, private=own
    )
    with session.client() as client:
        found = client.call(client.leaderboard_stub.GetHeadToHead, request)
        names = _names(client, board, category, language, own)
    if session.json:
        session.print_message(found)
    else:
        session.out.print(head_to_head_view(found, names))


@app.command("export")
@with_session
def export(
    session: CliSession,
    file: Annotated[Path, typer.Argument(help="The file to write, such as votes.jsonl.", show_default=False)],
    board: BoardOption = Board.HYBRID,
    category: CategoryOption = "",
    language: LanguageOption = "",
    own: OwnOption = False,
) -> None:
    """Write every vote of a board to a signed file, from which anyone can compute the board again."""
    from voicearena.elo.v1.leaderboard_pb2 import Leaderboard
    from voicearena.elo.v1.leaderboard_service_pb2 import ExportVotesRequest

    request = ExportVotesRequest(
        board=Leaderboard.Board.Value(board.value), category=category, language=language, private=own
    )
    with session.client() as client:
        pieces = client.stream(client.leaderboard_stub.ExportVotes, request, EXPORT_TIMEOUT_SECONDS)
        lines = 0

        def counted_lines() -> Iterator[bytes]:
            nonlocal lines
            for piece in pieces:
                lines += piece.data.count(b"\n")
                yield piece.data

        write_pieces(file, counted_lines())
    # The board and the signature have a line each.
    votes = lines - 2
    if session.json:
        session.print_document({"file": str(file), "votes": votes})
    else:
        session.note(f"{votes} votes are in {file}. `arena leaderboard verify {file}` checks them.")


@app.command("verify")
@with_session
def verify(
    session: CliSession,
    file: Annotated[Path, typer.Argument(help="A file that `arena leaderboard export` wrote.", show_default=False)],
    public_key: Annotated[
        str,
        typer.Option(
            help="The key that must have signed it. Default: the one that the file names. An installation publishes "
            "its own at /api/v1/leaderboard/export-key.",
            show_default=False,
        ),
    ] = "",
) -> None:
    """Check the signature of an export, and compute the board again from its votes. Works offline."""
    from gateway.cli.vote_export import verify as verify_export

    found = verify_export(file, public_key)
    if session.json:
        session.print_document(
            {
                "valid": True,
                "public_key": found.public_key,
                "votes": found.votes,
                "lines": found.lines,
                "largest_difference": found.difference,
                "leaderboard": found.board,
            }
        )
        return
    board = found.board
    session.note(
        f"The signature is valid. Key: {found.public_key}\n"
        f"{found.votes} of {found.lines} votes count. Fitted again, they give the {board['board']} board of "
        f"{board['computed_at']}: the largest difference is {found.difference:.1g} points."
    )


def _names(client: ArenaClient, board: Board, category: str, language: str, own: bool) -> dict[str, str]:
    """Returns the names of the models of a board by id, best first."""
    from voicearena.elo.v1.leaderboard_pb2 import Leaderboard
    from voicearena.elo.v1.leaderboard_service_pb2 import GetLeaderboardRequest

    request = GetLeaderboardRequest(
        board=Leaderboard.Board.Value(board.value), category=category, language=language, private=own
    )
    return {row.model_id: row.name for row in client.call(client.leaderboard_stub.GetLeaderboard, request).rows}


def _model_id(text: str, names: dict[str, str]) -> str:
    """Returns the id of the model with this id or name. Raises CliError unless there is exactly one."""
    if text.startswith("mdl_"):
        return text
    found = [id_ for id_, name in names.items() if name == text]
    if not found:
        raise CliError(f"The board has no model {text}.", ExitCode.NOT_FOUND, hint="Give the id of a model.")
    if len(found) > 1:
        problem = f"{len(found)} models on the board are called {text}."
        raise CliError(problem, ExitCode.USAGE, hint="Give the id of one.", details=found)
    return found[0]
