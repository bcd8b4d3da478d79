"""`arena scenario`: list, show, add and archive the texts that voices speak in battles."""

from __future__ import annotations

import secrets
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.session import CliSession, with_session

if TYPE_CHECKING:
    from voicearena.elo.v1.scenario_pb2 import Scenario

app = typer.Typer(no_args_is_help=True, help="List, show, add and archive the texts that voices speak in battles.")

MAX_LISTED = 1000


class Difficulty(StrEnum):
    """How hard a text is to speak. The names are those of the API."""

    EASY = "easy"
    MEDIUM = "medium"
    HARD = "hard"


ScenarioArgument = Annotated[str, typer.Argument(metavar="ID", help="The id of the scenario.", show_default=False)]


@app.command("list")
@with_session
def list_scenarios(
    session: CliSession,
    category: Annotated[str, typer.Option(help="Only this category, such as support.", show_default=False)] = "",
    difficulty: Annotated[Difficulty | None, typer.Option(help="Only this difficulty.", show_default=False)] = None,
    language: Annotated[str, typer.Option(help="Only this language, with its regions.", show_default=False)] = "",
    mine: Annotated[bool, typer.Option("--mine", help="Only scenarios that you have added.")] = False,
    archived: Annotated[bool, typer.Option("--archived", help="Archived scenarios, too.")] = False,
    awaiting_approval: Annotated[
        bool, typer.Option("--awaiting-approval", help="Only scenarios that wait for an operator's approval.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, max=MAX_LISTED, help="The largest number of scenarios.")] = 100,
) -> None:
    """List scenarios in order of creation."""
    from voicearena.elo.v1.scenario_pb2 import Scenario
    from voicearena.elo.v1.scenario_service_pb2 import ListScenariosRequest

    from gateway.cli.scenario_view import scenarios_table

    request = ListScenariosRequest(
        category=category,
        difficulty=Scenario.Difficulty.Value(difficulty.value) if difficulty else Scenario.difficulty_unspecified,
        language=language,
        created_by_me=mine,
        include_archived=archived,
        awaiting_approval=awaiting_approval,
    )
    with session.client() as client:
        found = client.list_all(client.scenario_stub.ListScenarios, request, lambda page: page.scenarios, limit)
    if session.json:
        session.print_list("scenarios", found)
    else:
        session.out.print(scenarios_table(found, session.out.width))


@app.command("show")
@with_session
def show(session: CliSession, scenario_id: ScenarioArgument) -> None:
    """Show a scenario with its latest battles."""
    from voicearena.elo.v1.scenario_service_pb2 import GetScenarioRequest

    from gateway.cli.battle_view import battles_table
    from gateway.cli.scenario_view import scenario_card
    from gateway.cli.voice_models import model_names

    with session.client() as client:
        found = client.call(client.scenario_stub.GetScenario, GetScenarioRequest(id=scenario_id))
        models = [id_ for battle in found.battles for id_ in (battle.model_a_id, battle.model_b_id)]
        names = {} if session.json else model_names(client, models)
    if session.json:
        session.print_message(found)
        return
    session.out.print(scenario_card(found.scenario))
    if found.battles:
        session.out.print(battles_table(found.battles, names, session.out.width))


@app.command("add")
@with_session
def add(
    session: CliSession,
    text: Annotated[str, typer.Argument(help="What is spoken, 1 to 2000 characters.", show_default=False)],
    name: Annotated[str, typer.Option(help="A name for people to read.", show_default=False)],
    category: Annotated[str, typer.Option(help="The kind of the situation: a-z, 0-9 and _.")] = "general",
    description: Annotated[str, typer.Option(help="What the situation is.", show_default=False)] = "",
    difficulty: Annotated[Difficulty, typer.Option(help="How hard the text is to speak.")] = Difficulty.MEDIUM,
    language: Annotated[str, typer.Option(help="The language of the text, such as de.")] = "en",
    private: Annotated[bool, typer.Option("--private", help="Only you can see it and its battles.")] = False,
) -> None:
    """Add a scenario."""
    from voicearena.elo.v1.elo_pb2 import private as private_value
    from voicearena.elo.v1.elo_pb2 import public
    from voicearena.elo.v1.scenario_pb2 import Scenario
    from voicearena.elo.v1.scenario_service_pb2 import CreateScenarioRequest

    request = CreateScenarioRequest(
        name=name,
        category=category,
        description=description,
        difficulty=Scenario.Difficulty.Value(difficulty.value),
        language=language,
        ground_truth_transcript=text,
        visibility=private_value if private else public,
        request_id=secrets.token_hex(16),
    )
    with session.client() as client:
        _show(session, client.call(client.scenario_stub.CreateScenario, request), "was added")


@app.command("archive")
@with_session
def archive(session: CliSession, scenario_id: ScenarioArgument) -> None:
    """Archive a scenario of yours. It gets no new battles."""
    from voicearena.elo.v1.scenario_service_pb2 import ArchiveScenarioRequest

    with session.client() as client:
        request = ArchiveScenarioRequest(id=scenario_id)
        _show(session, client.call(client.scenario_stub.ArchiveScenario, request), "is archived")


@app.command("approve")
@with_session
def approve(session: CliSession, scenario_id: ScenarioArgument) -> None:
    """Let public battles use a developer's scenario. Only operators can; see OPERATORS."""
    from voicearena.elo.v1.scenario_service_pb2 import ApproveScenarioRequest

    with session.client() as client:
        request = ApproveScenarioRequest(id=scenario_id)
        _show(session, client.call(client.scenario_stub.ApproveScenario, request), "is approved")


def _show(session: CliSession, scenario: Scenario, done: str) -> None:
    session.print_done(scenario, f"{scenario.name} {done}: {scenario.id}")
    if scenario.awaits_approval:
        session.note("Public battles use it after an operator has approved it.")
