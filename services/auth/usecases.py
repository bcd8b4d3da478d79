"""The use cases of the auth service."""

import re
from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta

from email_validator import EmailNotValidError, validate_email
from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth import domain, facts
from services.auth.address_counts import AddressCounts
from services.auth.domain import ApiKey, Developer
from services.auth.store import Store
from services.runtime import ids, outbox
from services.runtime.clock import now
from services.runtime.db import Database
from services.runtime.errors import (
    AlreadyExists,
    PermissionDenied,
    QuotaExceeded,
    ScopeMissing,
    Unauthenticated,
    WrongState,
)
from services.runtime.identity import MAX_CHECKED_KEYS, SCOPES, current_identity, in_order, owned
from services.runtime.pages import Pages
from services.runtime.request_ids import current_fingerprint
from services.runtime.signing import derived_key
from services.runtime.validation import MAX_REQUEST_ID_CHARACTERS, Validation

# Private networks use these domain names, besides `test`.
_LOCAL_NAME = re.compile(r"(?<=[@.])(local|localhost)$", re.IGNORECASE)


class Auth:
    """The use cases for developers and their API keys."""

    def __init__(
        self,
        database: Database,
        store: Store,
        pages: Pages,
        secret: str,
        registrations: AddressCounts,
        on_new_key: Callable[[bytes], None] = lambda key_hash: None,
    ) -> None:
        """`secret` must be the same in all processes: the keys of repeatable registrations are derived from it.

        `registrations` limits the registrations per address. `on_new_key` is called with the hash of each new key.
        """
        self._database = database
        self._store = store
        self._pages = pages
        self._registrations = registrations
        self._secret = derived_key(secret, "registrations")
        self._on_new_key = on_new_key

    async def register(self, name: str, email: str, request_id: str = "") -> tuple[Developer, str]:
        """Creates a developer and returns it with its first API key.

        Raises AlreadyExists if the e-mail address is in use, RequestIdReused if the request id was used for a different
        registration, and QuotaExceeded if the caller's network address has made too many registrations. Attempts with
        an e-mail address that is in use count too.
        """
        valid = Validation()
        valid.text(name, "name", max_characters=domain.MAX_NAME_CHARACTERS)
        address = _address(email, valid)
        if request_id:
            valid.text(
                request_id,
                "request_id",
                max_characters=MAX_REQUEST_ID_CHARACTERS,
                min_characters=domain.MIN_REGISTRATION_ID_CHARACTERS,
            )
        valid.finish()
        developer = Developer(ids.new_id("dev"), name.strip(), address, now())
        request = domain.hash_of_registration_id(self._secret, request_id) if request_id else None
        given = domain.key_of_registration(self._secret, request_id, address) if request_id else None
        key, api_key = _issue(developer.id, domain.FIRST_KEY_NAME, key=given)
        before: Developer | None = developer
        async with self._database.transaction() as connection:
            if await self._store.add_developer(connection, developer, request, current_fingerprint()):
                await self._registrations.add(connection)
                await self._store.add_api_key(connection, api_key)
            else:
                before = await self._registered_before(connection, request, api_key) if request else None
                if before is None:
                    # This attempt reveals whether an address is registered, so it counts like a registration.
                    await self._registrations.add(connection)
        self._on_new_key(api_key.key_hash)
        if before is None:
            raise AlreadyExists("email: a developer with this address is already registered", field="email")
        return before, key

    async def _registered_before(
        self, connection: AsyncConnection, request: bytes, api_key: ApiKey
    ) -> Developer | None:
        """Returns the developer that the same request registered within the last ten minutes, or None."""
        earlier = await self._store.find_registration(connection, request)
        if earlier is None:
            return None
        developer = earlier.repeated()
        known = await self._store.find_key(connection, api_key.key_hash)
        if known is None or known.fault(now()) or known.created_at < now() - domain.MAX_REGISTRATION_REPEAT:
            return None
        return developer

    async def current_developer(self) -> Developer:
        """Returns the developer who is calling."""
        async with self._database.reading() as connection:
            developer = await self._store.get_developer(connection, current_identity().developer_id)
        if developer is None:
            raise Unauthenticated("The developer of this API key no longer exists")
        return developer

    async def create_api_key(
        self, name: str, *, scopes: Sequence[str] = (), expires_at: datetime | None = None, request_id: str = ""
    ) -> tuple[ApiKey, str]:
        """Creates another API key of the caller, by default with the scopes and the expiry of the calling key.

        Returns it with the key itself, which is empty if the request is a repeated one. Raises ScopeMissing if the
        calling key lacks one of the scopes, and QuotaExceeded if the caller already has the maximum number of keys.
        """
        valid = Validation()
        valid.text(name, "name", max_characters=domain.MAX_KEY_NAME_CHARACTERS)
        valid.require(len(scopes) <= len(SCOPES), "scopes", f"must have at most {len(SCOPES)} entries")
        for index, scope in enumerate(scopes[: len(SCOPES)]):
            valid.one_of(scope, f"scopes[{index}]", SCOPES)
        if expires_at is not None:
            allowed = now() < expires_at <= now() + domain.MAX_LIFETIME
            valid.require(allowed, "expires_at", "must be in the future, at most ten years from now")
        valid.request_id(request_id)
        valid.finish()
        async with self._database.transaction() as connection:
            if before := await self._made_before(connection, request_id):
                return before, ""
            calling = await self._calling_key(connection)
            granted = in_order(scopes) or calling.scopes
            ends = expires_at or calling.expires_at
            _check_held(granted, calling.scopes)
            if calling.expires_at is not None:
                until = f"must be no later than {calling.expires_at:%Y-%m-%dT%H:%M:%SZ}, when the calling key expires"
                valid.require(ends is not None and ends <= calling.expires_at, "expires_at", until)
                valid.finish()
            key, api_key = _issue(calling.developer_id, name, granted, ends)
            await self._add(connection, api_key, request_id)
        self._on_new_key(api_key.key_hash)
        return api_key, key

    async def rotate_api_key(
        self, key_id: str, *, overlap: timedelta | None = None, request_id: str = ""
    ) -> tuple[ApiKey, str]:
        """Creates a key that replaces another key of the caller, with its scopes and expiry.

        The replaced key stays valid for `overlap`. Returns and raises as create_api_key does. Also raises NotFound if
        the caller has no such key, WrongState if it is not valid or was rotated before, ScopeMissing if the calling key
        lacks one of its scopes, and PermissionDenied if the calling key expires earlier.
        """
        overlap = domain.DEFAULT_OVERLAP if overlap is None else overlap
        max_seconds = int(domain.MAX_OVERLAP.total_seconds())
        ids.check_id(key_id, "key")
        valid = Validation()
        valid.require(timedelta(0) <= overlap <= domain.MAX_OVERLAP, "overlap_seconds", f"must be 0 to {max_seconds}")
        valid.request_id(request_id)
        valid.finish()
        async with self._database.transaction() as connection:
            if before := await self._made_before(connection, request_id):
                return before, ""
            calling = await self._calling_key(connection)
            old = owned(await self._store.get_api_key(connection, calling.developer_id, key_id), "API key", key_id)
            if fault := old.fault(now()):
                raise WrongState(f"{fault}. Only a valid API key can be rotated.")
            if old.replaced_by:
                raise WrongState(f"The API key was rotated to {old.replaced_by} before. Rotate that key instead.")
            _check_held(old.scopes, calling.scopes)
            if old.outlives(calling):
                raise PermissionDenied("This API key expires later than the calling key. Use it for the call instead.")
            key, api_key = _issue(old.developer_id, old.name, old.scopes, old.expires_at)
            ends = now() + overlap
            ends = min(ends, old.expires_at) if old.expires_at else ends
            await self._store.replace(connection, old.id, api_key.id, ends)
            await self._add(connection, api_key, request_id)
        self._on_new_key(api_key.key_hash)
        return api_key, key

    async def _made_before(self, connection: AsyncConnection, request_id: str) -> ApiKey | None:
        """Returns the key that the same request created before, or None. Locks the caller for the transaction."""
        developer_id = current_identity().developer_id
        await self._store.lock_developer(connection, developer_id)
        before = await self._store.find_request(connection, developer_id, request_id) if request_id else None
        return before.repeated() if before else None

    async def _calling_key(self, connection: AsyncConnection) -> ApiKey:
        identity = current_identity()
        key = await self._store.get_api_key(connection, identity.developer_id, identity.key_id)
        fault = key.fault(now()) if key is not None else domain.UNKNOWN_KEY
        if key is None or fault:
            # The key has become invalid after the gateway checked it.
            raise Unauthenticated(fault)
        return key

    async def _add(self, connection: AsyncConnection, api_key: ApiKey, request_id: str) -> None:
        if await self._store.count_valid_keys(connection, api_key.developer_id, now()) >= domain.MAX_KEYS:
            raise QuotaExceeded(
                f"You already have {domain.MAX_KEYS} valid API keys, which is the limit. Revoke one first.",
                limit=str(domain.MAX_KEYS),
            )
        await self._store.add_api_key(connection, api_key, request_id, current_fingerprint())

    async def list_api_keys(self, size: int, token: str) -> tuple[Sequence[ApiKey], str]:
        """Returns a page of the caller's API keys and the token of the next page, empty on the last page."""
        developer_id = current_identity().developer_id
        async with self._database.reading() as connection:
            return await self._pages.page(
                size,
                token,
                {"list": "api_keys", "developer": developer_id},
                lambda after, limit: self._store.list_api_keys(connection, developer_id, after, limit),
                lambda key: (key.created_at, key.id),
            )

    async def revoke_api_key(self, key_id: str) -> ApiKey:
        """Revokes a key of the caller and returns it.

        Raises NotFound if the caller has no such key, and ScopeMissing if the calling key lacks one of its scopes. A
        key can always revoke itself.
        """
        ids.check_id(key_id, "key")
        calling = current_identity()
        developer_id = calling.developer_id
        async with self._database.transaction() as connection:
            revoked = await self._store.get_api_key(connection, developer_id, key_id)
            if revoked is not None and revoked.id != calling.key_id:
                _check_held(revoked.scopes, calling.scopes)
            if await self._store.revoke(connection, developer_id, key_id, now()):
                await outbox.add(connection, facts.api_key_revoked(key_id, developer_id))
            return owned(await self._store.get_api_key(connection, developer_id, key_id), "API key", key_id)

    async def key_faults(self, key_ids: Sequence[str]) -> Sequence[tuple[str, str]]:
        """Returns (id, reason) of the keys that are not valid now."""
        valid = Validation()
        valid.require(len(key_ids) <= MAX_CHECKED_KEYS, "ids", f"must have at most {MAX_CHECKED_KEYS} entries")
        valid.finish()
        async with self._database.reading() as connection:
            found = {key.id: key for key in await self._store.find_keys(connection, key_ids)}
        moment = now()
        faults = ((id_, found[id_].fault(moment) if id_ in found else domain.UNKNOWN_KEY) for id_ in key_ids)
        return [(id_, fault) for id_, fault in faults if fault]

    async def signing_keys(self) -> Sequence[tuple[str, bytes]]:
        """Returns (id, public key) of all signing keys whose tokens can be valid."""
        async with self._database.reading() as connection:
            return await self._store.list_signing_keys(connection, now())


