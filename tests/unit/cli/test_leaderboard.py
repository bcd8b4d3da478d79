"""`arena leaderboard`: boards, their history, and exports."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from voicearena.elo.v1.leaderboard_pb2 import Leaderboard
from voicearena.elo.v1.leaderboard_service_pb2 import (
    ExportVotesRequest,
    GetHeadToHeadRequest,
    GetLeaderboardRequest,
    ListSnapshotsRequest,
)

from tests.unit.cli import stand_in_leaderboard
from tests.unit.cli.stand_in import StandIn, run_arena
from tests.unit.cli.stand_in_leaderboard import MODEL_IDS, board


def lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.splitlines()]


async def test_a_board_has_rank_ranges_and_interval_bars_and_says_when_it_is_computed(mesh: StandIn) -> None:
    shown = lines((await run_arena("leaderboard")).out)
    assert shown[0] == "Leaderboard  hybrid, all scenarios"
    assert shown[2:] == [
        "Rank  Model              1281          1699  Rating           95%  Live  Battles",
        "─" * 80,
        "   1  Cartesia Sonic     ··············━●━·    1650  1620 to 1680  1540     1000",
        " 2-4  English            ·········━━●━·····    1540  1500 to 1580  1520      910",
        "      (America), deep",
        " 2-4  slt                ········━━●━······    1520  1485 to 1555  1500      820",
        " 2-5  Multilingual       ·······━●━━·······    1490  1454 to 1526  1480      730",
        "      Expressive",
        "      Narration",
        "      (withdrawn)",
        " 4-5  Old voice          ·●················   ~1300       unknown  1460      640",
        "",
        "3120 votes of 210 people on 2890 battles. Computed at 2026-11-26 12:00, next at",
        "2026-11-26 12:05.",
        "Side A wins +1.2 points more often than side B (-0.4 to +2.8).",
        "Without 12 of the votes, English (America), deep would be first.",
        "1.2% of people's votes are excluded as doubtful.",
        "Rating: the published rating, fitted to all votes. 1500 is the average. Live:",
        "Elo as voters see it move. It has another scale.",
        "~: provisional. Too few voters or scenarios, so the interval is too wide or",
        "unknown.",
    ]
    assert mesh.requests == [GetLeaderboardRequest(board=Leaderboard.hybrid, sort=GetLeaderboardRequest.rank)]


@pytest.mark.parametrize("columns", [60, 80, 100, 140])
async def test_no_word_of_a_board_is_cut(mesh: StandIn, monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    shown = (await run_arena("leaderboard")).out
    assert max(map(len, lines(shown))) <= columns
    words = set(shown.split())
    for row in board().rows:
        assert words >= set(row.name.split())
        assert words >= {f"{row.elo_rating:.0f}", str(row.total_battles)}
    assert words >= {
        "Rank",
        "Model",
        "Rating",
        "95%",
        "Live",
        "Battles",
        "~1300",
        "unknown",
        "(withdrawn)",
    }
    assert "provisional." in words
    assert "1620 to 1680" in shown


async def test_an_interval_with_a_negative_end_reads_as_two_numbers(
    mesh: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    young = board()
    young.rows[0].rating_low = -218
    monkeypatch.setattr(stand_in_leaderboard, "board", lambda: young)
    assert "  -218 to 1680  " in (await run_arena("leaderboard")).out


async def test_a_board_without_votes_says_what_comes(mesh: StandIn) -> None:
    assert lines((await run_arena("leaderboard", "--category", "empty", "--board", "human")).out) == [
        "Leaderboard  human, all scenarios",
        "No votes yet. The first ones give a provisional board within seconds.",
    ]


async def test_a_board_is_selected_and_ordered(mesh: StandIn, key: str) -> None:
    options = ("--board", "metrics", "--category", "sales", "--language", "de", "--sort", "price", "--own", "--json")
    found = json.loads((await run_arena("leaderboard", *options)).out)
    assert found["rows"][0]["name"] == "Cartesia Sonic"
    assert mesh.requests == [
        GetLeaderboardRequest(
            board=Leaderboard.metrics,
            category="sales",
            language="de",
            sort=GetLeaderboardRequest.price,
            private=True,
        )
    ]


async def test_the_history_has_a_line_for_each_day_and_model(mesh: StandIn) -> None:
    shown = lines((await run_arena("leaderboard", "history", "--model", "slt")).out)
    assert shown[0].split() == ["Day", "Rank", "Model", "Rating", "95%", "Live", "Battles", "Won"]
    assert shown[2].split() == ["2026-11-25", "2-4", "slt", "~1511", "unknown", "1493", "800", "40%"]
    assert mesh.requests[-1] == ListSnapshotsRequest(model_id=MODEL_IDS[2], board=Leaderboard.hybrid, page_size=100)
    assert (await run_arena("leaderboard", "history", "--category", "empty")).out.startswith("No snapshots yet.")
    unknown = await run_arena("leaderboard", "history", "--model", "nobody")
    assert (unknown.exit_code, unknown.err.splitlines()[0]) == (4, "arena: The board has no model nobody.")


async def test_a_name_of_two_models_on_the_board_is_refused_with_their_ids(
    mesh: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    doubled = board()
    doubled.rows[1].name = "slt"
    monkeypatch.setattr(stand_in_leaderboard, "board", lambda: doubled)
    refused = await run_arena("leaderboard", "history", "--model", "slt")
    assert (refused.exit_code, refused.err.split()[-7:]) == (2, [*MODEL_IDS[1:3], "Give", "the", "id", "of", "one."])


async def test_the_matrix_names_the_separate_parts(mesh: StandIn) -> None:
    shown = lines((await run_arena("leaderboard", "head-to-head", "--board", "human")).out)
    assert shown[2].split() == [*("Cartesia", "Sonic", "English", "(America),", "deep", "9", "3", "2", "1", "better")]
    assert shown[4:] == [
        "No votes compare the parts.",
        "  Cartesia Sonic, English (America), deep",
        "  slt, Multilingual Expressive Narration, Old voice",
    ]
    assert mesh.requests[0] == GetHeadToHeadRequest(board=Leaderboard.human)


async def test_an_export_is_written_to_a_file(mesh: StandIn, tmp_path: Path) -> None:
    mesh.export = (b'{"type":"board"}\n{"ty', b'pe":"vote"}\n{"type":"signature"}\n')
    file = tmp_path / "votes.jsonl"
    outcome = await run_arena("leaderboard", "export", str(file), "--board", "human")
    assert file.read_bytes() == b"".join(mesh.export)
    assert outcome.err.startswith(f"1 votes are in {file}.")
    assert mesh.requests == [ExportVotesRequest(board=Leaderboard.human)]


async def test_a_file_that_is_no_export_is_refused(mesh: StandIn, tmp_path: Path) -> None:
    file = tmp_path / "votes.jsonl"
    missing = await run_arena("leaderboard", "verify", str(file))
    assert (missing.exit_code, missing.err) == (2, f"arena: {file} can't be read: No such file or directory.\n")
    file.write_text('{"type":"vote"}\n')
    outcome = await run_arena("leaderboard", "verify", str(file))
    assert outcome.exit_code == 2
    assert "line 1: it does not begin with a board" in " ".join(outcome.err.split())
