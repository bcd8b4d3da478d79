"""The elo service's store in memory."""

import dataclasses
from collections.abc import Collection, Mapping, Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from services.elo.catalogue.domain import Provider, VoiceModel
from services.elo.catalogue.store import Counts
from services.elo.domain import INSTALLATION
from services.runtime.request_ids import EarlierRequest
from tests.fakes.memory_database import table


class MemoryEloStore:
    """Implements `services.elo.catalogue.store.Store` over a MemoryDatabase."""

    async def add(
        self, connection: AsyncConnection, model: VoiceModel, request_id: str, fingerprint: bytes | None = None
    ) -> bool:
        models, requests = table(connection, "voice_models"), table(connection, "requests")
        request = (model.developer_id, request_id)
        if any(_same(model, other) for other in models.values()) or (request_id and request in requests):
            return False
        models[model.id] = dataclasses.replace(model, seq=len(models) + 1, voice_language="")
        if request_id:
            requests[request] = model.id, fingerprint
        return True

    async def find_request(
        self, connection: AsyncConnection, developer_id: str, request_id: str
    ) -> EarlierRequest[VoiceModel] | None:
        model_id, fingerprint = table(connection, "requests").get((developer_id, request_id), ("", None))
        model = table(connection, "voice_models").get(model_id)
        return EarlierRequest(model, fingerprint, model.created_at) if model else None

    async def get(self, connection: AsyncConnection, model_id: str, *, lock: bool = False) -> VoiceModel | None:
        return table(connection, "voice_models").get(model_id)

    async def page(
        self,
        connection: AsyncConnection,
        *,
        provider: str,
        active_only: bool,
        developer_id: str,
        after: int,
        limit: int,
    ) -> Sequence[VoiceModel]:
        return [
            model
            for model in table(connection, "voice_models").values()
            if model.seq > after
            and provider in ("", model.provider)
            and developer_id in ("", model.developer_id)
            and (model.active or not active_only)
        ][:limit]

    async def candidates(
        self, connection: AsyncConnection, providers: Collection[str], developer_id: str
    ) -> Sequence[VoiceModel]:
        languages = table(connection, "known_voices")
        return [
            dataclasses.replace(model, voice_language=languages.get((model.provider, model.voice_id), ""))
            for model in table(connection, "voice_models").values()
            if model.provider in providers and model.developer_id in (INSTALLATION, developer_id) and model.active
        ]

    async def count(self, connection: AsyncConnection, developer_id: str) -> Counts:
        own = [m for m in table(connection, "voice_models").values() if m.developer_id == developer_id]
        return Counts(sum(model.active for model in own), len(own))

    async def update(self, connection: AsyncConnection, model: VoiceModel) -> bool:
        models = table(connection, "voice_models")
        stored = models.get(model.id)
        if stored is None or any(_same(model, other) for other in models.values() if other.id != model.id):
            return False
        # The developer, the time of registration and the position do not change.
        models[model.id] = dataclasses.replace(
            model, developer_id=stored.developer_id, created_at=stored.created_at, seq=stored.seq
        )
        return True

    async def record_voices(self, connection: AsyncConnection, provider: str, languages: Mapping[str, str]) -> None:
        table(connection, "known_voices").update({(provider, voice): language for voice, language in languages.items()})

    async def knows_voice(self, connection: AsyncConnection, provider: str, voice_id: str) -> bool:
        return (provider, voice_id) in table(connection, "known_voices")

    async def record_provider(self, connection: AsyncConnection, provider: Provider) -> None:
        known = table(connection, "providers")
        if provider.id not in known or known[provider.id].reported_at < provider.reported_at:
            known[provider.id] = provider

    async def providers(self, connection: AsyncConnection) -> Sequence[Provider]:
        return sorted(table(connection, "providers").values(), key=lambda provider: provider.id)


def _same(a: VoiceModel, b: VoiceModel) -> bool:
    key = ("developer_id", "provider", "voice_id", "model_id", "version")
    return all(getattr(a, name) == getattr(b, name) for name in key)
