"""`arena battle`: votes from the command line, and creates, shows and lists battles."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from voicearena.elo.v1.battle_pb2 import Battle
from voicearena.elo.v1.battle_service_pb2 import (
    CreateBattleRequest,
    ListBattlesRequest,
    NextBattleRequest,
    VoteInBattleRequest,
)

from gateway.cli import speech, voting
from tests.unit.cli.stand_in import KEY, StandIn, run_arena
from tests.unit.cli.stand_in_battles import BATTLE_ID


@pytest.fixture(autouse=True)
def no_player(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speech, "PLAYERS", ())


def lines(text: str) -> list[str]:
    """Returns the lines of a text without rules, and with single spaces."""
    return [" ".join(line.split()) for line in text.splitlines() if line.strip(" ─")]


def add_player(folder: Path, monkeypatch: pytest.MonkeyPatch, *, exit_code: int = 0) -> Path:
    """Installs a player that writes what it plays into a file, which is returned."""
    heard, player = folder / "heard", folder / "player"
    player.write_text(f'#!/bin/sh\ncat "$1" >> {heard}\necho >> {heard}\nexit {exit_code}\n')
    player.chmod(0o700)
    monkeypatch.setattr(speech, "PLAYERS", ((str(player), "{file}"),))
    return heard


async def test_a_vote_shows_who_spoke_and_the_ratings_before_and_after(mesh: StandIn) -> None:
    outcome = await run_arena("battle", stdin="b\n")
    assert outcome.exit_code == 0
    assert lines(outcome.out) == [
        "You said: B is better.",
        "Clip Voice Live Elo",
        "A Fast (espeak:en-us+f3) 1510 → 1486 (-23.6)",
        "B espeak:en-us+croak 1490 → 1514 (+23.6)",
        "The metrics say: B is better (A 0.60, B 0.80).",
        "Metric A B",
        "Word errors 25.0% 0.0%",
    ]
    assert mesh.requests == [NextBattleRequest(), VoteInBattleRequest(id=BATTLE_ID, winner=Battle.b)]


async def test_the_text_and_the_clips_are_shown_before_the_question(mesh: StandIn, tmp_path: Path) -> None:
    outcome = await run_arena("battle", "--save", str(tmp_path / "clips"), stdin="t\n")
    assert "A code (support): Your code is 4815." in outcome.err
    saved = {label: tmp_path / "clips" / f"{BATTLE_ID}-{label}.wav" for label in "ab"}
    assert {label: path.read_bytes() for label, path in saved.items()} == {"a": b"RIFF first", "b": b"RIFF second"}
    for path in saved.values():
        assert str(path) in outcome.err
    assert outcome.err.index("-b.wav") < outcome.err.index("Which clip is better?")


async def test_both_clips_are_played_before_the_question_and_again_on_request(
    mesh: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = add_player(tmp_path, monkeypatch)
    outcome = await run_arena("battle", stdin="what\nr\nn\n")
    assert heard.read_text().split() == ["RIFF", "first", "RIFF", "second"] * 2
    assert outcome.err.count("Which clip is better?") == 3
    assert mesh.requests[-1] == VoteInBattleRequest(id=BATTLE_ID, winner=Battle.both_bad)


@pytest.mark.parametrize("option", ["--no-play", "--answer=a"])
async def test_nothing_is_played_if_nobody_listens(
    mesh: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, option: str
) -> None:
    heard = add_player(tmp_path, monkeypatch)
    assert (await run_arena("battle", option, stdin="a\n")).exit_code == 0
    assert not heard.exists()


async def test_a_player_that_fails_leaves_the_files_to_hear(
    mesh: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_player(tmp_path, monkeypatch, exit_code=3)
    outcome = await run_arena("battle", stdin="a\n")
    assert outcome.exit_code == 0
    assert "player could not play" in outcome.err
    assert f"{BATTLE_ID}-b.wav" in outcome.err


@pytest.mark.parametrize(("answer", "winner"), [("a", Battle.a), ("tie", Battle.tie), ("both_bad", Battle.both_bad)])
async def test_a_script_votes_without_a_terminal(mesh: StandIn, answer: str, winner: Battle.Winner.ValueType) -> None:
    outcome = await run_arena("battle", "--answer", answer, "--category", "sales", "--language", "de", "--json")
    assert json.loads(outcome.out)["clip_a_model"]["id"] == "mdl_fast"
    assert "Which clip" not in outcome.err
    assert mesh.requests == [
        NextBattleRequest(category="sales", language="de"),
        VoteInBattleRequest(id=BATTLE_ID, winner=winner),
    ]


async def test_without_a_terminal_and_an_answer_a_line_says_what_to_do(mesh: StandIn) -> None:
    outcome = await run_arena("battle")
    assert outcome.exit_code == 2
    assert outcome.err.splitlines()[-2:] == [
        # The question has no end of line of its own.
        "Which clip is better? a, b, t (tie), n (neither is good) or q (quit): "
        "arena: No answer was given, and the battle is kept for you.",
        "Hear the clips with --save FOLDER, then answer with --answer a, b, tie or both_bad.",
    ]
    assert len(mesh.requests) == 1


async def test_who_quits_casts_no_vote(mesh: StandIn) -> None:
    outcome = await run_arena("battle", "--votes", "3", stdin="q\n")
    assert (outcome.exit_code, outcome.out, len(mesh.requests)) == (0, "", 1)
    assert outcome.err.endswith("No vote was given. The battle is kept for you.\n")


async def test_several_battles_are_judged_in_a_row(mesh: StandIn) -> None:
    outcome = await run_arena("battle", "--votes", "2", stdin="a\nb\n")
    assert outcome.out.count("You said:") == 2


async def test_the_session_of_a_voter_is_made_once_and_only_the_user_can_read_it(mesh: StandIn, no_key: Path) -> None:
    for _ in range(2):
        await run_arena("battle", "--answer", "a")
    assert mesh.voters_made == 1
    assert set(mesh.tokens) == {"", "vt_1"}
    stored = no_key.parent / "voters.json"
    assert stat.S_IMODE(stored.stat().st_mode) == 0o600


async def test_an_api_key_is_never_sent_with_a_public_vote(mesh: StandIn, key: str) -> None:
    assert (await run_arena("battle", "--answer", "a")).exit_code == 0
    assert key not in mesh.tokens


async def test_a_session_that_the_server_no_longer_knows_is_made_again(mesh: StandIn) -> None:
    await run_arena("battle", "--answer", "a")
    mesh.revoked_tokens.add("vt_1")
    assert (await run_arena("battle", "--answer", "a")).exit_code == 0
    assert mesh.voters_made == 2


async def test_a_session_that_is_refused_twice_is_an_error(mesh: StandIn) -> None:
    mesh.revoked_tokens.update(("vt_1", "vt_2"))
    outcome = await run_arena("battle", "--answer", "a")
    assert (outcome.exit_code, mesh.voters_made) == (3, 2)


async def test_a_broken_file_of_sessions_is_not_overwritten(mesh: StandIn, no_key: Path) -> None:
    stored = no_key.parent / "voters.json"
    stored.parent.mkdir(parents=True)
    stored.write_text("[]")
    outcome = await run_arena("battle", "--answer", "a")
    assert (outcome.exit_code, stored.read_text()) == (2, "[]")
    assert "is not a file of voter's sessions" in outcome.err


async def test_the_own_board_has_a_session_made_with_the_api_key(mesh: StandIn, key: str) -> None:
    await run_arena("battle", "--answer", "a")
    await run_arena("battle", "--answer", "a", "--own-board")
    assert mesh.voters_made == 2
    assert mesh.tokens.count(KEY) == 1
    assert mesh.requests[-2] == NextBattleRequest(own_board=True)


async def test_the_own_board_needs_a_key(mesh: StandIn) -> None:
    outcome = await run_arena("battle", "--own-board")
    assert (outcome.exit_code, mesh.requests) == (3, [])
    assert "Battles of your own board need your API key." in outcome.err


async def test_a_battle_that_is_not_ready_is_waited_for(mesh: StandIn) -> None:
    mesh.not_ready = 2
    outcome = await run_arena("battle", "--answer", "a")
    assert outcome.exit_code == 0
    assert outcome.err.count("No battle is ready yet.") == 1


async def test_the_wait_for_a_battle_ends(mesh: StandIn) -> None:
    mesh.not_ready = 99
    outcome = await run_arena("battle", "--answer", "a", "--timeout", "0")
    assert outcome.exit_code == 6
    assert outcome.err.splitlines()[0] == "arena: No battle is ready yet. Try again in 1 s."


@pytest.mark.parametrize("early", [{"status": "not_heard", "wait_seconds": "0.1"}, {"status": "not_fetched"}])
async def test_an_early_vote_is_cast_once_the_clips_can_have_been_heard(
    mesh: StandIn, monkeypatch: pytest.MonkeyPatch, early: dict[str, str]
) -> None:
    monkeypatch.setattr(voting, "REPORT_SECONDS", 0.05)
    mesh.early_votes, mesh.early_vote = 1, early
    outcome = await run_arena("battle", "--answer", "b")
    assert outcome.exit_code == 0
    assert mesh.requests[1:] == [VoteInBattleRequest(id=BATTLE_ID, winner=Battle.b)] * 2


async def test_a_vote_that_is_refused_says_why(mesh: StandIn) -> None:
    mesh.vote_refusal = ("decided", "The battle is decided. Request the next one.")
    outcome = await run_arena("battle", "--answer", "b")
    assert (outcome.exit_code, outcome.out) == (5, "")
    assert outcome.err.splitlines()[-1] == "arena: The battle is decided. Request the next one."


async def test_an_unrated_battle_says_so_before_the_vote_and_after(mesh: StandIn) -> None:
    mesh.next.rated, mesh.next.unrated_reason = False, "The text names a provider."
    outcome = await run_arena("battle", stdin="a\n")
    assert "Votes in this battle move no ratings: The text names a provider." in outcome.err
    assert "The vote moves no ratings: The text names a provider." in outcome.out


async def test_a_battle_is_created_of_two_models_by_id_or_voice(mesh: StandIn, key: str) -> None:
    mesh.battle.webhook_secret = "whsec_once"
    outcome = await run_arena(
        *("battle", "create", "--model", "mdl_croak", "--model", "espeak:en-us+f3", "--scenario", "scn_1"),
        *("--private", "--webhook-url", "https://example.com/hook"),
    )
    assert outcome.exit_code == 0
    (request,) = mesh.requests
    assert request == CreateBattleRequest(
        model_a_id="mdl_croak",
        model_b_id="mdl_fast",
        scenario_id="scn_1",
        private=True,
        webhook_url="https://example.com/hook",
        request_id=request.request_id,
    )
    assert len(request.request_id) == 32
    assert outcome.err.splitlines()[-1] == "whsec_once"


@pytest.mark.parametrize(
    ("arguments", "exit_code", "says"),
    [
        (("--model", "mdl_croak"), 2, "A battle has two models, got 1."),
        (("--model", "mdl_croak", "--model", "espeak:nobody"), 4, "There is no voice model espeak:nobody."),
    ],
)
async def test_a_battle_needs_two_known_models(
    mesh: StandIn, key: str, arguments: tuple[str, ...], exit_code: int, says: str
) -> None:
    outcome = await run_arena("battle", "create", *arguments)
    assert (outcome.exit_code, mesh.requests) == (exit_code, [])
    assert outcome.err.splitlines()[0] == f"arena: {says}"


@pytest.mark.parametrize("owner", ["", "dev_1", "dev_2"])
async def test_a_name_of_two_models_of_one_owner_is_refused_with_their_ids(mesh: StandIn, key: str, owner: str) -> None:
    for model in mesh.models[:2]:
        model.config.voice_id, model.developer_id = "en-us+croak", owner
    outcome = await run_arena("battle", "create", "--model", "espeak:en-us+croak", "--model", "mdl_fast")
    assert outcome.exit_code == 2
    assert [line.split()[0] for line in outcome.err.splitlines()[1:3]] == ["mdl_croak", "mdl_fast"]
    assert outcome.err.splitlines()[3] == "Give the id of one."


@pytest.mark.parametrize(
    ("owners", "named"),
    [
        (("", "dev_1"), "mdl_fast"),
        (("dev_2", "dev_1"), "mdl_fast"),
        (("", "dev_2"), "mdl_croak"),
        (("dev_1", ""), "mdl_croak"),
    ],
)
async def test_the_callers_own_model_comes_before_the_installations_and_that_before_others(
    mesh: StandIn, key: str, owners: tuple[str, str], named: str
) -> None:
    for model, owner in zip(mesh.models, owners, strict=False):
        model.config.voice_id, model.developer_id = "en-us+croak", owner
    outcome = await run_arena("battle", "create", "--model", "espeak:en-us+croak", "--model", "mdl_other")
    assert outcome.exit_code == 0
    assert [request.model_a_id for request in mesh.requests] == [named]


async def test_without_a_key_a_name_means_the_model_of_the_installation(mesh: StandIn, no_key: Path) -> None:
    for model, owner in zip(mesh.models, ("dev_2", ""), strict=False):
        model.config.voice_id, model.developer_id = "en-us+croak", owner
    assert (await run_arena("battle", "list", "--model", "espeak:en-us+croak")).exit_code == 0
    assert [request.model_id for request in mesh.requests] == ["mdl_fast"]


async def test_a_battle_is_shown_with_both_sides(mesh: StandIn) -> None:
    outcome = await run_arena("battle", "show", BATTLE_ID)
    shown = lines(outcome.out)
    assert shown[0] == f"{BATTLE_ID} decided"
    for line in (
        "A espeak:en-us+croak",
        "B espeak:en-us+f3",
        "result A is better (hybrid)",
        "live Elo +24.0 for A, -24.0 for B",
        "Word errors 0.0% 25.0%",
    ):
        assert line in shown


async def test_a_battle_hides_its_models_until_they_may_be_known(mesh: StandIn) -> None:
    mesh.battle.CopyFrom(Battle(id=BATTLE_ID, status=Battle.open, rated=True))
    assert "  A         not shown before you have voted" in (await run_arena("battle", "show", BATTLE_ID)).out


async def test_an_unknown_battle_is_not_found(mesh: StandIn) -> None:
    assert (await run_arena("battle", "show", "bat_x")).exit_code == 4


@pytest.mark.parametrize("columns", ["80", "140"])
async def test_battles_are_listed_by_model_scenario_and_status(
    mesh: StandIn, monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    chosen = ("--model", "espeak:en-us+croak", "--scenario", "scn_1", "--status", "decided", "--limit", "5")
    outcome = await run_arena("battle", "list", *chosen)
    assert mesh.requests == [
        ListBattlesRequest(model_id="mdl_croak", scenario_id="scn_1", status=Battle.decided, page_size=5)
    ]
    assert BATTLE_ID in outcome.out
    assert "support" in outcome.out
    listed = json.loads((await run_arena("battle", "list", "--json")).out)
    assert [battle["id"] for battle in listed["battles"]] == [BATTLE_ID]
