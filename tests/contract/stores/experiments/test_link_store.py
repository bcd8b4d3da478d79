"""The suite for the stores of listening links."""

import dataclasses
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from services.experiments.domain import EvalMode
from services.experiments.listening.domain import Link
from services.experiments.listening.store import LinkStore, SqlLinkStore
from services.runtime.db import Database
from services.runtime.request_ids import EarlierRequest
from tests.contract.stores.experiments.rows import add, experiment
from tests.contract.stores.experiments.stores import ExperimentStores

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


async def add_experiment(database: Database, id_: str = "exp_a") -> None:
    await add(database, ExperimentStores(database).experiments, experiment(id_, eval_mode=EvalMode.HUMAN))


def link(id_: str = "lnk_a", *, minutes: int = 0, of: str = "exp_a") -> Link:
    return Link(
        id=id_,
        experiment_id=of,
        developer_id="dev_a",
        expires_at=NOON + timedelta(days=1),
        created_at=NOON + minutes * MINUTE,
    )


async def test_links_are_listed_newest_first(database: Database, links: LinkStore) -> None:
    await add_experiment(database)
    await add_experiment(database, "exp_b")
    async with database.transaction() as connection:
        for each in (link("lnk_a"), link("lnk_c", minutes=1), link("lnk_b", minutes=1), link("lnk_d", of="exp_b")):
            assert await links.add(connection, each, "")
    async with database.reading() as connection:
        found = await links.page(connection, "exp_a")
        assert found == [link("lnk_c", minutes=1), link("lnk_b", minutes=1), link("lnk_a")]
        assert await links.page(connection, "exp_a", limit=1) == found[:1]
        assert await links.page(connection, "exp_a", after=(NOON + MINUTE, "lnk_c")) == found[1:]
        assert await links.get(connection, "lnk_d") == link("lnk_d", of="exp_b")
        assert await links.get(connection, "lnk_x") is None


async def test_a_request_id_creates_one_link_per_experiment(database: Database, links: LinkStore) -> None:
    await add_experiment(database)
    await add_experiment(database, "exp_b")
    async with database.transaction() as connection:
        assert await links.add(connection, link(), "once", b"fingerprint")
        assert not await links.add(connection, link("lnk_b"), "once")
        assert await links.add(connection, link("lnk_c", of="exp_b"), "once")
    async with database.reading() as connection:
        assert await links.of_request(connection, "exp_a", "once") == EarlierRequest(
            link(), b"fingerprint", link().created_at
        )
        assert await links.of_request(connection, "exp_a", "twice") is None
        assert len(await links.page(connection, "exp_a")) == 1


async def test_a_link_is_revoked_once(database: Database, links: LinkStore) -> None:
    await add_experiment(database)
    async with database.transaction() as connection:
        await links.add(connection, link(), "")
        revoked = dataclasses.replace(link(), revoked_at=NOON + MINUTE)
        assert await links.revoke(connection, "lnk_a", NOON + MINUTE) == revoked
        assert await links.revoke(connection, "lnk_a", NOON + 2 * MINUTE) == revoked
        assert await links.revoke(connection, "lnk_x", NOON) is None


async def test_links_are_deleted_with_their_experiment(emptied_schema: Database) -> None:
    await add_experiment(emptied_schema)
    async with emptied_schema.transaction() as connection:
        await SqlLinkStore().add(connection, link(), "")
        await connection.execute(sa.text("DELETE FROM experiments"))
        assert await SqlLinkStore().get(connection, "lnk_a") is None
