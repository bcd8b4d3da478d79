"""A mesh with the page and something to see on every screen: boards, a battle, an experiment, an evaluation."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psycopg
import sqlalchemy as sa

from deploy.local.mesh import Mesh
from services.elo.catalogue.tables import VOICE_MODELS
from services.elo.tables import BATTLES_CHANGED, RENDERS
from services.runtime.clock import now
from services.runtime.db import Database
from tests.browser.screens import DIST
from tests.contract.stores.elo.votes import Cast, add_cast, add_votes
from tests.experiments import api_client, ended, plan, started, trials
from tests.listening import followed
from tests.mesh import OPERATOR_ID, Developer, mesh_settings, register
from tests.simulated_votes import Arena as SimulatedArena

CATEGORY = "hotel"
"""The category of the battles that people vote on. Their text is short, so that hearing both clips takes seconds."""
TEXTS = ("Your room is 204.", "Breakfast is at 7.", "The pool is on floor 9.")
SPOKEN = "Your order of twelve books will arrive on Monday the third."
VOICES = ("Aurora", "Basalt", "Cedar", "Delta", "Ember", "Fjord", "Garnet", "Harbor", "Iris", "Juniper")
PROVIDERS = ("northwind", "contoso", "fabrikam")
DAYS = 12
BATTLES = 4
GROUPS = 3
SETTING = SimulatedArena(models=len(VOICES), scenarios=10 * GROUPS, voters=20 * GROUPS, votes=900)
READY_SECONDS = 90.0
LOOK_AGAIN_SECONDS = 0.1

SERVICE_ENV: Mapping[str, Mapping[str, str]] = {
    # All people of the tests have one address.
    "auth": {"MAX_VOTERS_PER_ADDRESS": "1000000", "MAX_REGISTRATIONS_PER_ADDRESS": "1000000"},
    "elo": {
        "OPERATORS": OPERATOR_ID,
        "MAX_COUNTED_VOTERS_PER_ADDRESS": "0",
        "CONTROL_SHARE": "0",
        # A pool of battles in every category would slow the tests down. They have battles of their own.
        "BATTLE_POOL": "0",
        "ARENA_VOICES": "3",
        "RENDERS_PER_SCENARIO": "1",
    },
    "experiments": {"WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8,::1/128"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Arena:
    """What there is to see."""

    mesh: Mesh
    developer: Developer
    model_id: str
    experiment_id: str
    """An experiment with its verdict."""
    evaluation_id: str
    """An evaluation with every step that this machine has, and a telephone twin."""
    listening_id: str
    """An experiment on which people can vote."""
    listening_token: str

    @property
    def addresses(self) -> Mapping[str, str]:
        """The addresses of screens whose path alone shows nothing."""
        return {
            "/models/:id": f"/models/{self.model_id}",
            "/evaluations/:id": f"/evaluations/{self.evaluation_id}",
            "/experiments/:id": f"/experiments/{self.experiment_id}",
            "/listen": f"/listen#{self.listening_token}",
        }


async def make_void(database_url: str, text: str) -> None:
    """Makes the open battles with a text void, as if a side could not be made."""
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
        await connection.execute(
            "WITH ended AS (UPDATE elo.battles SET status = 'void', void_reason = 'A voice did not answer.',"
            " render_a_id = NULL, render_b_id = NULL WHERE status = 'open' AND text = %s RETURNING id)"
            " SELECT pg_notify(%s, id) FROM ended",
            [text, BATTLES_CHANGED],
        )


@asynccontextmanager
async def running_arena(directory: Path) -> AsyncIterator[Arena]:
    """Runs a mesh with data in a directory. The page must have been built."""
    assert (DIST / "index.html").exists(), "the page is not built: run `make page`"
    async with Mesh(mesh_settings(directory), service_env=SERVICE_ENV) as mesh:
        developer = await register(mesh)
        async with api_client(mesh, developer.api_key) as http:
            model_id, (experiment_id, evaluation_id), listening, _ = await asyncio.gather(
                _votes(mesh), _experiment(http), _listening_experiment(http), _battles(mesh, http)
            )
            await _wait_for_board(http)
        yield Arena(
            mesh=mesh,
            developer=developer,
            model_id=model_id,
            experiment_id=experiment_id,
            evaluation_id=evaluation_id,
            listening_id=listening[0],
            listening_token=listening[1],
        )


async def _votes(mesh: Mesh) -> str:
    """Adds models with names, their votes over some days, and their recordings. Returns the id of a model."""
    random = np.random.default_rng(7)
    strengths = SETTING.strengths(random)
    votes = SETTING.vote(strengths, random)
    measured = SETTING.vote(strengths, random)
    first, apart = now() - timedelta(days=DAYS), DAYS * 86_400 / SETTING.votes
    database = await Database.connect(mesh.database_url, "elo", pool_size=1)
    try:
        cast = await _cast(database)
        await _name_models(database, cast)
        await add_votes(database, cast, votes, prefix="aa", at=first, seconds_apart=apart)
        await add_votes(database, cast, measured, kind="metrics", prefix="bb", at=first, seconds_apart=apart)
        await _add_renders(database, cast, strengths, random)
    finally:
        await database.close()
    return cast.models[0][0]


async def _cast(database: Database) -> Cast:
    """Adds models, scenarios and voters. With the number of one of ten, a prefix is the 32 digits of an id."""
    groups = [
        await add_cast(database, SETTING.models if n == 0 else 0, 10, SETTING.voters // GROUPS, prefix=f"5eed{n:027x}")
        for n in range(GROUPS)
    ]
    scenarios = [scenario for group in groups for scenario in group.scenarios]
    return Cast(groups[0].models, scenarios, [voter for group in groups for voter in group.voters])


async def _name_models(database: Database, cast: Cast) -> None:
    """Gives models names and providers. They take part in no further battles, because nobody can speak them."""
    async with database.transaction() as connection:
        for number, ((id_, _), name) in enumerate(zip(cast.models, VOICES, strict=True)):
            values = {"name": name, "provider": PROVIDERS[number % len(PROVIDERS)], "voice_id": name.lower()}
            named = sa.update(VOICE_MODELS).where(VOICE_MODELS.c.id == id_)
            await connection.execute(named.values(**values, arena=False))


async def _add_renders(database: Database, cast: Cast, strengths: Any, random: np.random.Generator) -> None:
    """Adds measured recordings of each model on each scenario."""
    moment = now()
    rows = []
    for (model_id, _), strength in zip(cast.models, strengths, strict=True):
        for number, (scenario_id, _) in enumerate(cast.scenarios):
            noise = random.normal(0, 0.05, 6)
            id_ = f"rnd_{model_id[4:]}_{number}"
            rows.append(
                {
                    **{"id": id_, "voice_model_id": model_id, "scenario_id": scenario_id, "number": 0},
                    **{"developer_id": "", "traceparent": "", "text": TEXTS[0], "evaluation_id": f"evl_{id_[4:]}"},
                    **{"created_at": moment, "ended_at": moment, "provider": "northwind", "voice_id": model_id},
                    **{"model_id": "", "spoken_language": "en", "status": "completed", "attempts": 1},
                    **{"attempts_before": 0, "provider_requests": 1, "error_kind": "", "error_message": ""},
                    "audio_name": id_,
                    "duration_seconds": 3 + noise[0],
                    "ttfb_ms": 180 - 60 * strength + 200 * noise[1],
                    "ttfa_ms": 220 - 60 * strength + 200 * noise[1],
                    "naturalness_mos": 3.6 + 0.5 * strength + noise[2],
                    "word_error_rate": max(0.0, 0.05 - 0.04 * strength + 0.3 * noise[3]),
                    "prosody_score": 0.7 + 0.1 * strength + noise[4],
                    "signal_quality_mos": 3.5 + 0.3 * strength + noise[5],
                    "semascore": 0.9 + 0.05 * strength,
                }
            )
    async with database.transaction() as connection:
        await connection.execute(sa.insert(RENDERS), rows)


async def _experiment(http: httpx.AsyncClient) -> tuple[str, str]:
    """Runs an experiment to its verdict, and evaluates one of its recordings. Returns both ids."""
    voices = [("espeak", "en-us"), ("espeak", "en-gb"), ("espeak", "en-us+f2")]
    id_ = await started(http, plan(voices, [SPOKEN, "How can I help you today?"], name="Voices for the front desk"))
    await ended(http, id_)
    return id_, await _evaluation(http, id_)


async def _listening_experiment(http: httpx.AsyncClient) -> tuple[str, str]:
    """Runs an experiment until people can vote. Returns its id and the token of a listening link."""
    voices = [("espeak", "en-us"), ("espeak", "en-gb+f2")]
    planned = plan(
        voices, [TEXTS[0], "Thank you."], name="Which greeting is clearer?", eval_mode="human", votes_per_pair=100
    )
    id_ = await started(http, planned)
    link = (await http.post(f"/experiments/{id_}/listening-links", json={})).raise_for_status().json()
    async with httpx.AsyncClient(
        base_url=str(http.base_url).removesuffix("/api/v1/"), headers=http.headers, timeout=READY_SECONDS
    ) as root:
        await followed(root, id_, until_open=True)
    return id_, str(link["token"])


async def _evaluation(http: httpx.AsyncClient, experiment_id: str) -> str:
    """Evaluates a trial's recording with all steps, and over the telephone."""
    heard = next(one for one in await trials(http, experiment_id) if one["prompt_text"] == SPOKEN)
    request = {"audio_name": f"{heard['id']}.wav", "reference_text": SPOKEN, "conditions": ["telephone"]}
    id_ = str((await http.post("/evaluations", json=request)).raise_for_status().json()["id"])
    async with asyncio.timeout(READY_SECONDS):
        while (await http.get(f"/evaluations/{id_}")).json()["status"] not in ("completed", "failed"):  # noqa: ASYNC110
            await asyncio.sleep(LOOK_AGAIN_SECONDS)
    return id_


