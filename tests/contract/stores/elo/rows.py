"""Rows of the arena for tests: models, scenarios, battles and voters, each with one call."""

import dataclasses
from datetime import UTC, datetime

import sqlalchemy as sa

from services.elo.battles.domain import Battle, BattleStatus
from services.elo.catalogue.tables import PROVIDERS, VOICE_MODELS
from services.elo.domain import INSTALLATION
from services.elo.tables import BATTLES, RENDER_PROVIDERS, RENDERS, SCENARIOS, VOTERS
from services.runtime.db import Database

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


async def add_models(database: Database, *ids: str, owner: str = INSTALLATION, **values: object) -> list[int]:
    """Adds models of espeak that take part in the arena. Returns their numbers."""
    row: dict[str, object] = {
        "developer_id": owner,
        "kind": "tts",
        "provider": "espeak",
        "version": "",
        "model_id": "",
        "parameters": {"language": language} if (language := values.pop("language", None)) else {},
        "active": True,
        "visibility": "public",
        "arena": True,
        "created_at": NOON,
        "updated_at": NOON,
        **values,
    }
    adding = sa.insert(VOICE_MODELS).returning(VOICE_MODELS.c.seq)
    async with database.transaction() as connection:
        return [
            (await connection.execute(adding.values({"id": id_, "name": id_, "voice_id": id_, **row}))).scalar_one()
            for id_ in ids
        ]


async def add_provider(database: Database, id_: str, *, local: bool = True, concurrency: int = 8) -> None:
    """Adds a provider that can be used, for the catalogue and for renders."""
    async with database.transaction() as connection:
        known = {"id": id_, "told_at": NOON, "unavailable_reason": "", "parameters": [], "max_text_characters": 0}
        await connection.execute(sa.insert(PROVIDERS).values(**known, text_limits=[], local=local))
        await connection.execute(
            sa.insert(RENDER_PROVIDERS).values(id=id_, max_concurrency=concurrency, local=local, updated_at=NOON)
        )


async def add_scenario(database: Database, id_: str = "scn_a", **values: object) -> int:
    """Adds a public English scenario of the installation, approved. Returns its number."""
    row: dict[str, object] = {
        "id": id_,
        "developer_id": INSTALLATION,
        "name": f"The {id_}",
        "category": "support",
        "description": "",
        "difficulty": "easy",
        "language": "en",
        "ground_truth_transcript": "Your code is 4815.",
        "visibility": "public",
        "archived": False,
        "approved_at": NOON,
        "created_at": NOON,
        "updated_at": NOON,
        **values,
    }
    async with database.transaction() as connection:
        return int((await connection.execute(sa.insert(SCENARIOS).values(row).returning(SCENARIOS.c.seq))).scalar_one())


async def add_render(database: Database, id_: str, model_id: str, scenario_id: str, **values: object) -> None:
    """Adds a render whose speech was requested."""
    row: dict[str, object] = {
        "id": id_,
        "voice_model_id": model_id,
        "scenario_id": scenario_id,
        "number": 0,
        "developer_id": INSTALLATION,
        "traceparent": "a trace",
        "text": "Hello.",
        "evaluation_id": id_,
        "provider": "espeak",
        "voice_id": "en",
        "model_id": "",
        "spoken_language": "",
        "status": "synthesizing",
        "attempts": 1,
        "attempts_before": 0,
        "provider_requests": 0,
        "requested_at": NOON,
        "error_kind": "",
        "error_message": "",
        "created_at": NOON,
        **values,
    }
    async with database.transaction() as connection:
        await connection.execute(sa.insert(RENDERS).values(row))


def battle(id_: str, model_a: tuple[str, int], model_b: tuple[str, int], scenario_seq: int, **values: object) -> Battle:
    """Returns an open battle of the public board on scn_a. A model is its id and its number."""
    plain = Battle(
        id=id_,
        status=BattleStatus.OPEN,
        developer_id=INSTALLATION,
        owner=INSTALLATION,
        private=False,
        scenario_id="scn_a",
        scenario_seq=scenario_seq,
        scenario_name="The scn_a",
        category="support",
        language="en",
        text="Your code is 4815.",
        model_a_id=model_a[0],
        model_a_seq=model_a[1],
        model_b_id=model_b[0],
        model_b_seq=model_b[1],
        created_at=NOON,
        opened_at=NOON,
        drawn=0.5,
        method_version="battle-1",
    )
    return dataclasses.replace(plain, **values)  # type: ignore[arg-type]


def battle_values(of: Battle) -> dict[str, object]:
    """Returns the columns of a battle that are set when it is added."""
    return {field.name: getattr(of, field.name) for field in dataclasses.fields(of) if field.name != "seq"}


async def add_battles(database: Database, *battles: Battle) -> None:
    """Adds battles as they are, without renders."""
    async with database.transaction() as connection:
        for each in battles:
            await connection.execute(sa.insert(BATTLES).values(battle_values(each)))


async def add_voter(database: Database, id_: str) -> int:
    """Adds a voter without votes. Returns their number."""
    async with database.transaction() as connection:
        adding = sa.insert(VOTERS).values(id=id_, votes_cast=0).returning(VOTERS.c.seq)
        return int((await connection.execute(adding)).scalar_one())
