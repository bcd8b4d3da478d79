"""Learns from Envoy's access log which bytes of clips the gateways have sent.

Envoy logs a request when it has ended, completely or not. Each response with a clip has a header that names the clip
and its range of bytes. The log entry says how many bytes of the response were written to the client's connection.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import UTC, timedelta

import structlog
from voicearena.gateway.v1 import access_log_pb2 as pb
from voicearena.gateway.v1 import access_log_pb2_grpc

from services.runtime.rpc import Context
from services.shared.listening.clip_transfers import ClipTransfers, SentRange

log = structlog.get_logger()

HEADER = "x-voicearena-clip"
_HEADER_VALUE = re.compile(r"(clp_[0-9a-f]{32}\.wav) ([0-9]{1,9})-([0-9]{1,9})/([0-9]{1,9})")
# A lower limit for the size of the response headers, which HTTP/2 compresses.
MIN_HEADER_BYTES = 20


def header(clip: str, start: int, end: int, size: int) -> str:
    """Returns the value of HEADER for bytes `start` to `end` (exclusive) of a clip of `size` bytes."""
    return f"{clip} {start}-{end}/{size}"


def sent(entry: pb.HTTPAccessLogEntry) -> SentRange | None:
    """Returns the bytes of a clip that a request has brought to its client, None if it brought none.

    The range may be empty (`start` = `end`) if the response was cut off.
    """
    found = _HEADER_VALUE.fullmatch(entry.response.response_headers.get(HEADER, ""))
    if found is None:
        return None
    start, end, size = (int(number) for number in found.groups()[1:])
    # When an HTTP/2 stream is reset, part of the body may never have left the gateway.
    written = entry.common_properties.downstream_wire_bytes_sent - MIN_HEADER_BYTES
    body = min(entry.response.response_body_bytes, max(0, written))
    if entry.response.response_headers.get("content-type", "").startswith("application/grpc-web-text"):
        # Base64: four characters for three bytes.
        body = body * 3 // 4
    return SentRange(found[1], start, min(end, start + body), size)


class AccessLog(access_log_pb2_grpc.AccessLogServiceServicer):
    """Implements Envoy's AccessLogService for the routes that serve clips."""

    def __init__(self, transfers: ClipTransfers) -> None:
        self._transfers = transfers
        self._draining = asyncio.Event()

    async def StreamAccessLogs(
        self, request_iterator: AsyncIterator[pb.StreamAccessLogsMessage], context: Context
    ) -> pb.StreamAccessLogsResponse:
        """Records which bytes were sent, until the gateway ends the stream or this process drains."""
        reading = asyncio.create_task(self._read(request_iterator))
        draining = asyncio.create_task(self._draining.wait())
        try:
            await asyncio.wait((reading, draining), return_when=asyncio.FIRST_COMPLETED)
        finally:
            reading.cancel()
            draining.cancel()
        return pb.StreamAccessLogsResponse()

    async def _read(self, messages: AsyncIterator[pb.StreamAccessLogsMessage]) -> None:
        async for message in messages:
            for entry in message.http_logs.log_entry:
                if (sent_range := sent(entry)) is None:
                    continue
                common = entry.common_properties
                duration = common.time_to_last_downstream_tx_byte.ToTimedelta() or common.duration.ToTimedelta()
                try:
                    await self._transfers.record(
                        sent_range, common.start_time.ToDatetime(UTC) + (duration or timedelta(0))
                    )
                except Exception as error:  # noqa: BLE001 - a bad entry must not lose the entries after it
                    log.warning("can't record which bytes of a clip were sent", clip=sent_range.clip, error=str(error))

    async def ping(self) -> None:
        """Does nothing. The server pings every resource."""

    async def drain(self, seconds: float) -> None:
        """Ends the streams, so that the gateways connect to another process."""
        self._draining.set()

    async def close(self) -> None:
        """Does nothing. The server closes every resource."""
