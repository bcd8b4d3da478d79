"""What the auth service does: one function per verb."""

from collections.abc import Sequence
from datetime import datetime

from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email
from voicearena.auth.v1.events_pb2 import ApiKeyRevoked

from services.auth import domain
from services.auth.domain import ApiKey, Developer
from services.auth.store import Store
from services.runtime import ids, outbox
from services.runtime.clock import now
from services.runtime.db import Database
from services.runtime.errors import AlreadyExists, NotFound, Unauthenticated, WrongState
from services.runtime.identity import current_identity
from services.runtime.pages import PageTokens, page_size
from services.runtime.validation import Validation

# An installation may be in a network of its own, where no name is reachable from outside and these are in use.
LOCAL_NAMES = {"local", "localhost", "test"}
SPECIAL_USE_DOMAIN_NAMES[:] = [name for name in SPECIAL_USE_DOMAIN_NAMES if name not in LOCAL_NAMES]


class Auth:
    """The use cases over one database."""

    def __init__(self, database: Database, store: Store, pages: PageTokens) -> None:
        self._database = database
        self._store = store
        self._pages = pages

    async def register(self, name: str, email: str) -> tuple[Developer, str]:
        """Creates a developer and returns it with its first API key; AlreadyExists if the address is taken."""
        valid = Validation()
        valid.text(name, "name", longest=domain.LONGEST_NAME)
        address = _address(email, valid)
        valid.finish()
        developer = Developer(ids.new_id("dev"), name.strip(), address, now())
        key, api_key = _issue(developer.id, domain.FIRST_KEY_NAME)
        async with self._database.transaction() as connection:
            if not await self._store.add_developer(connection, developer):
                raise AlreadyExists("email: a developer with this address is registered already", field="email")
            await self._store.add_api_key(connection, api_key)
        return developer, key

    async def current_developer(self) -> Developer:
        """Returns who is calling."""
        async with self._database.reading() as connection:
            developer = await self._store.get_developer(connection, current_identity().developer_id)
        if developer is None:
            raise Unauthenticated("the developer of this API key does not exist any more")
        return developer

    async def create_api_key(self, name: str) -> tuple[ApiKey, str]:
        """Issues one more API key to the caller; WrongState if they hold the most already."""
        valid = Validation()
        valid.text(name, "name", longest=domain.LONGEST_KEY_NAME)
        valid.finish()
        developer_id = current_identity().developer_id
        key, api_key = _issue(developer_id, name)
        async with self._database.transaction() as connection:
            await self._store.lock_developer(connection, developer_id)
            if await self._store.count_valid_keys(connection, developer_id) >= domain.MOST_KEYS:
                raise WrongState(f"you hold {domain.MOST_KEYS} valid API keys, the most there can be; revoke one first")
            await self._store.add_api_key(connection, api_key)
        return api_key, key

    async def list_api_keys(self, size: int, token: str) -> tuple[Sequence[ApiKey], str]:
        """Returns a page of the caller's API keys and the token of the next, empty on the last."""
        size = page_size(size)
        filters = {"list": "api_keys", "developer": current_identity().developer_id}
        cursor = self._pages.decode(token, filters)
        after = (datetime.fromisoformat(str(cursor[0])), str(cursor[1])) if cursor else None
        async with self._database.reading() as connection:
            keys = await self._store.list_api_keys(connection, filters["developer"], after, size + 1)
        more = len(keys) > size
        last = keys[size - 1] if more else None
        return keys[:size], self._pages.encode([last.created_at.isoformat(), last.id], filters) if last else ""

    async def revoke_api_key(self, key_id: str) -> ApiKey:
        """Makes a key of the caller invalid everywhere and returns it; NotFound if they have no such key."""
        ids.check_id(key_id, "key")
        developer_id = current_identity().developer_id
        async with self._database.transaction() as connection:
            if await self._store.revoke(connection, developer_id, key_id, now()):
                await outbox.add(connection, ApiKeyRevoked(api_key_id=key_id, developer_id=developer_id))
            key = await self._store.get_api_key(connection, developer_id, key_id)
        if key is None:
            raise NotFound("API key", key_id)
        return key

    async def signing_keys(self) -> Sequence[tuple[str, bytes]]:
        """Returns (id, public key) of every key whose tokens may be valid."""
        async with self._database.reading() as connection:
            return await self._store.list_signing_keys(connection, now())


def _issue(developer_id: str, name: str) -> tuple[str, ApiKey]:
    key = domain.new_key()
    api_key = ApiKey(
        ids.new_id("key"), developer_id, name.strip(), domain.shown_prefix(key), domain.hash_key(key), now()
    )
    return key, api_key


def _address(email: str, valid: Validation) -> str:
    if not valid.text(email, "email", longest=domain.LONGEST_EMAIL):
        return email
    try:
        return validate_email(email.strip(), check_deliverability=False, globally_deliverable=False).normalized
    except EmailNotValidError as error:
        valid.require(False, "email", f"must be an e-mail address: {error}")
        return email
