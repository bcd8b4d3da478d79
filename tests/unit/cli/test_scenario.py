"""`arena scenario`: lists, shows, adds and archives scenarios."""

from __future__ import annotations

import json

import pytest
from voicearena.elo.v1.elo_pb2 import private
from voicearena.elo.v1.scenario_pb2 import Scenario
from voicearena.elo.v1.scenario_service_pb2 import (
    ApproveScenarioRequest,
    ArchiveScenarioRequest,
    CreateScenarioRequest,
    ListScenariosRequest,
)

from tests.unit.cli.stand_in import StandIn, run_arena
from tests.unit.cli.stand_in_scenarios import SCENARIO_ID
from tests.unit.cli.test_model import lines


async def test_scenarios_are_listed_with_their_ties(mesh: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "140")
    outcome = await run_arena("scenario", "list", "--category", "parcels", "--difficulty", "hard", "--archived")
    assert lines(outcome.out) == [
        "Id Name Category Difficulty Language Battles Ties State",
        f"{SCENARIO_ID} A parcel parcels hard en 3 25.0% private",
    ]
    assert mesh.requests == [
        ListScenariosRequest(category="parcels", difficulty=Scenario.hard, include_archived=True, page_size=100)
    ]


async def test_a_developer_lists_what_they_have_added(mesh: StandIn) -> None:
    await run_arena("scenario", "list", "--mine")
    assert mesh.requests == [ListScenariosRequest(created_by_me=True, page_size=100)]


async def test_an_empty_list_of_scenarios_says_so(mesh: StandIn) -> None:
    assert (await run_arena("scenario", "list", "--category", "empty")).out == "No scenarios.\n"
    assert json.loads((await run_arena("scenario", "list", "--category", "empty", "--json")).out) == {"scenarios": []}


async def test_a_scenario_is_shown_with_its_battles(mesh: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    shown = lines((await run_arena("scenario", "show", SCENARIO_ID)).out)
    assert shown[:7] == [
        f"{SCENARIO_ID} A parcel",
        "about parcels, hard, en",
        "text Your parcel 4815 is here.",
        "situation On the phone.",
        "state private",
        "battles 3, 4 votes, 25% ties",
        "created 2026-01-01 12:00",
    ]
    assert shown[7] == "Id Status A B Result Category Created"
    assert "espeak:en-us+croak espeak:en-us+f3 a support" in shown[8]


async def test_an_unknown_scenario_is_not_found(mesh: StandIn) -> None:
    assert (await run_arena("scenario", "show", "scn_none")).exit_code == 4


async def test_a_scenario_is_added(mesh: StandIn, key: str) -> None:
    arguments = ("--category", "parcels", "--difficulty", "easy", "--language", "de", "--private")
    outcome = await run_arena("scenario", "add", "Ihr Paket 4815.", "--name", "Ein Paket", *arguments)
    assert outcome.err == (
        f"Ein Paket was added: {SCENARIO_ID}\nPublic battles use it after an operator has approved it.\n"
    )
    (request,) = mesh.requests
    assert request.request_id
    request.request_id = ""
    assert request == CreateScenarioRequest(
        name="Ein Paket",
        category="parcels",
        difficulty=Scenario.easy,
        language="de",
        ground_truth_transcript="Ihr Paket 4815.",
        visibility=private,
    )


async def test_a_scenario_is_archived(mesh: StandIn, key: str) -> None:
    outcome = await run_arena("scenario", "archive", SCENARIO_ID)
    assert outcome.err == f"A parcel is archived: {SCENARIO_ID}\n"
    assert mesh.requests == [ArchiveScenarioRequest(id=SCENARIO_ID)]


async def test_an_operator_approves_a_scenario(mesh: StandIn, key: str) -> None:
    outcome = await run_arena("scenario", "approve", SCENARIO_ID, "--json")
    assert json.loads(outcome.out)["id"] == SCENARIO_ID
    assert mesh.requests == [ApproveScenarioRequest(id=SCENARIO_ID)]
