"""Stored speech, for its owner and for holders of a signed link."""

from collections.abc import AsyncIterator

from services.runtime.audio_store import AudioLinks, AudioStore, StoredBytes
from services.runtime.errors import NotFound
from services.runtime.identity import Identity, no_identity
from services.tts.object_names import job_of_audio
from services.tts.store import AudioResults

Link = tuple[int, str]
"""The expiry and the signature of a signed link."""


class Audio:
    """The use cases over the audio store.

    A signed link gives access to one audio file, and the API key of the owner to all of theirs. Every method raises
    NotFound if the audio does not exist or belongs to another developer, and Unauthenticated if the link is invalid or
    there is neither a link nor a caller.
    """

    def __init__(self, store: AudioStore, results: AudioResults, links: AudioLinks) -> None:
        self._store = store
        self._results = results
        self._links = links

    async def open(self, name: str, caller: Identity | None, link: Link | None) -> AsyncIterator[bytes]:
        """Returns the pieces of a stored WAV."""
        await self._check(name, caller, link)
        return self._store.open(name)

    async def find(self, name: str, caller: Identity | None, link: Link | None) -> StoredBytes:
        """Returns the size and the version of a stored WAV."""
        await self._check(name, caller, link)
        return await self._store.find_bytes(name)

    async def _check(self, name: str, caller: Identity | None, link: Link | None) -> None:
        job_id = job_of_audio(name)
        if job_id is None:
            raise NotFound.of("audio", name[:200])
        if link is not None:
            self._links.verify(name, *link)
        elif caller is None:
            raise no_identity("Audio needs the complete link, with expires and signature, or the API key of its owner")
        speech = await self._results.find(job_id)
        if speech is None or (link is None and caller is not None and speech.developer_id != caller.developer_id):
            raise NotFound.of("audio", name)
