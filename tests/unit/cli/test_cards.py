"""`arena leaderboard card`, `arena model card` and `arena experiment card`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from google.protobuf.message import Message
from voicearena.elo.v1.elo_service_pb2 import GetVoiceModelCardRequest
from voicearena.elo.v1.leaderboard_pb2 import Leaderboard
from voicearena.elo.v1.leaderboard_service_pb2 import GetLeaderboardCardRequest
from voicearena.experiments.v1.experiment_service_pb2 import GetVerdictCardRequest

from tests.unit.cli.stand_in import EXPERIMENT_ID, StandIn, run_arena
from tests.unit.cli.stand_in_cards import PICTURE

MODEL_ID = "mdl_" + "0" * 32
BOARD = GetLeaderboardCardRequest(board=Leaderboard.human, category="general", language="de", private=True)


@pytest.mark.parametrize(
    ("arguments", "request_"),
    [
        (("leaderboard", "card"), GetLeaderboardCardRequest(board=Leaderboard.hybrid)),
        (("leaderboard", "card", *["--board", "human", "--category", "general", "--language", "de", "--own"]), BOARD),
        (("model", "card", MODEL_ID), GetVoiceModelCardRequest(id=MODEL_ID)),
        (("experiment", "card", EXPERIMENT_ID), GetVerdictCardRequest(id=EXPERIMENT_ID)),
    ],
)
async def test_a_card_is_written_to_a_file(
    arguments: tuple[str, ...], request_: Message, mesh: StandIn, tmp_path: Path
) -> None:
    out = tmp_path / "card.png"
    outcome = await run_arena(*arguments, "--out", str(out))
    assert outcome.err == f"Wrote {out} (2,008 bytes).\n"
    assert out.read_bytes() == PICTURE
    assert mesh.requests == [request_]


async def test_a_card_in_the_json_form_names_its_file(mesh: StandIn, tmp_path: Path) -> None:
    out = tmp_path / "card.png"
    outcome = await run_arena("--json", "leaderboard", "card", "--out", str(out))
    assert json.loads(outcome.out) == {"file": str(out), "bytes": len(PICTURE)}


async def test_a_card_that_cannot_be_written_is_an_error(mesh: StandIn, tmp_path: Path) -> None:
    out = tmp_path / "missing" / "card.png"
    outcome = await run_arena("leaderboard", "card", "--out", str(out))
    assert (outcome.exit_code, outcome.err) == (2, f"arena: Can't write {out}: No such file or directory.\n")
