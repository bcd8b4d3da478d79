"""All database queries of the auth service."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth.domain import ApiKey, Developer
from services.runtime.identity import in_order
from services.runtime.request_ids import EarlierRequest

METADATA = sa.MetaData()
DEVELOPERS = sa.Table(
    "developers",
    METADATA,
    sa.Column("id", sa.Text),
    sa.Column("name", sa.Text),
    sa.Column("email", sa.Text),
    sa.Column("created_at", sa.DateTime(timezone=True)),
    sa.Column("registration", sa.LargeBinary),
    sa.Column("registration_fingerprint", sa.LargeBinary),
)
API_KEYS = sa.Table(
    "api_keys",
    METADATA,
    sa.Column("id", sa.Text),
    sa.Column("developer_id", sa.Text),
    sa.Column("name", sa.Text),
    sa.Column("prefix", sa.Text),
    sa.Column("key_hash", sa.LargeBinary),
    sa.Column("created_at", sa.DateTime(timezone=True)),
    sa.Column("revoked_at", sa.DateTime(timezone=True)),
    sa.Column("scopes", ARRAY(sa.Text)),
    sa.Column("expires_at", sa.DateTime(timezone=True)),
    sa.Column("last_used_at", sa.DateTime(timezone=True)),
    sa.Column("replaced_by", sa.Text),
    sa.Column("request_id", sa.Text),
    sa.Column("request_fingerprint", sa.LargeBinary),
)
SIGNING_KEYS = sa.Table(
    "signing_keys",
    METADATA,
    sa.Column("id", sa.Text),
    sa.Column("public_key", sa.LargeBinary),
    sa.Column("used_until", sa.DateTime(timezone=True)),
)
ADDRESS_COUNTS = sa.Table(
    "address_counts",
    METADATA,
    sa.Column("what", sa.Text),
    sa.Column("address", sa.LargeBinary),
    sa.Column("hour", sa.DateTime(timezone=True)),
    sa.Column("count", sa.Integer),
)

# Old rows that one call deletes.
MAX_DELETED_COUNTS = 100


class Store(Protocol):
    """The database queries of the use cases. Each method runs in the connection's transaction, if it has one."""

    async def add_developer(
        self,
        connection: AsyncConnection,
        developer: Developer,
        registration: bytes | None = None,
        fingerprint: bytes | None = None,
    ) -> bool:
        """Adds a developer. Returns False if the e-mail address is in use or the registration was made before.

        `registration` is the hash of the request id, `fingerprint` the fingerprint of the request.
        """

    async def find_registration(
        self, connection: AsyncConnection, registration: bytes
    ) -> EarlierRequest[Developer] | None:
        """Returns the developer that a registration created, or None."""

    async def get_developer(self, connection: AsyncConnection, developer_id: str) -> Developer | None:
        """Returns a developer, or None."""

    async def lock_developer(self, connection: AsyncConnection, developer_id: str) -> None:
        """Locks a developer until the end of the transaction."""

    async def add_api_key(
        self, connection: AsyncConnection, key: ApiKey, request_id: str = "", fingerprint: bytes | None = None
    ) -> None:
        """Adds an API key."""

    async def find_request(
        self, connection: AsyncConnection, developer_id: str, request_id: str
    ) -> EarlierRequest[ApiKey] | None:
        """Returns the API key that a request created before, or None."""

    async def count_valid_keys(self, connection: AsyncConnection, developer_id: str, at: datetime) -> int:
        """Counts a developer's keys that are neither revoked nor expired."""

    async def find_key(self, connection: AsyncConnection, key_hash: bytes) -> ApiKey | None:
        """Returns the key with this hash, even if it is revoked, or None."""

    async def find_keys(self, connection: AsyncConnection, key_ids: Sequence[str]) -> Sequence[ApiKey]:
        """Returns the keys with these ids, including revoked ones."""

    async def list_api_keys(
        self, connection: AsyncConnection, developer_id: str, after: tuple[datetime, str] | None, limit: int
    ) -> Sequence[ApiKey]:
        """Returns a developer's keys, newest first, beginning after the cursor (created_at, id)."""

    async def get_api_key(self, connection: AsyncConnection, developer_id: str, key_id: str) -> ApiKey | None:
        """Returns a developer's key, or None."""

    async def revoke(self, connection: AsyncConnection, developer_id: str, key_id: str, at: datetime) -> bool:
        """Marks a key as revoked. Returns False if the developer has no such key or it is already revoked."""

    async def replace(self, connection: AsyncConnection, key_id: str, replaced_by: str, expires_at: datetime) -> None:
        """Stores to which key a key was rotated, and when it expires."""

    async def note_uses(self, connection: AsyncConnection, uses: Mapping[str, datetime]) -> None:
        """Stores when keys were last used, by id. An earlier time than the stored one changes nothing."""

    async def save_signing_key(
        self, connection: AsyncConnection, key_id: str, public_key: bytes, used_until: datetime
    ) -> None:
        """Adds a signing key or prolongs its use."""

    async def list_signing_keys(self, connection: AsyncConnection, now: datetime) -> Sequence[tuple[str, bytes]]:
        """Returns (id, public key) of the keys whose use has not ended."""

    async def count_address(
        self, connection: AsyncConnection, what: str, address: bytes, hour: datetime, after: datetime
    ) -> int:
        """Adds one to the count of `what` for an address and hour. Returns the total of the hours after `after`.

        Deletes counts of hours up to `after`.
        """


