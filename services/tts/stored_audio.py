"""GetAudio over plain HTTP: requests in, use case, what to send out."""

import time
from collections.abc import Mapping
from functools import partial

from services.runtime.audio_store import AudioStore
from services.runtime.errors import FieldViolation, InvalidInput
from services.runtime.http_bytes import Asked, Content
from services.runtime.identity import current_caller
from services.tts.usecases.audio import Audio, Link

MAX_EXPIRES = 2**32 - 1


class StoredAudio:
    """Finds stored audio for whoever asks."""

    def __init__(self, audio: Audio, store: AudioStore) -> None:
        self._audio = audio
        self._store = store

    async def find(self, asked: Asked) -> Content:
        """Returns a stored WAV; raises as `Audio.find` does, and InvalidInput for a bad query."""
        link, caller = _link(asked.query), current_caller()
        stored = await self._audio.find(asked.name, caller.identity if caller else None, link)
        return Content(
            content_type="audio/wav",
            size=stored.size,
            etag=stored.etag,
            read=partial(self._store.read, stored),
            headers={
                "cache-control": _cache_control(link),
                "content-disposition": f'inline; filename="{stored.name}"',
            },
        )


def _link(query: Mapping[str, str]) -> Link | None:
    """Reads the query of a signed link, None if there is none, as the gateway's transcoder would."""
    violations = [
        FieldViolation(name, "there is no such parameter") for name in query.keys() - {"expires", "signature"}
    ]
    expires = query.get("expires", "")
    if expires and not (expires.isascii() and expires.isdecimal() and int(expires[:20]) <= MAX_EXPIRES):
        violations.append(FieldViolation("expires", "must be a whole number of seconds since 1970"))
    if violations:
        raise InvalidInput(*violations)
    signature = query.get("signature", "")
    return (int(expires or "0"), signature) if expires or signature else None


def _cache_control(link: Link | None) -> str:
    """Nobody keeps it for others, and a browser no longer than the link works; by a key, it asks each time."""
    if link is None:
        return "private, no-cache"
    return f"private, max-age={max(0, link[0] - int(time.time()))}, immutable"
