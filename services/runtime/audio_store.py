"""Stores audio in a local directory or an S3 bucket, and makes the signed links with which it can be fetched."""

import hashlib
import json
import re
import time
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import obstore
import structlog
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import LocalStore, ObjectStore, from_url

from services.runtime import disk, status
from services.runtime.errors import DiskFull, NotFound, Unauthenticated, Unavailable
from services.runtime.outside_text import first_line
from services.runtime.signing import TokenSigner

if TYPE_CHECKING:
    from obstore import GetOptions

log = structlog.get_logger()

DISK_FULL_MESSAGE = "The disk of the audio store is full. Calls work again once it has free space."
NAME = re.compile(r"[A-Za-z0-9_-]{1,120}\.(wav|json)")
CHUNK_BYTES = 64 * 1024
# A partly written file older than this was left by a killed process.
MAX_WRITE_SECONDS = 600.0
RETRIES = 3
RETRY_TIMEOUT = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class StoredBytes:
    """One version of an object in the store."""

    name: str
    size: int
    version: str
    """The store's own tag of this version, empty if it has none."""

    @property
    def etag(self) -> str:
        """A strong entity tag, with its quotes."""
        known = f"{self.name}\n{self.size}\n{self.version}"
        return f'"{hashlib.sha256(known.encode()).hexdigest()[:32]}"'


class AudioStore:
    """Audio and JSON notes about it, by name. A name has no folders, so it can't lead out of the store."""

    def __init__(self, location: str) -> None:
        self._store: ObjectStore = _open(location)
        self._folder = None if "://" in location else _folder(location)

    def check_free_space(self) -> None:
        """Raises DiskFull if the local disk has less than 32 MiB of free space. Does nothing for a bucket."""
        if self._folder is not None and disk.free_bytes(self._folder) < disk.MIN_FREE_BYTES:
            raise DiskFull(DISK_FULL_MESSAGE)

    async def put(self, name: str, data: bytes) -> None:
        """Stores or replaces an object, completely or not at all. Raises Unavailable if that fails."""
        try:
            await obstore.put_async(self._store, _checked(name), data)
        except (BaseError, OSError) as error:
            raise _write_error(error) from error

    async def create(self, name: str, data: bytes) -> bool:
        """Stores an object unless the name is taken. Returns whether it was stored.

        If several callers try at the same time, one succeeds. A bucket's server must support `If-None-Match: *` for
        this, as S3 does.
        """
        try:
            await obstore.put_async(self._store, _checked(name), data, mode="create")
        except AlreadyExistsError:
            return False
        except (BaseError, OSError) as error:
            raise _write_error(error) from error
        return True

    async def exists(self, name: str) -> bool:
        """Returns whether there is an object with this name."""
        try:
            await obstore.head_async(self._store, _checked(name))
        except FileNotFoundError:
            return False
        except (BaseError, OSError) as error:
            raise _read_error(error) from error
        return True

    async def find_bytes(self, name: str) -> "StoredBytes":
        """Returns the size and the current version of an object. Raises NotFound if there is none."""
        try:
            meta = await obstore.head_async(self._store, _checked(name))
        except FileNotFoundError:
            raise NotFound.of("audio", name) from None
        except (BaseError, OSError) as error:
            raise _read_error(error) from error
        return StoredBytes(name, meta["size"], meta["e_tag"] or "")

    async def read(self, stored: "StoredBytes", start: int, end: int) -> AsyncGenerator[bytes, None]:
        """Yields the bytes from `start` to `end`, `end` not included, of one version of an object.

        Raises NotFound if the object was deleted, and Unavailable if it was replaced.
        """
        if start == end:
            return
        options: GetOptions = {"range": (start, end)}
        if stored.version:
            options["if_match"] = stored.version
        try:
            result = await obstore.get_async(self._store, _checked(stored.name), options=options)
            async for chunk in result.stream(min_chunk_size=CHUNK_BYTES):
                yield bytes(chunk)
        except FileNotFoundError:
            raise NotFound.of("audio", stored.name) from None
        except (BaseError, OSError) as error:
            raise _read_error(error) from error

    async def delete(self, name: str) -> None:
        """Deletes an object if it exists."""
        try:
            await obstore.delete_async(self._store, _checked(name))
        except FileNotFoundError:
            return
        except (BaseError, OSError) as error:
            raise _write_error(error) from error

    async def get(self, name: str) -> bytes:
        """Returns the bytes of an object. Raises NotFound if there is none."""
        return b"".join([chunk async for chunk in self.open(name)])

    async def open(self, name: str, chunk_bytes: int = CHUNK_BYTES) -> AsyncIterator[bytes]:
        """Yields an object in chunks of at least `chunk_bytes`; the last can be smaller.

        Raises NotFound if there is none.
        """
        try:
            result = await obstore.get_async(self._store, _checked(name))
            async for chunk in result.stream(min_chunk_size=chunk_bytes):
                yield bytes(chunk)
        except FileNotFoundError:
            raise NotFound.of("audio", name) from None
        except (BaseError, OSError) as error:
            raise _read_error(error) from error

    async def create_json(self, name: str, value: dict[str, object]) -> bool:
        """Stores a JSON note unless the name is taken. Returns whether it was stored."""
        return await self.create(name, json.dumps(value).encode())

    async def get_json(self, name: str) -> dict[str, object] | None:
        """Returns a JSON note, or None if there is none."""
        try:
            value: dict[str, object] = json.loads(await self.get(name))
        except NotFound:
            return None
        return value

    async def ping(self) -> None:
        """Raises Unavailable if the store can't be read."""
        try:
            await self.get("no-such-object.json")
        except NotFound:
            return

    async def close(self) -> None:
        """Does nothing, but every resource has a `close`."""


