"""Speech that was kept, for its owner and for whoever has a signed link."""

from collections.abc import AsyncIterator

from services.runtime.audio_store import AudioLinks, AudioStore, StoredBytes
from services.runtime.errors import NotFound
from services.runtime.identity import Identity, nobody
from services.tts.object_names import job_of_audio
from services.tts.store import AudioResults

Link = tuple[int, str]
"""The expiry and the signature of a signed link."""


class Audio:
    """The use cases over the audio store.

    Audio may be heard by a signed link, or by its owner. All raise NotFound if there is none or it is somebody else's,
    Unauthenticated if the link is not good or there is neither link nor caller.
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
        """Returns how large a stored WAV is and which version of it is there."""
        await self._check(name, caller, link)
        return await self._store.find_bytes(name)

    async def _check(self, name: str, caller: Identity | None, link: Link | None) -> None:
        job_id = job_of_audio(name)
        if job_id is None:
            raise NotFound.of("audio", name[:200])
        if link is not None:
            self._links.verify(name, *link)
        elif caller is None:
            raise nobody("audio needs the whole link, with expires and signature, or its owner's API key")
        speech = await self._results.find(job_id)
        if speech is None or (link is None and caller is not None and speech.developer_id != caller.developer_id):
            raise NotFound.of("audio", name)
