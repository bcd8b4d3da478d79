"""The elo service's store in memory."""

import dataclasses
from collections.abc import Collection, Iterator, Mapping, Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from services.elo.catalogue.domain import Provider, VoiceModel
from services.elo.catalogue.store import Filters
from services.elo.domain import INSTALLATION, ModelKind
from services.elo.quota import Counts
from services.elo.visibility import Approval, is_visible
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
        model = await self.get(connection, model_id)
        return EarlierRequest(model, fingerprint, model.created_at) if model else None

    async def get(self, connection: AsyncConnection, model_id: str, *, lock: bool = False) -> VoiceModel | None:
        return next((model for model in _models(connection) if model.id == model_id), None)

    async def page(
        self, connection: AsyncConnection, filters: Filters, approval: Approval, *, after: int, limit: int
    ) -> Sequence[VoiceModel]:
        return [
            model
            for model in _models(connection)
            if model.seq > after
            and is_visible(model, filters.reader)
            and filters.provider in ("", model.provider)
            and filters.developer_id in ("", model.developer_id)
            and filters.kind in (None, model.kind)
            and (model.active or not filters.active_only)
            and (model.arena or not filters.arena_only)
            and (approval.awaited_by(model) or not filters.awaiting_approval)
        ][:limit]

    async def candidates(
        self, connection: AsyncConnection, providers: Collection[str], developer_id: str
    ) -> Sequence[VoiceModel]:
        return [
            model
            for model in _models(connection)
            if model.provider in providers
            and model.kind is ModelKind.TTS
            and model.developer_id in (INSTALLATION, developer_id)
            and model.active
        ]

    async def count(self, connection: AsyncConnection, developer_id: str) -> Counts:
        own = [m for m in table(connection, "voice_models").values() if m.developer_id == developer_id]
        return Counts(sum(model.active for model in own), len(own))

    async def update(self, connection: AsyncConnection, model: VoiceModel) -> bool:
        models = table(connection, "voice_models")
        stored = models.get(model.id)
        if stored is None or any(_same(model, other) for other in models.values() if other.id != model.id):
            return False
        # The others do not change.
        kept = ("developer_id", "kind", "created_at", "first_battle_at", "seq")
        models[model.id] = dataclasses.replace(
            model, voice_language="", **{name: getattr(stored, name) for name in kept}
        )
        return True

    async def installed(self, connection: AsyncConnection) -> Sequence[VoiceModel]:
        return [model for model in _models(connection) if model.developer_id == INSTALLATION and model.active]

    async def choose_for_arena(self, connection: AsyncConnection, chosen: Collection[str]) -> None:
        models = table(connection, "voice_models")
        for id_, model in models.items():
            if model.developer_id == INSTALLATION:
                models[id_] = dataclasses.replace(model, arena=id_ in chosen)

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


def _models(connection: AsyncConnection) -> Iterator[VoiceModel]:
    """Yields all models with the languages of their voices."""
    languages = table(connection, "known_voices")
    for model in table(connection, "voice_models").values():
        yield dataclasses.replace(model, voice_language=languages.get((model.provider, model.voice_id), ""))


def _same(a: VoiceModel, b: VoiceModel) -> bool:
    voice = ("name",) if a.kind is ModelKind.RECORDED else ("provider", "voice_id", "model_id")
    return all(getattr(a, name) == getattr(b, name) for name in ("developer_id", "kind", "version", *voice))
