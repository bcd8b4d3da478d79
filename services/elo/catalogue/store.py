"""The queries of the catalogue."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.elo.catalogue.domain import Provider, VoiceModel
from services.elo.catalogue.rows import SELECT_MODELS, model_from, model_values
from services.elo.catalogue.tables import KNOWN_VOICES, PROVIDERS, VOICE_MODELS
from services.elo.domain import INSTALLATION, ModelKind
from services.elo.quota import Counts
from services.elo.visibility import Approval, visible_to
from services.runtime.named_locks import lock_name
from services.runtime.request_ids import EarlierRequest

_M = VOICE_MODELS.c


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Which models a list has."""

    reader: str
    """The developer who reads. Private models of others are left out."""
    provider: str = ""
    """One provider, all if empty."""
    active_only: bool = False
    developer_id: str = ""
    """One owner, all if empty."""
    kind: ModelKind | None = None
    arena_only: bool = False
    awaiting_approval: bool = False


class Store(Protocol):
    """The storage of the catalogue. Each method runs in the transaction of `connection`, if it has one."""

    async def add(
        self, connection: AsyncConnection, model: VoiceModel, request_id: str, fingerprint: bytes | None = None
    ) -> bool:
        """Adds a model. Returns False if the owner has an equal one or has used the request id.

        Equal models have the same provider, voice, model and version. Equal recorded models have the same name and
        version.
        """

    async def find_request(
        self, connection: AsyncConnection, developer_id: str, request_id: str
    ) -> EarlierRequest[VoiceModel] | None:
        """Returns the model that an earlier request with this id has created."""

    async def get(self, connection: AsyncConnection, model_id: str, *, lock: bool = False) -> VoiceModel | None:
        """Returns a model, None if it does not exist. With `lock`, locks its row until the transaction ends."""

    async def page(
        self, connection: AsyncConnection, filters: Filters, approval: Approval, *, after: int, limit: int
    ) -> Sequence[VoiceModel]:
        """Returns up to `limit` models after position `after` in the catalogue."""

    async def candidates(
        self, connection: AsyncConnection, providers: Collection[str], developer_id: str
    ) -> Sequence[VoiceModel]:
        """Returns the active models of these providers that belong to the installation or to this developer."""

    async def count(self, connection: AsyncConnection, developer_id: str) -> Counts:
        """Counts the models of a developer. Other transactions that count them wait until this one ends."""

    async def update(self, connection: AsyncConnection, model: VoiceModel) -> bool:
        """Writes the fields of a model. Returns False if it would equal another model of its owner."""

    async def installed(self, connection: AsyncConnection) -> Sequence[VoiceModel]:
        """Returns the active models of the installation, in the order of the catalogue.

        Other transactions that read them like this wait until this one ends.
        """

    async def choose_for_arena(self, connection: AsyncConnection, chosen: Collection[str]) -> None:
        """Lets these models of the installation take part in the arena, and its others not."""

    async def record_voices(self, connection: AsyncConnection, provider: str, languages: Mapping[str, str]) -> None:
        """Adds voices to those that a provider is known to have, each with its language, which is empty if unknown."""

    async def knows_voice(self, connection: AsyncConnection, provider: str, voice_id: str) -> bool:
        """Returns whether a provider is known to have a voice."""

    async def record_provider(self, connection: AsyncConnection, provider: Provider) -> None:
        """Stores a report about a provider, unless a later one is stored."""

    async def providers(self, connection: AsyncConnection) -> Sequence[Provider]:
        """Returns all reported providers, ordered by id."""


