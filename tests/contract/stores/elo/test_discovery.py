"""The voices that tts announces are in the catalogue, and some of them take part in the arena."""

import asyncio
import dataclasses
from collections.abc import Sequence
from datetime import timedelta

from services.elo.catalogue.discovery import Discovery
from services.elo.catalogue.domain import Provider
from services.elo.catalogue.store import Filters, SqlStore
from services.elo.visibility import Approval
from services.runtime.db import Database
from tests.contract.stores.elo.rows import NOON, add_models
from tests.unit.elo.test_resolve import model

ANNOUNCED = ["espeak", "flite"]


async def report(
    discovery: Discovery,
    provider: str,
    voices: Sequence[str],
    *,
    minute: int = 0,
    reason: str = "",
    announced: Sequence[str] = ANNOUNCED,
) -> None:
    """Reports a local provider with English voices."""
    drafts = [dataclasses.replace(model(0, voice, provider=provider), voice_language=f"en-{voice}") for voice in voices]
    reported_at = NOON + timedelta(minutes=minute)
    await discovery.record_provider(
        f"evt_{provider}_{minute}", Provider(provider, reported_at, reason, local=True), drafts, announced
    )


async def in_arena(database: Database) -> list[str]:
    async with database.reading() as connection:
        filters = Filters(reader="", arena_only=True)
        found = await SqlStore().page(connection, filters, Approval(True), after=0, limit=100)
        return sorted(found.voice_id for found in found)


async def test_voices_are_chosen_once_every_provider_has_reported(emptied_schema: Database) -> None:
    discovery = Discovery(emptied_schema, SqlStore(), (), 2)
    await report(discovery, "espeak", ["gb", "us"])
    assert await in_arena(emptied_schema) == []
    await report(discovery, "flite", ["slt"])
    assert await in_arena(emptied_schema) == ["gb", "slt"]


async def test_reports_at_the_same_time_to_two_processes_choose_from_all_voices(emptied_schema: Database) -> None:
    for minute in range(5):
        one, two = (Discovery(emptied_schema, SqlStore(), (), 4) for _ in range(2))
        await asyncio.gather(
            report(one, "espeak", ["gb", "us", f"x{minute}"], minute=minute),
            report(two, "flite", ["rms", "slt"], minute=minute),
        )
        assert await in_arena(emptied_schema) == ["gb", "rms", "slt", "us"]


async def test_voices_are_chosen_again_with_each_report(emptied_schema: Database) -> None:
    discovery = Discovery(emptied_schema, SqlStore(), (), 2)
    await report(discovery, "espeak", ["gb", "us"])
    await report(discovery, "flite", ["slt"])
    # Flite is gone, and comes back.
    await report(discovery, "flite", [], minute=1, reason="it is not installed", announced=["espeak"])
    assert await in_arena(emptied_schema) == ["gb", "us"]
    await report(discovery, "flite", ["slt"], minute=2)
    assert await in_arena(emptied_schema) == ["gb", "slt"]
    # Another process with other settings decides for itself.
    await report(Discovery(emptied_schema, SqlStore(), (), 0), "espeak", ["gb"], minute=3)
    assert await in_arena(emptied_schema) == []


async def test_models_of_developers_stay_in_the_arena(emptied_schema: Database) -> None:
    await add_models(emptied_schema, "mdl_own", owner="dev_a")
    await report(Discovery(emptied_schema, SqlStore(), (), 1), "espeak", ["gb", "us"], announced=["espeak"])
    assert await in_arena(emptied_schema) == ["gb", "mdl_own"]
