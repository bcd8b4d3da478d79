"""Uploads of recordings: checked, stored while they arrive, and evaluated."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Protocol

from services.runtime.errors import FieldViolation, InvalidInput, RequestTooLarge, Unavailable
from services.scoring.evaluations.domain import Evaluation, EvaluationPlan, StoredRecording
from services.scoring.evaluations.recordings import Recordings
from services.scoring.evaluations.signatures import FORMATS, HEAD_BYTES, content_type_of
from services.scoring.evaluations.usecases import Evaluations


class Incoming(Protocol):
    """An upload that is arriving. Call `begin`, then read `pieces` to the end."""

    async def begin(self) -> None:
        """Reads what comes before the recording. Raises InvalidInput if there is no recording."""

    def plan(self) -> EvaluationPlan:
        """Returns what is asked for, as far as it is known. It is all known at the end of the recording."""

    def pieces(self) -> AsyncGenerator[bytes, None]:
        """Yields the recording as it arrives."""

    def note_digest(self, sha256: str) -> None:
        """Makes the recording part of the fingerprint of the call, so that its request id stands for this recording."""


class UploadFiles(Protocol):
    """The part of `services.runtime.audio_store.AudioStore` that uploads need."""

    def check_free_space(self) -> None: ...

    async def put_stream(self, name: str, pieces: AsyncIterator[bytes]) -> None: ...


class Uploads:
    """The use case over the audio store. An upload that fails or breaks off leaves nothing in the store."""

    def __init__(self, evaluations: Evaluations, recordings: Recordings, audio: UploadFiles, max_size_mb: int) -> None:
        self._evaluations = evaluations
        self._recordings = recordings
        self._audio = audio
        self._max_size_mb = max_size_mb

    async def receive(self, upload: Incoming) -> Evaluation:
        """Stores a recording and starts its evaluation.

        Raises InvalidInput, RequestTooLarge, QuotaExceeded, Busy and DiskFull, and what the upload raises. Bad fields
        before the recording, a quota and a full disk are noticed before the recording is read.
        """
        await upload.begin()
        plan = upload.plan()
        prepared = await self._evaluations.prepare(plan)
        content = _Content(upload, self._max_size_mb)
        if prepared.earlier is not None:
            return await self._repeated(upload, content)
        name = prepared.recording_name
        try:
            self._audio.check_free_space()
            async with aclosing(content.pieces()) as pieces:
                await self._audio.put_stream(name, pieces)
            complete = upload.plan()
            checked = prepared.plan if complete == plan else await self._evaluations.check(complete)
            upload.note_digest(content.sha256)
            return await self._evaluations.start(checked, StoredRecording(name, content.content_type, uploaded=True))
        except BaseException:
            # Also when the client has left, which cancels this task.
            await asyncio.shield(self._recordings.discard(name))
            raise

    async def _repeated(self, upload: Incoming, content: _Content) -> Evaluation:
        """Returns what the same upload has made before. The recording is read, to compare it, and not stored."""
        async with aclosing(content.pieces()) as pieces:
            async for _ in pieces:
                pass
        upload.note_digest(content.sha256)
        again = await self._evaluations.prepare(upload.plan())
        if again.earlier is None:
            await self._recordings.discard(again.recording_name)
            raise Unavailable("the evaluation of this request was deleted meanwhile; send the upload again")
        return again.earlier


class _Content:
    """The bytes of a recording, checked while they pass."""

    def __init__(self, upload: Incoming, max_size_mb: int) -> None:
        self.content_type = ""
        """What the first bytes say. Known when these have passed."""
        self._upload = upload
        self._max_size_mb = max_size_mb
        self._digest = hashlib.sha256()

    @property
    def sha256(self) -> str:
        """The digest of the bytes so far, in hexadecimal digits."""
        return self._digest.hexdigest()

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        """Yields the bytes. Raises InvalidInput if they are no recording, RequestTooLarge if they are too many."""
        size, head = 0, bytearray()
        async with aclosing(self._upload.pieces()) as arriving:
            async for piece in arriving:
                size += len(piece)
                if size > self._max_size_mb * 1024 * 1024:
                    raise RequestTooLarge(
                        f"audio: the recording must have at most {self._max_size_mb} MiB; MAX_UPLOAD_SIZE_MB sets this"
                    )
                self._digest.update(piece)
                if self.content_type:
                    yield piece
                    continue
                head += piece
                if len(head) >= HEAD_BYTES:
                    self._recognise(bytes(head))
                    yield bytes(head)
        if not self.content_type:
            self._recognise(bytes(head))
            yield bytes(head)

    def _recognise(self, head: bytes) -> None:
        if not head:
            raise InvalidInput.of(FieldViolation("audio", "must not be empty"))
        content_type = content_type_of(head[:HEAD_BYTES])
        if content_type is None:
            raise InvalidInput.of(FieldViolation("audio", f"must be a recording: {FORMATS}"))
        self.content_type = content_type
