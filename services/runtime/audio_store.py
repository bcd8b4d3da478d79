"""Where audio lies: a local directory or an S3 bucket, and the signed links under which it can be fetched."""

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

FULL = "the disk of the audio store is full; it goes on once there is room again"
NAME = re.compile(r"[A-Za-z0-9_-]{1,120}\.(wav|json|audio)")
CHUNK_BYTES = 64 * 1024
# The parts of an object that is stored piece by piece. S3 takes none that is smaller, except the last one.
PART_BYTES = 5 * 1024 * 1024
MAX_PARTS_IN_FLIGHT = 2
# No object takes so long to write.
MAX_WRITE_SECONDS = 600.0
RETRIES = 3
RETRY_TIME = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class StoredBytes:
    """One version of an object in the store."""

    name: str
    size: int
    version: str
    """What the store calls this version; empty if it has no word for it."""

    @property
    def etag(self) -> str:
        """A strong entity tag, with its quotes."""
        known = f"{self.name}\n{self.size}\n{self.version}"
        return f'"{hashlib.sha256(known.encode()).hexdigest()[:32]}"'


class AudioStore:
    """Audio and the notes beside it, by name. Names are flat and can't leave the store."""

    def __init__(self, location: str) -> None:
        self._store: ObjectStore = _open(location)
        self._folder = None if "://" in location else _folder(location)

    def check_room(self) -> None:
        """Raises DiskFull if the next recordings might not fit. A bucket says so itself."""
        if self._folder is not None and disk.free_bytes(self._folder) < disk.MIN_FREE_BYTES:
            raise DiskFull(FULL)

    async def put(self, name: str, data: bytes) -> None:
        """Stores or replaces one object, whole or not at all; Unavailable if the store does not take it."""
        try:
            await obstore.put_async(self._store, _checked(name), data)
        except (BaseError, OSError) as error:
            raise _unwritten(error) from error

    async def put_stream(self, name: str, pieces: AsyncIterator[bytes]) -> None:
        """Stores one object piece by piece, whole or not at all, without holding it in memory.

        What `pieces` raises is raised, and nothing is stored then. Unavailable if the store does not take it.
        """
        try:
            # Unlike `put_async` with an iterator, it reads the pieces in this task, which can be cancelled.
            async with obstore.open_writer_async(
                self._store, _checked(name), buffer_size=PART_BYTES, max_concurrency=MAX_PARTS_IN_FLIGHT
            ) as file:
                async for piece in pieces:
                    await file.write(piece)
        except (BaseError, OSError) as error:
            raise _unwritten(error) from error

    async def create(self, name: str, data: bytes) -> bool:
        """Stores an object unless there is one of this name; says whether it did.

        Of all who try at once, one does. In a bucket this takes a server that honours `If-None-Match: *`, as S3 does.
        """
        try:
            await obstore.put_async(self._store, _checked(name), data, mode="create")
        except AlreadyExistsError:
            return False
        except (BaseError, OSError) as error:
            raise _unwritten(error) from error
        return True

    def local_path(self, name: str) -> Path | None:
        """Returns where an object is or would be on this machine, None if the store is a bucket."""
        return self._folder / _checked(name) if self._folder is not None else None

    async def exists(self, name: str) -> bool:
        """Says whether there is an object of this name."""
        try:
            await obstore.head_async(self._store, _checked(name))
        except FileNotFoundError:
            return False
        except (BaseError, OSError) as error:
            raise _unread(error) from error
        return True

    async def find_bytes(self, name: str) -> "StoredBytes":
        """Returns how large an object is and which version of it is there; NotFound if there is none."""
        try:
            meta = await obstore.head_async(self._store, _checked(name))
        except FileNotFoundError:
            raise NotFound.of("audio", name) from None
        except (BaseError, OSError) as error:
            raise _unread(error) from error
        return StoredBytes(name, meta["size"], meta["e_tag"] or "")

    async def read(self, stored: "StoredBytes", start: int, end: int) -> AsyncGenerator[bytes, None]:
        """Yields a part of the very version of an object that was found; Unavailable if another has replaced it."""
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
            raise _unread(error) from error

    async def delete(self, name: str) -> None:
        """Deletes an object, if it is there."""
        try:
            await obstore.delete_async(self._store, _checked(name))
        except FileNotFoundError:
            return
        except (BaseError, OSError) as error:
            raise _unwritten(error) from error

    async def get(self, name: str) -> bytes:
        """Returns one object; NotFound if there is none."""
        return b"".join([chunk async for chunk in self.open(name)])

    async def open(self, name: str, chunk_bytes: int = CHUNK_BYTES) -> AsyncIterator[bytes]:
        """Yields one object in chunks of at least `chunk_bytes`, the last may be smaller; NotFound if there is none."""
        try:
            result = await obstore.get_async(self._store, _checked(name))
            async for chunk in result.stream(min_chunk_size=chunk_bytes):
                yield bytes(chunk)
        except FileNotFoundError:
            raise NotFound.of("audio", name) from None
        except (BaseError, OSError) as error:
            raise _unread(error) from error

    async def create_json(self, name: str, value: dict[str, object]) -> bool:
        """Stores a note unless there is one of this name; says whether it did."""
        return await self.create(name, json.dumps(value).encode())

    async def get_json(self, name: str) -> dict[str, object] | None:
        """Returns a note, None if there is none."""
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
        """There is nothing to close; resources have a close."""


