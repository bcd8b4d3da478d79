"""`arena battle`: vote in a blind battle, and create, show and list battles."""

from __future__ import annotations

import secrets
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.errors import CliError, ExitCode
from gateway.cli.session import CliSession, with_session
from gateway.cli.voice_models import find_model_id, model_names

app = typer.Typer(invoke_without_command=True, help="Hear two voices blind and vote; create, show and list battles.")

MODELS_IN_BATTLE = 2


class Answer(StrEnum):
    """What a voter says. The names are those of the API."""

    A = "a"
    B = "b"
    TIE = "tie"
    BOTH_BAD = "both_bad"


class Status(StrEnum):
    """The stages of a battle. The names are those of the API."""

    PREPARING = "preparing"
    OPEN = "open"
    DECIDED = "decided"
    VOID = "void"


BattleArgument = Annotated[str, typer.Argument(metavar="ID", help="The id of the battle.", show_default=False)]


@app.callback()
@with_session
def vote(
    session: CliSession,
    category: Annotated[str, typer.Option(help="Only scenarios of this category.", show_default=False)] = "",
    language: Annotated[
        str, typer.Option(help="Only scenarios in this language, such as de.", show_default=False)
    ] = "",
    own_board: Annotated[
        bool, typer.Option("--own-board", help="Battles of your own board, private ones included.")
    ] = False,
    votes: Annotated[int, typer.Option(min=1, max=1000, help="How many battles to vote in.")] = 1,
    answer: Annotated[
        Answer | None, typer.Option(help="Vote without asking, for scripts that have their own ears.")
    ] = None,
    save: Annotated[Path | None, typer.Option(help="Keep the clips in this folder.", show_default=False)] = None,
    no_play: Annotated[bool, typer.Option("--no-play", help="Play nothing, and print where the clips are.")] = False,
    timeout: Annotated[float, typer.Option(min=0, help="The longest time to wait for a battle, in seconds.")] = 60.0,
) -> None:
    """Hear two voices speak the same text and say which is better. Then see who spoke, and what your vote did.

    You vote with an anonymous session, which is made at the first vote and kept. Without an audio player the paths of
    the clips are printed, and the clips are kept until you answer, or in the folder of --save.
    """
    from voicearena.elo.v1.battle_service_pb2 import NextBattleRequest

    from gateway.cli.battle_view import reveal
    from gateway.cli.voter_session import VoterSession
    from gateway.cli.voting import Ballot, vote_once

    request = NextBattleRequest(category=category, language=language, own_board=own_board)
    ballot = Ballot(request, answer.value if answer else None, save, no_play, timeout)
    voter = VoterSession(session, own_board=own_board)
    for _ in range(votes):
        cast = vote_once(session, voter, ballot)
        if cast is None:
            session.note("No vote was given. The battle is kept for you.")
            return
        if session.json:
            session.print_message(cast.response)
        else:
            session.out.print(reveal(cast.response, cast.answer))


@app.command("create")
@with_session
def create(
    session: CliSession,
    model: Annotated[
        list[str] | None,
        typer.Option(
            help="A voice model: its id, or PROVIDER:VOICE. Give two, or none to have them drawn.", show_default=False
        ),
    ] = None,
    scenario: Annotated[str, typer.Option(help="The id of the scenario. Default: drawn.", show_default=False)] = "",
    category: Annotated[
        str, typer.Option(help="The category from which the scenario is drawn.", show_default=False)
    ] = "",
    private: Annotated[
        bool, typer.Option("--private", help="Only you and your listeners can see it. It counts on your own board.")
    ] = False,
    webhook_url: Annotated[
        str, typer.Option(help="The URL that is notified when it is decided or void.", show_default=False)
    ] = "",
) -> None:
    """Create a battle. Its voices speak and are measured first; then people can vote."""
    from voicearena.elo.v1.battle_service_pb2 import CreateBattleRequest

    from gateway.cli.battle_view import battle_card

    named = model or []
    if len(named) not in (0, MODELS_IN_BATTLE):
        raise CliError(
            f"A battle has two models, got {len(named)}.", ExitCode.USAGE, hint="Give --model twice, or not at all."
        )
    with session.client() as client:
        model_a, model_b = (find_model_id(client, text) for text in named) if named else ("", "")
        request = CreateBattleRequest(
            model_a_id=model_a,
            model_b_id=model_b,
            scenario_id=scenario,
            category=category,
            private=private,
            webhook_url=webhook_url,
            request_id=secrets.token_hex(16),
        )
        battle = client.call(client.battle_stub.CreateBattle, request)
        names = {} if session.json else model_names(client, [battle.model_a_id, battle.model_b_id])
    if session.json:
        session.print_message(battle)
        return
    session.out.print(battle_card(battle, names))
    if battle.webhook_secret:
        session.note(f"Webhooks to {webhook_url} are signed with this secret. It is shown only once:")
        session.note(battle.webhook_secret)


@app.command("show")
@with_session
def show(session: CliSession, battle_id: BattleArgument) -> None:
    """Show a battle: both sides with their metrics, once it is decided or you have voted in it."""
    from voicearena.elo.v1.battle_service_pb2 import GetBattleRequest

    from gateway.cli.battle_view import battle_card

    with session.client() as client:
        battle = client.call(client.battle_stub.GetBattle, GetBattleRequest(id=battle_id))
        names = {} if session.json else model_names(client, [battle.model_a_id, battle.model_b_id])
    if session.json:
        session.print_message(battle)
    else:
        session.out.print(battle_card(battle, names))


@app.command("list")
@with_session
def list_battles(
    session: CliSession,
    model: Annotated[str, typer.Option(help="Only battles of this model: its id, or PROVIDER:VOICE.")] = "",
    scenario: Annotated[str, typer.Option(help="Only battles on the scenario with this id.")] = "",
    status: Annotated[Status | None, typer.Option(help="Only battles in this stage.", show_default=False)] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="The largest number of battles.")] = 20,
) -> None:
    """List battles, newest first."""
    from voicearena.elo.v1.battle_pb2 import Battle
    from voicearena.elo.v1.battle_service_pb2 import ListBattlesRequest

    from gateway.cli.battle_view import battles_table

    with session.client() as client:
        request = ListBattlesRequest(
            model_id=find_model_id(client, model) if model else "",
            scenario_id=scenario,
            status=Battle.Status.Value(status.value) if status else Battle.status_unspecified,
        )
        found = client.list_all(client.battle_stub.ListBattles, request, lambda page: page.battles, limit)
        models = [id_ for battle in found for id_ in (battle.model_a_id, battle.model_b_id)]
        names = {} if session.json else model_names(client, models)
    if session.json:
        session.print_list("battles", found)
    else:
        session.out.print(battles_table(found, names, session.out.width))
