"""`arena model`: lists, shows, adds, changes and withdraws voice models."""

from __future__ import annotations

import json

import pytest
from voicearena.elo.v1.elo_pb2 import VoiceModel, VoiceModelStats, private, public
from voicearena.elo.v1.elo_service_pb2 import (
    ApproveVoiceModelRequest,
    ListVoiceModelsRequest,
    UpdateVoiceModelRequest,
)

from tests.unit.cli.stand_in import StandIn, run_arena
from tests.unit.cli.stand_in_battles import CROAK


def lines(text: str) -> list[str]:
    """Returns the lines of a text without rules, and with single spaces."""
    return [" ".join(line.split()) for line in text.splitlines() if line.strip(" ─")]


@pytest.fixture
def fought(mesh: StandIn) -> VoiceModel:
    """A private model with battles, and nothing else in the catalogue."""
    stats = VoiceModelStats(wins=6, losses=2, ties=1, both_bad=1, both_bad_share=0.1, avg_wer=0.05, median_ttfa_ms=120)
    row = VoiceModelStats.BoardRating(board="human", rating=1540, rating_low=1500, rating_high=1580, rank=1)
    row.rank_worst, row.provisional = 3, True
    stats.boards.append(row)
    model = VoiceModel(
        id="mdl_own",
        name="Agent",
        version="2",
        kind=VoiceModel.recorded,
        visibility=private,
        active=True,
        arena=True,
        language="en-US",
        elo_rating=1532.4,
        total_battles=9,
        win_rate=0.7222,
        cost_per_1000_characters=0.5,
        stats=stats,
    )
    model.created_at.FromJsonString("2026-01-01T12:00:00Z")
    mesh.models = [model]
    return model


async def test_models_are_listed_with_their_live_ratings(
    fought: VoiceModel, mesh: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    outcome = await run_arena("model", "list", "--kind", "recorded", "--mine", "--arena")
    assert lines(outcome.out) == [
        "Id Name Voice Live Elo Battles Won State",
        "mdl_own Agent recorded 1532 9 72.2% arena, private",
    ]
    assert mesh.model_lists == [
        ListVoiceModelsRequest(
            kind=VoiceModel.recorded, registered_by_me=True, arena_only=True, active_only=True, page_size=100
        )
    ]


async def test_a_rating_without_an_interval_says_so(fought: VoiceModel) -> None:
    row = fought.stats.boards[0]
    row.ClearField("rating_low")
    row.ClearField("rating_high")
    assert "human 1540 unknown 1-3 (provisional)" in lines((await run_arena("model", "show", "mdl_own")).out)


async def test_a_narrow_list_shows_whole_ids_numbers_and_voices(
    fought: VoiceModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    fought.id = "mdl_" + "0" * 32
    fought.name = "A name of forty and some more characters in all"
    outcome = await run_arena("model", "list")
    assert lines(outcome.out) == [
        "Id Live Elo Battles Won State",
        f"{fought.id} 1532 9 72.2% arena, private",
        "A name of forty and some more",
        "characters in all",
        "recorded",
    ]


async def test_an_empty_list_of_models_says_so(mesh: StandIn) -> None:
    mesh.models = []
    assert (await run_arena("model", "list")).out == "No voice models.\n"
    assert json.loads((await run_arena("model", "list", "--json")).out) == {"models": []}


async def test_a_model_is_shown_with_its_ratings_and_measurements(fought: VoiceModel) -> None:
    outcome = await run_arena("model", "show", "mdl_own")
    assert lines(outcome.out) == [
        "mdl_own Agent 2",
        "voice recorded",
        "language en-US",
        "state arena, private",
        "live Elo 1532 after 9 battles",
        "price $0.5 for 1,000 characters",
        "added 2026-01-01 12:00",
        "votes 6 won, 2 lost, 1 tie, 1 neither good",
        "Board Rating 95% interval Rank",
        "human 1540 1500 to 1580 1-3 (provisional)",
        "Average Value",
        "Neither good 10.0%",
        "Word errors 5.0%",
        "First sound 120 ms",
    ]


async def test_an_unknown_model_is_not_found(mesh: StandIn) -> None:
    assert (await run_arena("model", "show", "mdl_none")).exit_code == 4
    outcome = await run_arena("model", "show", "espeak:none")
    assert (outcome.exit_code, outcome.err.splitlines()) == (
        4,
        [
            "arena: There is no voice model espeak:none.",
            "Give an id, or PROVIDER:VOICE. `arena model list` lists the models.",
        ],
    )


async def test_a_voice_is_added_to_the_arena(mesh: StandIn, key: str) -> None:
    arguments = ("--name", "Mine", "--version", "2", "--speed", "1.25", "--language", "de", "--arena", "--private")
    outcome = await run_arena("model", "add", "espeak:en-us", *arguments, "--cost-per-1000-characters", "0.5")
    assert (outcome.exit_code, outcome.err) == (0, "Mine was added: mdl_2\n")
    (request,) = mesh.requests
    assert (request.provider, request.config.voice_id, request.kind) == ("espeak", "en-us", VoiceModel.kind_unspecified)
    assert (request.name, request.version, request.arena, request.visibility) == ("Mine", "2", True, private)
    parameters = request.config.parameters
    assert (parameters.speed, parameters.language, parameters.HasField("seed")) == (1.25, "de", False)
    assert request.cost_per_1000_characters == 0.5
    assert request.request_id


async def test_a_recorded_model_is_added(mesh: StandIn, key: str) -> None:
    assert (await run_arena("model", "add", "--recorded", "--name", "Agent", "--language", "en-US")).exit_code == 0
    (request,) = mesh.requests
    assert (request.name, request.kind, request.language) == ("Agent", VoiceModel.recorded, "en-US")
    assert (request.visibility, request.arena, request.HasField("config")) == (public, False, False)


@pytest.mark.parametrize("arguments", [(), ("espeak:en-us", "--recorded")])
async def test_a_model_has_a_voice_or_is_recorded(mesh: StandIn, key: str, arguments: tuple[str, ...]) -> None:
    outcome = await run_arena("model", "add", *arguments, "--name", "Mine")
    assert (outcome.exit_code, mesh.requests) == (2, [])
    assert outcome.err.startswith("arena: A model has a voice or is recorded.\n")


async def test_only_given_options_change_a_model(mesh: StandIn, key: str) -> None:
    outcome = await run_arena("model", "update", "mdl_fast", "--name", "Faster", "--no-arena", "--public")
    assert outcome.err == ("Fast was changed: mdl_fast\nPublic battles use it after an operator has approved it.\n")
    assert mesh.requests == [UpdateVoiceModelRequest(id="mdl_fast", name="Faster", arena=False, visibility=public)]


async def test_a_model_is_withdrawn_by_the_name_of_its_voice(mesh: StandIn, key: str) -> None:
    mesh.models = [CROAK]
    outcome = await run_arena("model", "withdraw", "espeak:en-us+croak")
    assert outcome.err.startswith("Fast is withdrawn: mdl_croak\n")
    assert mesh.requests[-1] == UpdateVoiceModelRequest(id="mdl_croak", active=False)


async def test_an_operator_approves_a_model(mesh: StandIn, key: str) -> None:
    assert (await run_arena("model", "approve", "mdl_fast")).err == "Fast is approved: mdl_fast\n"
    assert mesh.requests == [ApproveVoiceModelRequest(id="mdl_fast")]