class SqlStore:
    """The store over PostgreSQL."""

    async def add(
        self, connection: AsyncConnection, model: VoiceModel, request_id: str, fingerprint: bytes | None = None
    ) -> bool:
        result = await connection.execute(
            insert(VOICE_MODELS)
            .values(
                id=model.id,
                developer_id=model.developer_id,
                kind=model.kind,
                request_id=request_id or None,
                request_fingerprint=fingerprint if request_id else None,
                created_at=model.created_at,
                **model_values(model),
            )
            .on_conflict_do_nothing()
            .returning(_M.id)
        )
        return result.first() is not None

    async def find_request(
        self, connection: AsyncConnection, developer_id: str, request_id: str
    ) -> EarlierRequest[VoiceModel] | None:
        query = SELECT_MODELS.where(_M.developer_id == developer_id, _M.request_id == request_id)
        row = (await connection.execute(query)).one_or_none()
        return EarlierRequest(model_from(row), row.request_fingerprint, row.created_at) if row else None

    async def get(self, connection: AsyncConnection, model_id: str, *, lock: bool = False) -> VoiceModel | None:
        query = SELECT_MODELS.where(_M.id == model_id)
        locked = query.with_for_update(of=VOICE_MODELS)
        row = (await connection.execute(locked if lock else query)).one_or_none()
        return model_from(row) if row else None

    async def page(
        self, connection: AsyncConnection, filters: Filters, approval: Approval, *, after: int, limit: int
    ) -> Sequence[VoiceModel]:
        query = SELECT_MODELS.where(_M.seq > after, visible_to(VOICE_MODELS, filters.reader))
        if filters.provider:
            query = query.where(_M.provider == filters.provider)
        if filters.active_only:
            query = query.where(_M.active)
        if filters.developer_id:
            query = query.where(_M.developer_id == filters.developer_id)
        if filters.kind:
            query = query.where(_M.kind == filters.kind)
        if filters.arena_only:
            query = query.where(_M.arena)
        if filters.awaiting_approval:
            query = query.where(approval.awaiting(VOICE_MODELS))
        return [model_from(row) for row in await connection.execute(query.order_by(_M.seq).limit(limit))]

    async def candidates(
        self, connection: AsyncConnection, providers: Collection[str], developer_id: str
    ) -> Sequence[VoiceModel]:
        query = SELECT_MODELS.where(
            _M.kind == ModelKind.TTS,
            _M.provider.in_(providers),
            _M.developer_id.in_([INSTALLATION, developer_id]),
            _M.active,
        )
        return [model_from(row) for row in await connection.execute(query.order_by(_M.seq))]

    async def count(self, connection: AsyncConnection, developer_id: str) -> Counts:
        await lock_name(connection, f"voice models of {developer_id}")
        query = sa.select(sa.func.count().filter(_M.active), sa.func.count()).where(_M.developer_id == developer_id)
        active, registered = (await connection.execute(query)).one()
        return Counts(active, registered)

    async def update(self, connection: AsyncConnection, model: VoiceModel) -> bool:
        others = VOICE_MODELS.alias()
        recorded = model.kind is ModelKind.RECORDED
        named = others.c.name == model.name
        spoken = sa.and_(
            others.c.provider == model.provider,
            others.c.voice_id == model.voice_id,
            others.c.model_id == model.model_id,
        )
        same = (
            sa.select(others.c.id)
            .where(
                others.c.id != model.id,
                others.c.developer_id == model.developer_id,
                others.c.kind == model.kind,
                others.c.version == model.version,
                named if recorded else spoken,
            )
            .exists()
        )
        # Simultaneous updates of one owner must not both pass the check for an equal model.
        await lock_name(connection, f"voice models of {model.developer_id}")
        result = await connection.execute(
            sa.update(VOICE_MODELS).where(_M.id == model.id, ~same).values(model_values(model)).returning(_M.id)
        )
        return result.first() is not None

    async def installed(self, connection: AsyncConnection) -> Sequence[VoiceModel]:
        await lock_name(connection, f"voice models of {INSTALLATION}")
        query = SELECT_MODELS.where(_M.developer_id == INSTALLATION, _M.active)
        return [model_from(row) for row in await connection.execute(query.order_by(_M.seq))]

    async def choose_for_arena(self, connection: AsyncConnection, chosen: Collection[str]) -> None:
        takes_part = _M.id.in_(chosen)
        changing = sa.update(VOICE_MODELS).where(_M.developer_id == INSTALLATION, _M.arena != takes_part)
        await connection.execute(changing.values(arena=takes_part))

    async def record_voices(self, connection: AsyncConnection, provider: str, languages: Mapping[str, str]) -> None:
        if languages:
            adding = insert(KNOWN_VOICES).values(
                [
                    {"provider": provider, "voice_id": voice_id, "language": language}
                    for voice_id, language in languages.items()
                ]
            )
            await connection.execute(
                adding.on_conflict_do_update(
                    index_elements=["provider", "voice_id"], set_={"language": adding.excluded.language}
                )
            )

    async def knows_voice(self, connection: AsyncConnection, provider: str, voice_id: str) -> bool:
        query = sa.select(KNOWN_VOICES).where(KNOWN_VOICES.c.provider == provider, KNOWN_VOICES.c.voice_id == voice_id)
        return (await connection.execute(query)).first() is not None

    async def record_provider(self, connection: AsyncConnection, provider: Provider) -> None:
        adding = insert(PROVIDERS).values(
            id=provider.id,
            told_at=provider.reported_at,
            unavailable_reason=provider.unavailable_reason,
            parameters=list(provider.parameters),
            max_text_characters=provider.max_text_characters,
            text_limits=[list(limit) for limit in provider.text_limits],
            local=provider.local,
        )
        changed = {column.name: adding.excluded[column.name] for column in PROVIDERS.c if column.name != "id"}
        await connection.execute(
            adding.on_conflict_do_update(
                index_elements=["id"], set_=changed, where=PROVIDERS.c.told_at < adding.excluded.told_at
            )
        )

    async def providers(self, connection: AsyncConnection) -> Sequence[Provider]:
        rows = await connection.execute(sa.select(PROVIDERS).order_by(PROVIDERS.c.id))
        return [
            Provider(
                row.id,
                row.told_at,
                row.unavailable_reason,
                tuple(row.parameters),
                row.max_text_characters,
                tuple((begin, longest) for begin, longest in row.text_limits),
                row.local,
            )
            for row in rows
        ]