class AudioLinks:
    """Makes and checks links to audio that work without a key until they expire."""

    def __init__(self, secret: str, public_url: str, ttl_seconds: int) -> None:
        self._signer = TokenSigner(secret, "audio links")
        self._public_url = public_url.rstrip("/")
        self._ttl_seconds = ttl_seconds

    def url(self, name: str) -> str:
        """Returns a link to the audio that works from now for the time set."""
        expires = int(time.time()) + self._ttl_seconds
        query = urlencode({"expires": expires, "signature": self._signer.signature(_signed(name, expires))})
        return f"{self._public_url}/api/v1/audio/{name}?{query}"

    def verify(self, name: str, expires: int, signature: str) -> None:
        """Raises Unauthenticated if the link was changed or has expired."""
        if not self._signer.is_signed(_signed(name, expires), signature):
            raise Unauthenticated("the link to this audio was changed; read the trial again for a good one")
        if expires < time.time():
            raise Unauthenticated("the link to this audio has expired; read the trial again for a new one")


def _signed(name: str, expires: int) -> bytes:
    return f"{name}\n{expires}".encode()


def _open(location: str) -> ObjectStore:
    if "://" in location:
        # The library's own patience is three minutes, which is more than any caller has.
        return from_url(
            location,
            # Without TLS only where the endpoint that was set says so, as a server of one's own may.
            client_options={"connect_timeout": "5s", "timeout": "30s", "allow_http": True},
            retry_config={"max_retries": RETRIES, "retry_timeout": RETRY_TIME},
        )
    folder = _folder(location)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _sweep(folder)
    return LocalStore(folder)


def _sweep(folder: Path) -> None:
    """Deletes what processes that were killed in the middle of writing have left; see `put_async` for its names."""
    for partial in folder.glob("*#*"):
        try:
            if time.time() - partial.stat().st_mtime > MAX_WRITE_SECONDS:
                partial.unlink()
        except OSError:
            continue  # Another process was first.


def _folder(location: str) -> Path:
    return Path(location).expanduser().resolve()


def _checked(name: str) -> str:
    if not NAME.fullmatch(name):
        raise NotFound.of("audio", name[:200])
    return name


def _unwritten(error: Exception) -> Unavailable:
    if disk.says_full(error):
        return DiskFull(FULL)
    return Unavailable(f"the audio store can't be written: {_reason(error)}")


def _unread(error: Exception) -> Unavailable:
    return Unavailable(f"the audio store can't be read: {_reason(error)}")


def _reason(error: Exception) -> str:
    """Returns the end of what the library says, which is the system's or the server's reason; the rest names paths."""
    log.warning("the audio store failed", error=first_line(error))
    return status.reason_of(error)
