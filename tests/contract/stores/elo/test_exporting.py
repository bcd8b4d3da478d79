"""Exported votes are signed, complete, and give the board again."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa

from gateway.cli.errors import CliError
from gateway.cli.vote_export import verify
from services.elo.leaderboard import exporting
from services.elo.leaderboard.export_signing import ExportKeys
from services.elo.leaderboard.export_store import ExportStore
from services.elo.leaderboard.exporting import Exporting
from services.elo.leaderboard.store import BoardKey
from services.elo.ratings import Votes
from services.elo.tables import BATTLE_VOTES, BATTLES
from services.runtime.db import Database
from services.runtime.errors import NotFound
from tests.contract.stores.elo.boards import published_round
from tests.contract.stores.elo.votes import add_cast, add_render, add_votes, simulated
from tests.simulated_votes import Arena

KEYS = ExportKeys("a secret of this installation")
SMALL = Arena(models=5, scenarios=24, voters=80, votes=700, activity_spread=0.5)
ACTIVE = Arena(models=4, scenarios=30, voters=30, votes=1500, activity_spread=2.0)
PUBLIC_HYBRID = BoardKey("", "hybrid", "", "")


def save(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def text_of(path: Path) -> str:
    return path.read_text()


async def exported(database: Database, path: Path, key: BoardKey = PUBLIC_HYBRID) -> list[dict[str, Any]]:
    pieces = Exporting(database, ExportStore(), KEYS).export(key)
    return written(path, b"".join([piece async for piece in pieces]))


def written(path: Path, content: bytes) -> list[dict[str, Any]]:
    save(path, content)
    return [json.loads(line) for line in content.splitlines()]


async def test_released_votes_have_all_fields_and_refit_to_the_board(emptied_schema: Database, tmp_path: Path) -> None:
    cast, votes = await simulated(emptied_schema, SMALL)
    await add_render(emptied_schema, "rnd_a", "mdl_a0", "scn_a0", word_error_rate=0.25, duration_seconds=2.0)
    await published_round(emptied_schema)
    lines = await exported(emptied_schema, tmp_path / "votes")
    header, *found, signature = lines
    assert len(found) == 700
    assert signature["public_key"] == KEYS.public_key
    assert {model["id"] for model in header["models"]} == {id_ for id_, _ in cast.models}
    assert set(header["models"][0]) == {
        *("id", "name", "provider", "kind", "voice_id", "model_id", "version", "parameters")
    }
    vote = found[0]
    assert vote["slot_a"] == cast.models[votes.a[0]][0]
    assert (vote["kind"], vote["state"], vote["rated"]) == ("human", "counted", True)
    assert vote["scenario"]["text"] == "Your code is 4815."
    assert set(vote["battle"]) == {
        *("id", "method_version", "chosen", "draw_probability", "candidates", "window_points", "inside_window", "swaps")
    }
    assert set(vote["sides"]["a"]) > {"clip_sha256", "word_error_rate", "duration_seconds", "leading_silence_ms"}
    checked = verify(tmp_path / "votes", KEYS.public_key)
    assert (checked.votes, checked.lines) == (700, 700)
    assert checked.difference <= 1e-6


async def test_an_export_has_exactly_the_votes_of_the_board(emptied_schema: Database, tmp_path: Path) -> None:
    cast, votes = await simulated(emptied_schema, SMALL)
    await published_round(emptied_schema)
    async with emptied_schema.transaction() as connection:
        # Judged again, and cast, after the board was computed.
        await connection.execute(sa.update(BATTLE_VOTES).where(BATTLE_VOTES.c.seq <= 50).values(counted=False))
    await add_votes(emptied_schema, cast, votes.where(np.arange(700) < 20), prefix="b")
    lines = await exported(emptied_schema, tmp_path / "votes")
    assert len(lines) == 702
    assert {line["state"] for line in lines[1:-1]} == {"counted"}
    assert verify(tmp_path / "votes").votes == 700


async def test_excluded_unrated_and_capped_votes_are_exported_and_not_fitted(
    emptied_schema: Database, tmp_path: Path
) -> None:
    cast, votes = await simulated(emptied_schema, ACTIVE)
    some = votes.where(np.arange(1500) < 40)
    await add_votes(emptied_schema, cast, some, prefix="b", counted=[n % 2 == 0 for n in range(40)])
    await add_votes(emptied_schema, cast, some, prefix="c", rated=False)
    await published_round(emptied_schema)
    await exported(emptied_schema, tmp_path / "votes", BoardKey("", "human", "support", "en"))
    checked = verify(tmp_path / "votes")
    assert checked.lines == 1580
    assert checked.votes < 1520
    assert checked.difference <= 1e-6


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda lines: [*lines[:5], lines[5].replace(b'"outcome":"a"', b'"outcome":"b"', 1), *lines[6:]], "not valid"),
        (lambda lines: [lines[0], *lines[2:]], "not valid"),
        (lambda lines: lines[:-1], "ends before its signature"),
        (lambda lines: [*lines, lines[1]], "lines after the signature"),
        (lambda lines: lines[1:], "line 1"),
        (lambda lines: [*lines[:3], b"{", *lines[3:]], "line 4"),
    ],
)
async def test_a_changed_export_is_not_verified(
    emptied_schema: Database, tmp_path: Path, change: Callable[[list[bytes]], list[bytes]], complaint: str
) -> None:
    cast = await add_cast(emptied_schema, 2, 2, 2)
    await add_votes(emptied_schema, cast, Votes.of([0, 1] * 5, [1, 0] * 5, [0] * 10, [0, 1] * 5, [0, 1] * 5))
    await published_round(emptied_schema)
    lines = [
        json.dumps(line, separators=(",", ":")).encode() for line in await exported(emptied_schema, tmp_path / "v")
    ]
    written(tmp_path / "same", b"\n".join(lines) + b"\n")
    assert verify(tmp_path / "same").votes == 10
    changed = tmp_path / "changed"
    save(changed, b"\n".join(change(lines)) + b"\n")
    with pytest.raises(CliError, match=complaint):
        verify(changed)


async def test_another_key_and_another_board_are_noticed(emptied_schema: Database, tmp_path: Path) -> None:
    cast = await add_cast(emptied_schema, 2, 2, 2)
    await add_votes(emptied_schema, cast, Votes.of([0, 1] * 5, [1, 0] * 5, [0] * 10, [0, 1] * 5, [0, 1] * 5))
    await published_round(emptied_schema)
    header, *votes, _ = await exported(emptied_schema, tmp_path / "votes")
    with pytest.raises(CliError, match="another key"):
        verify(tmp_path / "votes", ExportKeys("another installation").public_key)
    # Somebody with the key states another board.
    header["leaderboard"]["rows"][0]["rating"] += 1e-5
    lines = b"".join(json.dumps(line).encode() + b"\n" for line in (header, *votes))
    digest = hashlib.sha256(lines).digest()
    signature = {"type": "signature", "public_key": KEYS.public_key, "signature": KEYS.signature(digest)}
    save(tmp_path / "other", lines + json.dumps(signature).encode() + b"\n")
    with pytest.raises(CliError, match="they differ by up to 1e-05 points"):
        verify(tmp_path / "other")


async def test_voters_have_other_names_in_the_exports_of_other_owners(emptied_schema: Database, tmp_path: Path) -> None:
    cast = await add_cast(emptied_schema, 2, 2, 2)
    votes = Votes.of([0, 1], [1, 0], [0, 1], [0, 1], [0, 1])
    await add_votes(emptied_schema, cast, votes, prefix="b")
    await add_votes(emptied_schema, cast, votes, prefix="c", owner="dev_a")
    await published_round(emptied_schema)
    public = await exported(emptied_schema, tmp_path / "public")
    own = await exported(emptied_schema, tmp_path / "own", PUBLIC_HYBRID._replace(owner="dev_a"))
    names = {line["voter"] for line in (*public[1:-1], *own[1:-1])}
    assert len(names) == 4
    for file in ("public", "own"):
        content = text_of(tmp_path / file)
        assert not any(id_ in content for id_, _ in cast.voters)


async def test_before_its_end_nothing_tells_which_battle_a_vote_is_about(
    emptied_schema: Database, tmp_path: Path
) -> None:
    cast = await add_cast(emptied_schema, 2, 2, 2)
    await add_votes(emptied_schema, cast, Votes.of([0, 1], [1, 0], [0, 1], [0, 1], [0, 1]), kind="metrics")
    async with emptied_schema.transaction() as connection:
        await connection.execute(sa.update(BATTLES).values(status="open"))
    await published_round(emptied_schema)
    _, *votes, _ = await exported(emptied_schema, tmp_path / "votes")
    assert [(vote["id"], vote["battle"]["id"], vote["sides"]) for vote in votes] == [("", "", {})] * 2
    assert verify(tmp_path / "votes").votes == 2


async def test_an_export_of_a_board_without_votes_is_not_found(emptied_schema: Database, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"no votes of this board yet: hybrid, sales\. Export it after the first one"):
        await exported(emptied_schema, tmp_path / "votes", PUBLIC_HYBRID._replace(category="sales"))


async def test_an_export_has_only_a_few_votes_in_memory(
    emptied_schema: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "BATCH", 100)
    await simulated(emptied_schema, SMALL)
    await published_round(emptied_schema)
    pieces = [
        piece.count(b"\n") async for piece in Exporting(emptied_schema, ExportStore(), KEYS).export(PUBLIC_HYBRID)
    ]
    assert pieces == [1, *[100] * 7, 1]
