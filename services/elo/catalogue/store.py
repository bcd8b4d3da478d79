"""All queries of the elo service."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.elo.catalogue.domain import Provider, VoiceModel
from services.elo.domain import INSTALLATION
from services.runtime.request_ids import EarlierRequest

METADATA = sa.MetaData()
VOICE_MODELS = sa.Table(
    "voice_models",
    METADATA,
    sa.Column("id", sa.Text),
    sa.Column("seq", sa.BigInteger, sa.Identity(always=True)),
    sa.Column("developer_id", sa.Text),
    sa.Column("request_id", sa.Text),
    sa.Column("request_fingerprint", sa.LargeBinary),
    sa.Column("name", sa.Text),
    sa.Column("provider", sa.Text),
    sa.Column("version", sa.Text),
    sa.Column("voice_id", sa.Text),
    sa.Column("model_id", sa.Text),
    sa.Column("parameters", JSONB),
    sa.Column("rating", sa.Double),
    sa.Column("active", sa.Boolean),
    sa.Column("created_at", sa.DateTime(timezone=True)),
    sa.Column("updated_at", sa.DateTime(timezone=True)),
)
PROVIDERS = sa.Table(
    "providers",
    METADATA,
    sa.Column("id", sa.Text),
    sa.Column("told_at", sa.DateTime(timezone=True)),
    sa.Column("unavailable_reason", sa.Text),
    sa.Column("parameters", ARRAY(sa.Text)),
    sa.Column("max_text_characters", sa.Integer),
    sa.Column("text_limits", JSONB),
)

KNOWN_VOICES = sa.Table(
    "known_voices",
    METADATA,
    sa.Column("provider", sa.Text),
    sa.Column("voice_id", sa.Text),
    sa.Column("language", sa.Text),
)


@dataclass(frozen=True, slots=True)
class Counts:
    """The numbers of models that a developer has."""

    active: int
    registered: int
    """Including archived ones."""


class Store(Protocol):
    """The storage of the catalogue. Each method runs in the transaction of `connection`, if it has one."""

    async def add(
        self, connection: AsyncConnection, model: VoiceModel, request_id: str, fingerprint: bytes | None = None
    ) -> bool:
        """Adds a model. Returns False if the owner has an equal one or has used the request id.

        Equal models have the same provider, voice, model and version.
        """

    async def find_request(
        self, connection: AsyncConnection, developer_id: str, request_id: str
    ) -> EarlierRequest[VoiceModel] | None:
        """Returns the model that an earlier request with this id has created."""

    async def get(self, connection: AsyncConnection, model_id: str, *, lock: bool = False) -> VoiceModel | None:
        """Returns a model, None if it does not exist. With `lock`, locks its row until the transaction ends."""

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
        """Returns up to `limit` models after position `after` in the catalogue. Empty filters match all models."""

    async def candidates(
        self, connection: AsyncConnection, providers: Collection[str], developer_id: str
    ) -> Sequence[VoiceModel]:
        """Returns the active models of these providers that belong to the installation or to this developer.

        Each has the language of its voice.
        """

    async def count(self, connection: AsyncConnection, developer_id: str) -> Counts:
        """Counts the models of a developer. Other transactions that count them wait until this one ends."""

    async def update(self, connection: AsyncConnection, model: VoiceModel) -> bool:
        """Writes the fields of a model. Returns False if it would equal another model of its owner."""

    async def record_voices(self, connection: AsyncConnection, provider: str, languages: Mapping[str, str]) -> None:
        """Adds voices to those that a provider is known to have, each with its language, which is empty if unknown."""

    async def knows_voice(self, connection: AsyncConnection, provider: str, voice_id: str) -> bool:
        """Returns whether a provider is known to have a voice."""

    async def record_provider(self, connection: AsyncConnection, provider: Provider) -> None:
        """Stores a report about a provider, unless a later one is stored."""

    async def providers(self, connection: AsyncConnection) -> Sequence[Provider]:
        """Returns all reported providers, ordered by id."""


def _values(model: VoiceModel) -> dict[str, Any]:
    return {
        "name": model.name,
        "provider": model.provider,
        "version": model.version,
        "voice_id": model.voice_id,
        "model_id": model.model_id,
        "parameters": model.parameters(),
        "rating": model.rating,
        "active": model.active,
        "updated_at": model.updated_at,
    }


def _model(row: sa.Row[Any]) -> VoiceModel:
    return VoiceModel(
        id=row.id,
        developer_id=row.developer_id,
        name=row.name,
        provider=row.provider,
        version=row.version,
        voice_id=row.voice_id,
        model_id=row.model_id,
        speed=row.parameters.get("speed"),
        language=row.parameters.get("language"),
        seed=row.parameters.get("seed"),
        rating=row.rating,
        active=row.active,
        created_at=row.created_at,
        updated_at=row.updated_at,
        seq=row.seq,
    )


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
                request_id=request_id or None,
                request_fingerprint=fingerprint if request_id else None,
                created_at=model.created_at,
                **_values(model),
            )
            .on_conflict_do_nothing()
            .returning(VOICE_MODELS.c.id)
        )
        return result.first() is not None

    async def find_request(
        self, connection: AsyncConnection, developer_id: str, request_id: str
    ) -> EarlierRequest[VoiceModel] | None:
        query = sa.select(VOICE_MODELS).where(
            VOICE_MODELS.c.developer_id == developer_id, VOICE_MODELS.c.request_id == request_id
        )
        row = (await connection.execute(query)).one_or_none()
        return EarlierRequest(_model(row), row.request_fingerprint, row.created_at) if row else None

    async def get(self, connection: AsyncConnection, model_id: str, *, lock: bool = False) -> VoiceModel | None:
        query = sa.select(VOICE_MODELS).where(VOICE_MODELS.c.id == model_id)
        row = (await connection.execute(query.with_for_update() if lock else query)).one_or_none()
        return _model(row) if row else None

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
        query = sa.select(VOICE_MODELS).where(VOICE_MODELS.c.seq > after).order_by(VOICE_MODELS.c.seq).limit(limit)
        if provider:
            query = query.where(VOICE_MODELS.c.provider == provider)
        if active_only:
            query = query.where(VOICE_MODELS.c.active)
        if developer_id:
            query = query.where(VOICE_MODELS.c.developer_id == developer_id)
        return [_model(row) for row in await connection.execute(query)]

    async def candidates(
        self, connection: AsyncConnection, providers: Collection[str], developer_id: str
    ) -> Sequence[VoiceModel]:
        voice = sa.and_(
            KNOWN_VOICES.c.provider == VOICE_MODELS.c.provider, KNOWN_VOICES.c.voice_id == VOICE_MODELS.c.voice_id
        )
        query = (
            sa.select(VOICE_MODELS, KNOWN_VOICES.c.language)
            .outerjoin(KNOWN_VOICES, voice)
            .where(
                VOICE_MODELS.c.provider.in_(providers),
                VOICE_MODELS.c.developer_id.in_([INSTALLATION, developer_id]),
                VOICE_MODELS.c.active,
            )
        )
        rows = await connection.execute(query.order_by(VOICE_MODELS.c.seq))
        return [replace(_model(row), voice_language=row.language or "") for row in rows]

    async def count(self, connection: AsyncConnection, developer_id: str) -> Counts:
        await _lock_owner(connection, developer_id)
        query = sa.select(sa.func.count().filter(VOICE_MODELS.c.active), sa.func.count()).where(
            VOICE_MODELS.c.developer_id == developer_id
        )
        active, registered = (await connection.execute(query)).one()
        return Counts(active, registered)

    async def update(self, connection: AsyncConnection, model: VoiceModel) -> bool:
        others = VOICE_MODELS.alias()
        same = (
            sa.select(others.c.id)
            .where(
                others.c.id != model.id,
                others.c.developer_id == model.developer_id,
                others.c.provider == model.provider,
                others.c.voice_id == model.voice_id,
                others.c.model_id == model.model_id,
                others.c.version == model.version,
            )
            .exists()
        )
        # Simultaneous updates of one owner must not both pass the check for an equal model.
        await _lock_owner(connection, model.developer_id)
        result = await connection.execute(
            sa.update(VOICE_MODELS)
            .where(VOICE_MODELS.c.id == model.id, ~same)
            .values(_values(model))
            .returning(VOICE_MODELS.c.id)
        )
        return result.first() is not None

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
            )
            for row in rows
        ]


async def _lock_owner(connection: AsyncConnection, developer_id: str) -> None:
    await connection.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtext(developer_id))))
