"""The auth service's store in memory."""

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth.domain import ApiKey, Developer
from services.runtime.request_ids import EarlierRequest
from tests.fakes.memory_database import table


class MemoryAuthStore:
    """Implements `services.auth.store.Store` over a MemoryDatabase."""

    async def add_developer(
        self,
        connection: AsyncConnection,
        developer: Developer,
        registration: bytes | None = None,
        fingerprint: bytes | None = None,
    ) -> bool:
        developers, registrations = table(connection, "developers"), table(connection, "registrations")
        if registration in registrations:
            return False
        if any(other.email.lower() == developer.email.lower() for other in developers.values()):
            return False
        developers[developer.id] = developer
        if registration:
            registrations[registration] = EarlierRequest(developer, fingerprint, developer.created_at)
        return True

    async def find_registration(
        self, connection: AsyncConnection, registration: bytes
    ) -> EarlierRequest[Developer] | None:
        return table(connection, "registrations").get(registration)

    async def get_developer(self, connection: AsyncConnection, developer_id: str) -> Developer | None:
        return table(connection, "developers").get(developer_id)

    async def lock_developer(self, connection: AsyncConnection, developer_id: str) -> None:
        """A MemoryDatabase runs one transaction at a time."""

    async def add_api_key(
        self, connection: AsyncConnection, key: ApiKey, request_id: str = "", fingerprint: bytes | None = None
    ) -> None:
        table(connection, "api_keys")[key.id] = key
        if request_id:
            table(connection, "api_key_requests")[key.developer_id, request_id] = key.id, fingerprint

    async def find_request(
        self, connection: AsyncConnection, developer_id: str, request_id: str
    ) -> EarlierRequest[ApiKey] | None:
        key_id, fingerprint = table(connection, "api_key_requests").get((developer_id, request_id), ("", None))
        key = table(connection, "api_keys").get(key_id)
        return EarlierRequest(key, fingerprint, key.created_at) if key else None

    async def count_valid_keys(self, connection: AsyncConnection, developer_id: str, at: datetime) -> int:
        return sum(not key.fault(at) for key in _keys_of(connection, developer_id))

    async def find_key(self, connection: AsyncConnection, key_hash: bytes) -> ApiKey | None:
        return next((key for key in table(connection, "api_keys").values() if key.key_hash == key_hash), None)

    async def find_keys(self, connection: AsyncConnection, key_ids: Sequence[str]) -> Sequence[ApiKey]:
        return [key for key in table(connection, "api_keys").values() if key.id in key_ids]

    async def list_api_keys(
        self, connection: AsyncConnection, developer_id: str, after: tuple[datetime, str] | None, limit: int
    ) -> Sequence[ApiKey]:
        keys = sorted(_keys_of(connection, developer_id), key=lambda k: (k.created_at, k.id), reverse=True)
        return [key for key in keys if after is None or (key.created_at, key.id) < after][:limit]

    async def get_api_key(self, connection: AsyncConnection, developer_id: str, key_id: str) -> ApiKey | None:
        return next((key for key in _keys_of(connection, developer_id) if key.id == key_id), None)

    async def revoke(self, connection: AsyncConnection, developer_id: str, key_id: str, at: datetime) -> bool:
        key = await self.get_api_key(connection, developer_id, key_id)
        if key is None or key.revoked_at is not None:
            return False
        table(connection, "api_keys")[key_id] = dataclasses.replace(key, revoked_at=at)
        return True

    async def replace(self, connection: AsyncConnection, key_id: str, replaced_by: str, expires_at: datetime) -> None:
        keys = table(connection, "api_keys")
        keys[key_id] = dataclasses.replace(keys[key_id], replaced_by=replaced_by, expires_at=expires_at)

    async def note_uses(self, connection: AsyncConnection, uses: Mapping[str, datetime]) -> None:
        keys = table(connection, "api_keys")
        for key_id, at in uses.items():
            known = keys[key_id].last_used_at
            keys[key_id] = dataclasses.replace(keys[key_id], last_used_at=max(at, known) if known else at)

    async def save_signing_key(
        self, connection: AsyncConnection, key_id: str, public_key: bytes, used_until: datetime
    ) -> None:
        keys = table(connection, "signing_keys")
        first_public_key, _ = keys.get(key_id, (public_key, None))
        keys[key_id] = (first_public_key, used_until)

    async def list_signing_keys(self, connection: AsyncConnection, now: datetime) -> Sequence[tuple[str, bytes]]:
        keys = table(connection, "signing_keys").items()
        return [(key_id, public_key) for key_id, (public_key, used_until) in keys if used_until > now]

    async def count_address(
        self, connection: AsyncConnection, what: str, address: bytes, hour: datetime, after: datetime
    ) -> int:
        counts = table(connection, "address_counts")
        counts[what, address, hour] = counts.get((what, address, hour), 0) + 1
        for key in [key for key in counts if key[2] <= after]:
            del counts[key]
        return sum(count for (other, where, _), count in counts.items() if (other, where) == (what, address))


def _keys_of(connection: AsyncConnection, developer_id: str) -> list[ApiKey]:
    return [key for key in table(connection, "api_keys").values() if key.developer_id == developer_id]
