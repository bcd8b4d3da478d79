"""Takes uploads over plain HTTP: the bytes of a file in the body, or as one part of `multipart/form-data`.

The gateway sends uploads here instead of transcoding them. Everything else is as for an RPC: the identity that the
gateway found, the scope, the errors in JSON, the trace and the metrics, under the RPC's name. The body is read as it
arrives and as fast as it is stored.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from urllib.parse import parse_qs

import structlog
from google.protobuf.message import Message as ProtoMessage
from google.rpc import code_pb2

from services.runtime import identity, telemetry
from services.runtime.error_status import to_status
from services.runtime.errors import ArenaError, FieldViolation, InvalidInput, UnsupportedMediaType
from services.runtime.http_answers import Message, Receive, Send, answer_json, refuse
from services.runtime.interceptors import Admission, RpcDurations, error_for_caller
from services.runtime.multipart import MEDIA_TYPE, Multipart, boundary_of
from services.runtime.open_streams import OpenStreams

log = structlog.get_logger()

FILE_FIELD = "audio"
"""The name of the part of a form that is the file."""
MAX_DISCARDED_BYTES = 1024 * 1024 * 1024
"""The body of an upload that is refused is read to its end up to this size. Many clients read the response only after
they have sent everything."""
TYPES_ALLOWED = f"{MEDIA_TYPE}, audio/*, video/*, application/ogg or application/octet-stream"
_FILE_TYPE = re.compile(r"(audio|video)/[\w.+-]+|application/(ogg|octet-stream)", re.ASCII)


class UploadBroken(Exception):
    """The client left before it had sent everything."""


class Upload:
    """An upload that is arriving. Call `begin`, then read `pieces` to the end. Only then are all fields known."""

    def __init__(self, content_type: str, query: str, body: AsyncGenerator[bytes, None]) -> None:
        """Raises UnsupportedMediaType and InvalidInput if the body can be no upload."""
        try:
            self._query = parse_qs(query, keep_blank_values=True, errors="strict")
        except UnicodeDecodeError:
            raise InvalidInput.of(FieldViolation("", "the query must be text in UTF-8")) from None
        self._body = body
        media_type = content_type.partition(";")[0].strip().lower()
        self._form: Multipart | None = None
        if media_type == MEDIA_TYPE:
            self._form = Multipart(boundary_of(content_type), body, FILE_FIELD)
        elif not _FILE_TYPE.fullmatch(media_type):
            raise UnsupportedMediaType(
                f"content-type: must be {TYPES_ALLOWED} to upload a recording, or application/json to evaluate stored "
                "audio"
            )

    @property
    def fields(self) -> Mapping[str, Sequence[str]]:
        """The fields of the query and of the form, as far as they have arrived."""
        found = {name: list(values) for name, values in self._query.items()}
        for name, values in self._form.fields.items() if self._form else ():
            found.setdefault(name, []).extend(values)
        return found

    async def begin(self) -> None:
        """Reads the fields before the file. Raises InvalidInput if there is no file."""
        if self._form is not None:
            await self._form.begin()

    def pieces(self) -> AsyncGenerator[bytes, None]:
        """Yields the file as it arrives. Raises UploadBroken if the client leaves."""
        return self._form.pieces() if self._form is not None else self._body


Take = Callable[[Upload], Awaitable[ProtoMessage]]


@dataclass(frozen=True, slots=True)
class UploadRoute:
    """An RPC that takes uploads."""

    rpc: str
    take: Take
    """Stores an upload and returns the response of the RPC, or raises the error for the caller."""
    admission: Admission
    streams: OpenStreams
    durations: RpcDurations

    async def answer(self, scope: Message, headers: Mapping[str, str], receive: Receive, send: Send) -> int:
        """Answers a request, and returns how it went as a google.rpc.Code."""
        body = _Body(receive)
        try:
            token = headers.get(identity.IDENTITY_HEADER, "")
            caller = self.admission.known(token) or await self.admission.admit(token)
            identity.set_caller(caller)
            with self.streams.opened(caller) as stream:
                async with aclosing(body.pieces()) as arriving:

                    async def pieces() -> AsyncGenerator[bytes, None]:
                        # Ends when the caller's API key becomes invalid.
                        while (piece := await stream.next(arriving)) is not None:
                            yield piece

                    query = scope["query_string"].decode("latin-1")
                    upload = Upload(headers.get("content-type", ""), query, pieces())
                    response = await self.take(upload)
            await body.discard()
            await answer_json(send, 200, response, {})
            return int(code_pb2.OK)
        except UploadBroken:
            return int(code_pb2.CANCELLED)
        except Exception as error:  # noqa: BLE001 - every error becomes an answer here
            return await self._refuse(error_for_caller(error, self.rpc), body, send)

    async def _refuse(self, error: ArenaError, body: _Body, send: Send) -> int:
        try:
            await body.discard()
        except UploadBroken:
            return int(code_pb2.CANCELLED)
        log.info("an upload was refused", method=self.rpc, reason=error.reason, trace_id=telemetry.trace_id())
        await refuse(send, error)
        return int(to_status(error).code)


class _Body:
    """The body of one request."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._received_bytes = 0
        self._complete = False

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        """Yields the body as it arrives. Raises UploadBroken if the client leaves."""
        while not self._complete:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise UploadBroken
            self._complete = not message.get("more_body", False)
            self._received_bytes += len(message["body"])
            if message["body"]:
                yield message["body"]

    async def discard(self) -> None:
        """Reads the rest, up to MAX_DISCARDED_BYTES. Raises UploadBroken if the client leaves."""
        async with aclosing(self.pieces()) as pieces:
            async for _ in pieces:
                if self._received_bytes > MAX_DISCARDED_BYTES:
                    return