def _check_held(scopes: Sequence[str], held: Collection[str]) -> None:
    """Raises ScopeMissing unless the calling key holds all scopes of the key that it acts on."""
    for scope in scopes:
        if scope not in held:
            raise ScopeMissing.of(scope)


def _issue(
    developer_id: str,
    name: str,
    scopes: tuple[str, ...] = SCOPES,
    expires_at: datetime | None = None,
    *,
    key: str | None = None,
) -> tuple[str, ApiKey]:
    key = key or domain.new_key()
    api_key = ApiKey(
        id=ids.new_id("key"),
        developer_id=developer_id,
        name=name.strip(),
        prefix=domain.shown_prefix(key),
        key_hash=domain.hash_key(key),
        created_at=now(),
        scopes=scopes,
        expires_at=expires_at,
    )
    return key, api_key


def _address(email: str, valid: Validation) -> str:
    if not valid.text(email, "email", max_characters=domain.MAX_EMAIL_CHARACTERS):
        return email
    # The library accepts addresses of private domains only with `test_environment`, and only of `test`.
    checked = _LOCAL_NAME.sub("test", email.strip())
    try:
        found = validate_email(checked, check_deliverability=False, globally_deliverable=False, test_environment=True)
    except EmailNotValidError as error:
        valid.require(False, "email", f"must be an e-mail address: {error}")
        return email
    local_name = _LOCAL_NAME.search(email.strip())
    return found.normalized.removesuffix("test") + local_name[0].lower() if local_name else found.normalized