async def _wait_for_board(http: httpx.AsyncClient) -> None:
    """Waits until the boards of people and of metrics have all models."""
    async with asyncio.timeout(READY_SECONDS):
        for board in ("human", "metrics"):
            while len((await http.get("/leaderboard", params={"board": board})).json()["rows"]) < len(VOICES):  # noqa: ASYNC110
                await asyncio.sleep(LOOK_AGAIN_SECONDS)


async def _battles(mesh: Mesh, http: httpx.AsyncClient) -> None:
    """Adds battles that people can vote on, each with a text of a second."""
    for text in TEXTS:
        scenario = {"name": text, "category": CATEGORY, "ground_truth_transcript": text, "language": "en"}
        request = {**scenario, "description": "", "difficulty": "easy", "visibility": "public"}
        (await http.post("/scenarios", json=request)).raise_for_status()
    async with await psycopg.AsyncConnection.connect(mesh.database_url, autocommit=True) as connection:
        await connection.execute("UPDATE elo.scenarios SET approved_at = now() WHERE category = %s", [CATEGORY])
    await add_battles(http, BATTLES)


async def add_battles(http: httpx.AsyncClient, count: int) -> None:
    """Adds public battles, and waits until all of them are open."""
    made = [
        (await http.post("/battles", json={"category": CATEGORY})).raise_for_status().json()["id"] for _ in range(count)
    ]
    async with asyncio.timeout(READY_SECONDS):
        for id_ in made:
            while (await http.get(f"/battles/{id_}")).json()["status"] == "preparing":  # noqa: ASYNC110
                await asyncio.sleep(LOOK_AGAIN_SECONDS)
