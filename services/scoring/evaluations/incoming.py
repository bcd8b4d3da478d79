"""Uploads as they arrive over HTTP and over gRPC."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator

from voicearena.scoring.v1.evaluation_service_pb2 import CreateEvaluationRequest, UploadEvaluationRequest

from services.runtime import request_ids
from services.runtime.errors import FieldViolation, InvalidInput
from services.runtime.form_fields import message_of
from services.runtime.http_uploads import MAX_DISCARDED_BYTES, Upload
from services.scoring.evaluations import convert
from services.scoring.evaluations.domain import EvaluationPlan


class HttpUpload:
    """An upload over HTTP, whose fields can come after the recording."""

    def __init__(self, upload: Upload) -> None:
        self._upload = upload

    async def begin(self) -> None:
        """Reads the fields before the recording. Raises InvalidInput if there is no recording."""
        await self._upload.begin()

    def plan(self) -> EvaluationPlan:
        """Returns what the fields that have arrived ask for. Raises InvalidInput that names every bad field."""
        return convert.plan(self._request())

    def pieces(self) -> AsyncGenerator[bytes, None]:
        """Yields the recording as it arrives."""
        return self._upload.pieces()

    def note_digest(self, sha256: str) -> None:
        """Makes the recording part of the fingerprint of the call."""
        _note(self._request(), sha256)

    def _request(self) -> CreateEvaluationRequest:
        return message_of(CreateEvaluationRequest, self._upload.fields)


class GrpcUpload:
    """An upload over gRPC, whose first message has the request."""

    def __init__(self, messages: AsyncIterator[UploadEvaluationRequest]) -> None:
        self._messages = messages
        self._request = CreateEvaluationRequest()
        self._first = b""

    async def begin(self) -> None:
        """Reads the first message. Raises InvalidInput if there is none."""
        first = await anext(self._messages, None)
        if first is None:
            raise InvalidInput.of(FieldViolation("", "the stream must have at least one message"))
        self._request, self._first = first.request, first.audio

    def plan(self) -> EvaluationPlan:
        """Returns what the first message asks for."""
        return convert.plan(self._request)

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        """Yields the recording as it arrives."""
        if self._first:
            yield self._first
        async for message in self._messages:
            if message.HasField("request"):
                raise InvalidInput.of(FieldViolation("request", "must be in the first message only"))
            yield message.audio

    def note_digest(self, sha256: str) -> None:
        """Makes the recording part of the fingerprint of the call."""
        _note(self._request, sha256)

    async def discard(self) -> None:
        """Reads the rest, up to MAX_DISCARDED_BYTES. A client that still sends finds no reason why its call ended."""
        size = 0
        async for message in self._messages:
            size += len(message.audio)
            if size > MAX_DISCARDED_BYTES:
                return


def _note(request: CreateEvaluationRequest, sha256: str) -> None:
    """Makes a request with a recording the request of the call at hand. In an upload `audio_name` is empty."""
    known = CreateEvaluationRequest()
    known.CopyFrom(request)
    known.audio_name = f"sha256:{sha256}"
    request_ids.set_request(known)
