"""What the auth service does: one function per verb."""

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

# An installation may be in a network of its own, where no name is reachable from outside, and these are in use beside
# `test`.
_LOCAL_NAME = re.compile(r"(?<=[@.])(local|localhost)$", re.IGNORECASE)


class Auth:
    """The use cases over one database."""

    def __init__(
        self,
        database: Database,
        store: Store,
        pages: Pages,
        secret: str,
        registrations: AddressCounts,
        on_new_key: Callable[[bytes], None] = lambda key_hash: None,
    ) -> None:
        """`secret` is the same in all processes; keys of registrations that can be repeated are derived from it.

        `registrations` bounds how many are made from one address; `on_new_key` is told the hash of each key that is
        created.
        """
        self._database = database
        self._store = store
        self._pages = pages
        self._registrations = registrations
        self._secret = derived_key(secret, "registrations")
        self._on_new_key = on_new_key

    async def register(self, name: str, email: str, request_id: str = "") -> tuple[Developer, str]:
        """Creates a developer and returns it with its first API key.

        AlreadyExists if the address is taken; RequestIdReused if somebody else was registered by this request id;
        QuotaExceeded if too many have come from the caller's network address, those that found the address taken too.
        """
        valid = Validation()
        valid.text(name, "name", longest=domain.MAX_NAME_CHARACTERS)
        address = _address(email, valid)
        few, most = domain.MIN_REGISTRATION_ID_CHARACTERS, MAX_REQUEST_ID_CHARACTERS
        if request_id:
            valid.text(request_id, "request_id", longest=most, shortest=few)
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
                    # It tells whether somebody is registered, so it is no cheaper than registering.
                    await self._registrations.add(connection)
        self._on_new_key(api_key.key_hash)
        if before is None:
            raise AlreadyExists("email: a developer with this address is registered already", field="email")
        return before, key

    async def _registered_before(
        self, connection: AsyncConnection, request: bytes, api_key: ApiKey
    ) -> Developer | None:
        """Returns who was registered by the very same request, a short while ago."""
        earlier = await self._store.find_registration(connection, request)
        if earlier is None:
            return None
        developer = earlier.repeated()
        known = await self._store.find_key(connection, api_key.key_hash)
        if known is None or known.fault(now()) or known.created_at < now() - domain.REPEATABLE:
            return None
        return developer

    async def current_developer(self) -> Developer:
        """Returns who is calling."""
        async with self._database.reading() as connection:
            developer = await self._store.get_developer(connection, current_identity().developer_id)
        if developer is None:
            raise Unauthenticated("the developer of this API key does not exist any more")
        return developer

    async def create_api_key(
        self, name: str, *, scopes: Sequence[str] = (), expires_at: datetime | None = None, request_id: str = ""
    ) -> tuple[ApiKey, str]:
        """Issues one more API key to the caller, by default one that may and lasts as the calling one.

        Returns it with the key itself, which is empty if the request was made before. ScopeMissing if the calling key
        does not hold a scope itself; QuotaExceeded if the caller holds the most keys already.
        """
        valid = Validation()
        valid.text(name, "name", longest=domain.MAX_KEY_NAME_CHARACTERS)
        valid.require(len(scopes) <= len(SCOPES), "scopes", f"must be at most {len(SCOPES)}")
        for index, scope in enumerate(scopes[: len(SCOPES)]):
            valid.one_of(scope, f"scopes[{index}]", SCOPES)
        if expires_at is not None:
            soon_enough = now() < expires_at <= now() + domain.MAX_LIFE
            valid.require(soon_enough, "expires_at", "must be in the future and at most ten years ahead")
        valid.request_id(request_id)
        valid.finish()
        async with self._database.transaction() as connection:
            if before := await self._made_before(connection, request_id):
                return before, ""
            calling = await self._calling_key(connection)
            may = in_order(scopes) or calling.scopes
            ends = expires_at or calling.expires_at
            _check_held(may, calling.scopes)
            if calling.expires_at is not None:
                until = f"must be no later than {calling.expires_at:%Y-%m-%dT%H:%M:%SZ}, when the calling key expires"
                valid.require(ends is not None and ends <= calling.expires_at, "expires_at", until)
                valid.finish()
            key, api_key = _issue(calling.developer_id, name, may, ends)
            await self._add(connection, api_key, request_id)
        self._on_new_key(api_key.key_hash)
        return api_key, key

    async def rotate_api_key(
        self, key_id: str, *, overlap: timedelta | None = None, request_id: str = ""
    ) -> tuple[ApiKey, str]:
        """Issues a key that may and lasts as another of the caller's, which goes on working for `overlap`.

        Returns and raises as create_api_key does. NotFound if the caller has no such key; WrongState if it is not valid
        any more or was rotated before; ScopeMissing if it holds a scope that the calling key does not.
        """
        overlap = domain.DEFAULT_OVERLAP if overlap is None else overlap
        longest = int(domain.MAX_OVERLAP.total_seconds())
        ids.check_id(key_id, "key")
        valid = Validation()
        valid.require(timedelta(0) <= overlap <= domain.MAX_OVERLAP, "overlap_seconds", f"must be 0 to {longest}")
        valid.request_id(request_id)
        valid.finish()
        async with self._database.transaction() as connection:
            if before := await self._made_before(connection, request_id):
                return before, ""
            calling = await self._calling_key(connection)
            old = owned(await self._store.get_api_key(connection, calling.developer_id, key_id), "API key", key_id)
            if fault := old.fault(now()):
                raise WrongState(f"{fault}; a key that is not valid can't be rotated")
            if old.replaced_by:
                raise WrongState(f"the API key was rotated to {old.replaced_by} already; rotate that one")
            _check_held(old.scopes, calling.scopes)
            if old.outlives(calling):
                raise PermissionDenied("this API key works longer than the one that the call is made with; use it")
            key, api_key = _issue(old.developer_id, old.name, old.scopes, old.expires_at)
            ends = now() + overlap
            ends = min(ends, old.expires_at) if old.expires_at else ends
            await self._store.replace(connection, old.id, api_key.id, ends)
            await self._add(connection, api_key, request_id)
        self._on_new_key(api_key.key_hash)
        return api_key, key

    async def _made_before(self, connection: AsyncConnection, request_id: str) -> ApiKey | None:
        """Returns the key that the caller's request made before, and lets no other request of theirs pass meanwhile."""
        developer_id = current_identity().developer_id
        await self._store.lock_developer(connection, developer_id)
        before = await self._store.find_request(connection, developer_id, request_id) if request_id else None
        return before.repeated() if before else None

    async def _calling_key(self, connection: AsyncConnection) -> ApiKey:
        identity = current_identity()
        key = await self._store.get_api_key(connection, identity.developer_id, identity.key_id)
        fault = key.fault(now()) if key is not None else "the API key is unknown"
        if key is None or fault:
            # Since the gateway looked.
            raise Unauthenticated(fault)
        return key

    async def _add(self, connection: AsyncConnection, api_key: ApiKey, request_id: str) -> None:
        if await self._store.count_valid_keys(connection, api_key.developer_id, now()) >= domain.MAX_KEYS:
            raise QuotaExceeded(
                f"you hold {domain.MAX_KEYS} valid API keys, the most there can be; revoke one first",
                limit=str(domain.MAX_KEYS),
            )
        await self._store.add_api_key(connection, api_key, request_id, current_fingerprint())

    async def list_api_keys(self, size: int, token: str) -> tuple[Sequence[ApiKey], str]:
        """Returns a page of the caller's API keys and the token of the next, empty on the last."""
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
        """Makes a key of the caller invalid everywhere and returns it.

        NotFound if they have no such key; ScopeMissing if it holds a scope that the calling key does not, unless it is
        the calling key itself.
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
        """Returns (id, why it is not good) of those of the keys that are not good now."""
        valid = Validation()
        valid.require(len(key_ids) <= MAX_CHECKED_KEYS, "ids", f"must be at most {MAX_CHECKED_KEYS}")
        valid.finish()
        async with self._database.reading() as connection:
            found = {key.id: key for key in await self._store.find_keys(connection, key_ids)}
        moment = now()
        faults = ((id_, found[id_].fault(moment) if id_ in found else "the API key is unknown") for id_ in key_ids)
        return [(id_, fault) for id_, fault in faults if fault]

    async def signing_keys(self) -> Sequence[tuple[str, bytes]]:
        """Returns (id, public key) of every key whose tokens may be valid."""
        async with self._database.reading() as connection:
            return await self._store.list_signing_keys(connection, now())


def _check_held(scopes: Sequence[str], held: Collection[str]) -> None:
    """Lets nobody make, rotate or revoke a key that may more than their own."""
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
    if not valid.text(email, "email", longest=domain.MAX_EMAIL_CHARACTERS):
        return email
    # The library takes addresses of special-use domains only where a call says so, and of these only `test`.
    checked = _LOCAL_NAME.sub("test", email.strip())
    try:
        found = validate_email(checked, check_deliverability=False, globally_deliverable=False, test_environment=True)
    except EmailNotValidError as error:
        valid.require(False, "email", f"must be an e-mail address: {error}")
        return email
    local_name = _LOCAL_NAME.search(email.strip())
    return found.normalized.removesuffix("test") + local_name[0].lower() if local_name else found.normalized
