"""An OpenTelemetry collector that receives traces over OTLP/HTTP and stores them in memory."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)


@dataclass(frozen=True)
class Span:
    """One exported span. Ids are hexadecimal."""

    service: str
    name: str
    trace_id: str
    span_id: str
    parent_id: str
    attributes: Mapping[str, str]


class TraceCollector:
    """The collector. `spans` are the spans that it received."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.url = ""
        self._received = asyncio.Condition()

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[TraceCollector]:
        """Listens on a free port."""
        server = await asyncio.start_server(self._converse, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield self
        finally:
            server.close()

    def trace(self, trace_id: str) -> list[Span]:
        """Returns the spans of a trace that it has received."""
        return [span for span in self.spans if span.trace_id == trace_id]

    async def whole_trace(self, trace_id: str, root: str, wanted: set[str]) -> None:
        """Waits until the collector has a span of each name in `wanted`, and the parent of every span except `root`.

        Processes export at different times, so a parent can arrive after its children.
        """
        async with self._received:
            while True:
                found = self.trace(trace_id)
                known = {root, *(span.span_id for span in found)}
                if wanted <= {span.name for span in found} and all(span.parent_id in known for span in found):
                    return
                await self._received.wait()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in head[1:] if line)}
                body = await reader.readexactly(int(headers["content-length"]))
                right = head[0] == "POST /v1/traces HTTP/1.1" and headers["content-type"] == "application/x-protobuf"
                if right:
                    await self._take(gzip.decompress(body) if headers.get("content-encoding") == "gzip" else body)
                answer = ExportTraceServiceResponse().SerializeToString()
                status = "200 OK" if right else "400 Bad Request"
                writer.write(f"HTTP/1.1 {status}\r\ncontent-length: {len(answer)}\r\n\r\n".encode() + answer)
                await writer.drain()
        writer.close()

    async def _take(self, body: bytes) -> None:
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            names = {a.key: a.value.string_value for a in resource.resource.attributes}
            for scope in resource.scope_spans:
                self.spans += [
                    Span(
                        names["service.name"].removeprefix("voicearena-"),
                        span.name,
                        span.trace_id.hex(),
                        span.span_id.hex(),
                        span.parent_span_id.hex(),
                        {a.key: a.value.string_value for a in span.attributes},
                    )
                    for span in scope.spans
                ]
        async with self._received:
            self._received.notify_all()