class AudioLinks:
    """Makes and verifies links to audio, which work without an API key until they expire."""

    def __init__(self, secret: str, public_url: str, ttl_seconds: int) -> None:
        self._signer = TokenSigner(secret, "audio links")
        self._public_url = public_url.rstrip("/")
        self._ttl_seconds = ttl_seconds

    def url(self, name: str) -> str:
        """Returns a link to the audio that is valid for `ttl_seconds` from now."""
        expires = int(time.time()) + self._ttl_seconds
        query = urlencode({"expires": expires, "signature": self._signer.signature(_signed(name, expires))})
        return f"{self._public_url}/api/v1/audio/{name}?{query}"

    def verify(self, name: str, expires: int, signature: str) -> None:
        """Raises Unauthenticated if the link was changed or has expired."""
        if not self._signer.is_signed(_signed(name, expires), signature):
            raise Unauthenticated("The link to this audio was changed. Read the trial again to get a valid link.")
        if expires < time.time():
            raise Unauthenticated("The link to this audio has expired. Read the trial again to get a new one.")


def _signed(name: str, expires: int) -> bytes:
    return f"{name}\n{expires}".encode()


def _open(location: str) -> ObjectStore:
    if "://" in location:
        # By default the library retries for three minutes, which is longer than any caller waits.
        return from_url(
            location,
            # The operator may configure an endpoint without TLS.
            client_options={"connect_timeout": "5s", "timeout": "30s", "allow_http": True},
            retry_config={"max_retries": RETRIES, "retry_timeout": RETRY_TIMEOUT},
        )
    folder = _folder(location)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _delete_partial_files(folder)
    return LocalStore(folder)


def _delete_partial_files(folder: Path) -> None:
    """Deletes the files of processes that were killed while writing. `put_async` gives them names with a `#`."""
    for partial in folder.glob("*#*"):
        try:
            if time.time() - partial.stat().st_mtime > MAX_WRITE_SECONDS:
                partial.unlink()
        except OSError:
            continue  # Another process has deleted it.


def _folder(location: str) -> Path:
    return Path(location).expanduser().resolve()


def _checked(name: str) -> str:
    if not NAME.fullmatch(name):
        raise NotFound.of("audio", name[:200])
    return name


def _write_error(error: Exception) -> Unavailable:
    if disk.is_disk_full_error(error):
        return DiskFull(DISK_FULL_MESSAGE)
    return Unavailable(f"The audio store can't be written: {_reason(error)}")


def _read_error(error: Exception) -> Unavailable:
    return Unavailable(f"The audio store can't be read: {_reason(error)}")


def _reason(error: Exception) -> str:
    """Logs the error and returns its reason as a short phrase."""
    log.warning("the audio store failed", error=first_line(error))
    return status.failure_reason(error)
