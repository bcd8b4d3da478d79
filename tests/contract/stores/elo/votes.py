"""Fills the tables of the arena with votes, simulated or given, without playing battles."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import sqlalchemy as sa

from services.elo.domain import INSTALLATION
from services.elo.ratings import Votes
from services.elo.tables import BATTLE_VOTES, BATTLES, RENDERS, SCENARIOS, VOTERS
from services.runtime.clock import now
from services.runtime.db import Database
from tests.contract.stores.elo.rows import NOON, add_models, battle
from tests.simulated_votes import Arena


@dataclass(frozen=True, slots=True)
class Cast:
    """The models, scenarios and voters that votes were added about."""

    models: Sequence[tuple[str, int]]
    scenarios: Sequence[tuple[str, int]]
    voters: Sequence[tuple[str, int]]


async def add_cast(
    database: Database, models: int, scenarios: int, voters: int, prefix: str = "a", **scenario: object
) -> Cast:
    """Adds models, scenarios and voters."""
    model_ids = [f"mdl_{prefix}{n}" for n in range(models)]
    # Nobody can speak them, so they take part in no further battles.
    numbers = await add_models(database, *model_ids, arena=False)
    async with database.transaction() as connection:
        rows = [_scenario(f"scn_{prefix}{n}", **scenario) for n in range(scenarios)]
        added = await connection.execute(sa.insert(SCENARIOS).returning(SCENARIOS.c.id, SCENARIOS.c.seq), rows)
        found = sorted(((row.id, row.seq) for row in added), key=lambda pair: pair[1])
        people = [{"id": f"usr_{prefix}{n}", "votes_cast": 0} for n in range(voters)]
        voted = await connection.execute(sa.insert(VOTERS).returning(VOTERS.c.id, VOTERS.c.seq), people)
        persons = sorted(((row.id, row.seq) for row in voted), key=lambda pair: pair[1])
    return Cast(list(zip(model_ids, numbers, strict=True)), found, persons)


def _scenario(id_: str, **values: object) -> dict[str, object]:
    return {
        **{"id": id_, "developer_id": INSTALLATION, "name": f"The {id_}", "category": "support", "description": ""},
        **{"difficulty": "easy", "language": "en", "ground_truth_transcript": "Your code is 4815."},
        **{"visibility": "public", "archived": False, "approved_at": NOON, "created_at": NOON, "updated_at": NOON},
        **values,
    }


async def add_votes(
    database: Database,
    cast: Cast,
    votes: Votes,
    *,
    kind: str = "human",
    prefix: str = "a",
    owner: str = INSTALLATION,
    category: str = "support",
    language: str = "en",
    at: datetime | None = None,
    seconds_apart: float = 0.0,
    counted: Sequence[bool] | None = None,
    rated: bool = True,
) -> None:
    """Adds votes, each on a decided battle of its own. Every second vote was heard with the sides swapped.

    `at` is the time of the first. Default: now.
    """
    first_at = at or now()
    battles, rows = [], []
    for n in range(len(votes)):
        a, b = cast.models[votes.a[n]], cast.models[votes.b[n]]
        swapped = kind == "human" and n % 2 == 1
        sides = (b, a) if swapped else (a, b)
        scenario = cast.scenarios[votes.scenario[n]]
        fought = battle(
            f"bat_{_tail(prefix, n)}",
            sides[0],
            sides[1],
            scenario[1],
            scenario_id=scenario[0],
            owner=owner,
            category=category,
            language=language,
            status="decided",
            rated=rated,
        )
        values = {name: getattr(fought, name) for name in fought.__dataclass_fields__ if name != "seq"}
        battles.append(values)
        rows.append(
            {
                **{"id": f"asg_{_tail(prefix, n)}", "kind": kind, "battle_id": fought.id, "owner": owner},
                **{"rated": rated, "counted": True if counted is None else bool(counted[n])},
                **{"voter_seq": cast.voters[votes.voter[n]][1] if kind == "human" else None, "swapped": swapped},
                **{"model_a_seq": a[1], "model_b_seq": b[1], "outcome": int(votes.outcome[n])},
                **{"scenario_seq": scenario[1], "category": category, "language": language},
                **{"change_a": 0.0, "rating_a": 1500.0, "rating_b": 1500.0},
                "cast_at": first_at + timedelta(seconds=seconds_apart * n),
            }
        )
    async with database.transaction() as connection:
        await connection.execute(sa.insert(BATTLES), battles)
        await connection.execute(sa.insert(BATTLE_VOTES), rows)


def _tail(prefix: str, number: int) -> str:
    """Returns the 32 characters of an id."""
    return f"{prefix}{number:0{32 - len(prefix)}x}"


async def add_render(database: Database, id_: str, model_id: str, scenario_id: str, **values: object) -> None:
    """Adds a completed render."""
    row: dict[str, object] = {
        **{"id": id_, "voice_model_id": model_id, "scenario_id": scenario_id, "number": 0, "developer_id": ""},
        **{"traceparent": "", "text": "Your code is 4815.", "evaluation_id": f"evl_{id_}", "created_at": NOON},
        **{"provider": "espeak", "voice_id": model_id, "model_id": "", "spoken_language": "en", "status": "completed"},
        **{"attempts": 1, "attempts_before": 0, "provider_requests": 1, "error_kind": "", "error_message": ""},
        **values,
    }
    async with database.transaction() as connection:
        await connection.execute(sa.insert(RENDERS).values(row))


async def simulated(database: Database, arena: Arena, seed: int = 1) -> tuple[Cast, Votes]:
    """Adds simulated votes of people."""
    random = np.random.default_rng(seed)
    votes = arena.vote(arena.strengths(random), random)
    cast = await add_cast(database, arena.models, arena.scenarios, arena.voters)
    await add_votes(database, cast, votes)
    return cast, votes
