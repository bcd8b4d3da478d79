"""`arena leaderboard card`, `arena model card` and `arena experiment card`: pictures for sharing."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.commands.leaderboard import Board, BoardOption, CategoryOption, LanguageOption, OwnOption
from gateway.cli.commands.model import ModelArgument
from gateway.cli.commands.options import IdArgument
from gateway.cli.commands.reports import write_and_tell
from gateway.cli.session import CliSession, with_session

OutOption = Annotated[Path, typer.Option("--out", "-o", help="The PNG file to write.")]
NamedOutOption = Annotated[
    Path | None, typer.Option("--out", "-o", help="The PNG file to write. ID.png by default.", show_default=False)
]


def add_to(leaderboard: typer.Typer, model: typer.Typer, experiment: typer.Typer) -> None:
    """Adds the commands to those of boards, models and experiments."""
    leaderboard.command("card")(board_card)
    model.command("card")(model_card)
    experiment.command("card")(verdict_card)


@with_session
def board_card(
    session: CliSession,
    out: OutOption = Path("board.png"),
    board: BoardOption = Board.HYBRID,
    category: CategoryOption = "",
    language: LanguageOption = "",
    own: OwnOption = False,
) -> None:
    """Write a picture of a board for sharing, 1200 x 630 pixels: its first models with their ratings."""
    from voicearena.elo.v1.leaderboard_pb2 import Leaderboard
    from voicearena.elo.v1.leaderboard_service_pb2 import GetLeaderboardCardRequest

    request = GetLeaderboardCardRequest(
        board=Leaderboard.Board.Value(board.value), category=category, language=language, private=own
    )
    with session.client() as client:
        card = client.call(client.leaderboard_stub.GetLeaderboardCard, request)
    write_and_tell(session, out, card.data)


@with_session
def model_card(session: CliSession, model: ModelArgument, out: NamedOutOption = None) -> None:
    """Write a picture of a voice model for sharing, 1200 x 630 pixels: its ratings, ranks and battles."""
    from voicearena.elo.v1.elo_service_pb2 import GetVoiceModelCardRequest

    from gateway.cli.voice_models import find_model_id

    with session.client() as client:
        request = GetVoiceModelCardRequest(id=find_model_id(client, model))
        card = client.call(client.elo_stub.GetVoiceModelCard, request)
    write_and_tell(session, out or Path(f"{request.id}.png"), card.data)


@with_session
def verdict_card(session: CliSession, experiment_id: IdArgument, out: NamedOutOption = None) -> None:
    """Write a picture of a verdict for sharing, 1200 x 630 pixels: the winner, the confidence and the models."""
    from voicearena.experiments.v1.experiment_service_pb2 import GetVerdictCardRequest

    with session.client() as client:
        card = client.call(client.experiment_stub.GetVerdictCard, GetVerdictCardRequest(id=experiment_id))
    write_and_tell(session, out or Path(f"{experiment_id}.png"), card.data)
