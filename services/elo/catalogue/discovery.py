"""Adds the voices that tts announces to the catalogue, and chooses those that take part in the arena."""

import dataclasses
from collections.abc import Collection, Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from services.elo.catalogue import facts
from services.elo.catalogue.arena_voices import arena_voices
from services.elo.catalogue.domain import Provider, VoiceModel
from services.elo.catalogue.store import Store
from services.elo.domain import INSTALLATION
from services.runtime import ids, inbox, outbox
from services.runtime.clock import now
from services.runtime.db import Database
from services.runtime.errors import Unavailable

CONSUMER = "elo"


class Discovery:
    """The use cases over one database."""

    def __init__(self, database: Database, store: Store, arena_providers: Collection[str], arena_voices: int) -> None:
        """`arena_providers` and `arena_voices` say which voices take part in the arena, see `arena_voices`."""
        self._database = database
        self._store = store
        self._arena_providers = arena_providers
        self._arena_voices = arena_voices
        # The providers that tts announces, as last received by this process.
        self._announced: frozenset[str] = frozenset()

    async def record_provider(
        self, event_id: str, provider: Provider, drafts: Sequence[VoiceModel], announced_providers: Sequence[str]
    ) -> None:
        """Stores a report about a provider, and adds its new voices to the catalogue as models of the installation.

        `announced_providers` are the ids of all providers that tts announces. The catalogue is complete once it has a
        report about each of them. From then on, each report chooses the voices of the arena again.
        """
        moment = now()
        self._announced = frozenset(announced_providers)
        async with self._database.transaction() as connection:
            if not await inbox.first_time(connection, CONSUMER, event_id):
                return
            await self._store.record_provider(connection, provider)
            await self._store.record_voices(
                connection, provider.id, {draft.voice_id: draft.voice_language for draft in drafts}
            )
            for draft in drafts:
                model = dataclasses.replace(
                    draft,
                    id=ids.new_id("mdl"),
                    developer_id=INSTALLATION,
                    active=True,
                    created_at=moment,
                    updated_at=moment,
                )
                if await self._store.add(connection, model, ""):
                    await outbox.add(connection, facts.voice_model_registered(model))
            await self._choose_for_arena(connection)

    async def _choose_for_arena(self, connection: AsyncConnection) -> None:
        # The models come first, because reading them waits for reports about other providers.
        models = await self._store.installed(connection)
        providers = {provider.id: provider for provider in await self._store.providers(connection)}
        if self._announced.issubset(providers):
            chosen = arena_voices(models, providers, self._arena_providers, self._arena_voices)
            await self._store.choose_for_arena(connection, chosen)

    async def check_complete(self) -> None:
        """Raises Unavailable until the catalogue has a report about each provider that tts announces."""
        async with self._database.reading() as connection:
            known = {provider.id for provider in await self._store.providers(connection)}
        if not known or not self._announced.issubset(known):
            raise Unavailable("The catalogue is incomplete: tts has not announced all its voices yet")