class SqlStore:
    """The store in PostgreSQL."""

    async def add_developer(
        self,
        connection: AsyncConnection,
        developer: Developer,
        registration: bytes | None = None,
        fingerprint: bytes | None = None,
    ) -> bool:
        result = await connection.execute(
            insert(DEVELOPERS)
            .values(
                id=developer.id,
                name=developer.name,
                email=developer.email,
                created_at=developer.created_at,
                registration=registration,
                registration_fingerprint=fingerprint if registration else None,
            )
            .on_conflict_do_nothing()
            .returning(DEVELOPERS.c.id)
        )
        return result.first() is not None

    async def get_developer(self, connection: AsyncConnection, developer_id: str) -> Developer | None:
        row = (await connection.execute(sa.select(DEVELOPERS).where(DEVELOPERS.c.id == developer_id))).one_or_none()
        return _developer(row) if row else None

    async def find_registration(
        self, connection: AsyncConnection, registration: bytes
    ) -> EarlierRequest[Developer] | None:
        query = sa.select(DEVELOPERS).where(DEVELOPERS.c.registration == registration)
        row = (await connection.execute(query)).one_or_none()
        return EarlierRequest(_developer(row), row.registration_fingerprint, row.created_at) if row else None

    async def lock_developer(self, connection: AsyncConnection, developer_id: str) -> None:
        await connection.execute(sa.select(DEVELOPERS.c.id).where(DEVELOPERS.c.id == developer_id).with_for_update())

    async def add_api_key(
        self, connection: AsyncConnection, key: ApiKey, request_id: str = "", fingerprint: bytes | None = None
    ) -> None:
        await connection.execute(
            sa.insert(API_KEYS).values(
                id=key.id,
                developer_id=key.developer_id,
                name=key.name,
                prefix=key.prefix,
                key_hash=key.key_hash,
                created_at=key.created_at,
                scopes=list(key.scopes),
                expires_at=key.expires_at,
                replaced_by=key.replaced_by,
                request_id=request_id or None,
                request_fingerprint=fingerprint if request_id else None,
            )
        )

    async def find_request(
        self, connection: AsyncConnection, developer_id: str, request_id: str
    ) -> EarlierRequest[ApiKey] | None:
        query = sa.select(API_KEYS).where(API_KEYS.c.developer_id == developer_id, API_KEYS.c.request_id == request_id)
        row = (await connection.execute(query)).one_or_none()
        return EarlierRequest(_api_key(row), row.request_fingerprint, row.created_at) if row else None

    async def count_valid_keys(self, connection: AsyncConnection, developer_id: str, at: datetime) -> int:
        query = sa.select(sa.func.count()).where(
            API_KEYS.c.developer_id == developer_id,
            API_KEYS.c.revoked_at.is_(None),
            sa.or_(API_KEYS.c.expires_at.is_(None), API_KEYS.c.expires_at > at),
        )
        return int((await connection.execute(query)).scalar_one())

    async def find_key(self, connection: AsyncConnection, key_hash: bytes) -> ApiKey | None:
        row = (await connection.execute(sa.select(API_KEYS).where(API_KEYS.c.key_hash == key_hash))).one_or_none()
        return _api_key(row) if row else None

    async def find_keys(self, connection: AsyncConnection, key_ids: Sequence[str]) -> Sequence[ApiKey]:
        query = sa.select(API_KEYS).where(API_KEYS.c.id == sa.any_(sa.literal(list(key_ids), ARRAY(sa.Text))))
        return [_api_key(row) for row in await connection.execute(query)]

    async def list_api_keys(
        self, connection: AsyncConnection, developer_id: str, after: tuple[datetime, str] | None, limit: int
    ) -> Sequence[ApiKey]:
        query = sa.select(API_KEYS).where(API_KEYS.c.developer_id == developer_id)
        if after is not None:
            query = query.where(sa.tuple_(API_KEYS.c.created_at, API_KEYS.c.id) < sa.tuple_(*after))
        query = query.order_by(API_KEYS.c.created_at.desc(), API_KEYS.c.id.desc()).limit(limit)
        return [_api_key(row) for row in await connection.execute(query)]

    async def get_api_key(self, connection: AsyncConnection, developer_id: str, key_id: str) -> ApiKey | None:
        query = sa.select(API_KEYS).where(API_KEYS.c.id == key_id, API_KEYS.c.developer_id == developer_id)
        row = (await connection.execute(query)).one_or_none()
        return _api_key(row) if row else None

    async def revoke(self, connection: AsyncConnection, developer_id: str, key_id: str, at: datetime) -> bool:
        result = await connection.execute(
            sa.update(API_KEYS)
            .where(API_KEYS.c.id == key_id, API_KEYS.c.developer_id == developer_id, API_KEYS.c.revoked_at.is_(None))
            .values(revoked_at=at)
        )
        return result.rowcount == 1

    async def replace(self, connection: AsyncConnection, key_id: str, replaced_by: str, expires_at: datetime) -> None:
        await connection.execute(
            sa.update(API_KEYS).where(API_KEYS.c.id == key_id).values(replaced_by=replaced_by, expires_at=expires_at)
        )

    async def note_uses(self, connection: AsyncConnection, uses: Mapping[str, datetime]) -> None:
        if uses:
            # Rows are locked in the order of ids, so that two processes can't deadlock.
            key_ids = sorted(uses)
            seen = sa.select(
                sa.func.unnest(sa.literal(key_ids, ARRAY(sa.Text))).label("id"),
                sa.func.unnest(sa.literal([uses[key_id] for key_id in key_ids], ARRAY(sa.DateTime(True)))).label("at"),
            ).subquery()
            locked = sa.select(API_KEYS.c.id).where(API_KEYS.c.id.in_(key_ids)).order_by(API_KEYS.c.id)
            await connection.execute(locked.with_for_update(key_share=True))
            await connection.execute(
                sa.update(API_KEYS)
                .where(API_KEYS.c.id == seen.c.id)
                .values(last_used_at=sa.func.greatest(API_KEYS.c.last_used_at, seen.c.at))
            )

    async def save_signing_key(
        self, connection: AsyncConnection, key_id: str, public_key: bytes, used_until: datetime
    ) -> None:
        await connection.execute(
            insert(SIGNING_KEYS)
            .values(id=key_id, public_key=public_key, used_until=used_until)
            .on_conflict_do_update(index_elements=["id"], set_={"used_until": used_until})
        )

    async def list_signing_keys(self, connection: AsyncConnection, now: datetime) -> Sequence[tuple[str, bytes]]:
        query = sa.select(SIGNING_KEYS.c.id, SIGNING_KEYS.c.public_key).where(SIGNING_KEYS.c.used_until > now)
        return [(row.id, row.public_key) for row in await connection.execute(query)]

    async def count_address(
        self, connection: AsyncConnection, what: str, address: bytes, hour: datetime, after: datetime
    ) -> int:
        counts = ADDRESS_COUNTS.c
        await connection.execute(
            insert(ADDRESS_COUNTS)
            .values(what=what, address=address, hour=hour, count=1)
            .on_conflict_do_update(index_elements=["what", "address", "hour"], set_={"count": counts.count + 1})
        )
        # Rows that another call is deleting are skipped.
        past = sa.select(counts.what, counts.address, counts.hour).where(counts.hour <= after)
        past = past.limit(MAX_DELETED_COUNTS).with_for_update(skip_locked=True)
        key = sa.tuple_(counts.what, counts.address, counts.hour)
        await connection.execute(sa.delete(ADDRESS_COUNTS).where(key.in_(past)))
        total = sa.select(sa.func.sum(counts.count)).where(
            counts.what == what, counts.address == address, counts.hour > after
        )
        return int((await connection.execute(total)).scalar_one())


def _developer(row: sa.Row[Any]) -> Developer:
    return Developer(id=row.id, name=row.name, email=row.email, created_at=row.created_at)


def _api_key(row: sa.Row[Any]) -> ApiKey:
    return ApiKey(
        id=row.id,
        developer_id=row.developer_id,
        name=row.name,
        prefix=row.prefix,
        key_hash=row.key_hash,
        created_at=row.created_at,
        revoked_at=row.revoked_at,
        scopes=in_order(row.scopes),
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
        replaced_by=row.replaced_by,
    )
