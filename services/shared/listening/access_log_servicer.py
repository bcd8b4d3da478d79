"""What the gateways say they have sent of clips: Envoy's access log in, the use case of hearing out.

Envoy tells of a request when it has ended, well or not. The answers with clips carry a header that says which bytes of
which clip they bring, and the entry how many bytes of the answer were written to the client's connection.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import UTC, timedelta

import structlog
from voicearena.gateway.v1 import access_log_pb2 as pb
from voicearena.gateway.v1 import access_log_pb2_grpc

from services.runtime.rpc import Context
from services.shared.listening.hearing import Hearing, Sent

log = structlog.get_logger()

HEADER = "x-voicearena-clip"
_VALUE = re.compile(r"(clp_[0-9a-f]{32}\.wav) ([0-9]{1,9})-([0-9]{1,9})/([0-9]{1,9})")
# HTTP/2 writes the headers compressed, so that they may take less than their length.
MIN_HEADER_BYTES = 20


def header(clip: str, start: int, end: int, size: int) -> str:
    """Returns the value of the header for bytes of a clip, from `start` to `end`, without the last, of `size`."""
    return f"{clip} {start}-{end}/{size}"


def sent(entry: pb.HTTPAccessLogEntry) -> Sent | None:
    """Returns which bytes of a clip a request has brought to its client; None if none."""
    found = _VALUE.fullmatch(entry.response.response_headers.get(HEADER, ""))
    if found is None:
        return None
    start, end, size = (int(number) for number in found.groups()[1:])
    # Of an HTTP/2 stream that was reset, the body may be in the gateway still.
    written = entry.common_properties.downstream_wire_bytes_sent - MIN_HEADER_BYTES
    body = min(entry.response.response_body_bytes, max(0, written))
    if entry.response.response_headers.get("content-type", "").startswith("application/grpc-web-text"):
        # Four characters for three bytes.
        body = body * 3 // 4
    return Sent(found[1], start, min(end, start + body), size)


class AccessLog(access_log_pb2_grpc.AccessLogServiceServicer):
    """Implements Envoy's AccessLogService for the routes of clips."""

    def __init__(self, hearing: Hearing) -> None:
        self._hearing = hearing
        self._leaving = asyncio.Event()

    async def StreamAccessLogs(
        self, request_iterator: AsyncIterator[pb.StreamAccessLogsMessage], context: Context
    ) -> pb.StreamAccessLogsResponse:
        """Notes what has gone out until the gateway ends the stream, or this process ends."""
        reading = asyncio.create_task(self._read(request_iterator))
        leaving = asyncio.create_task(self._leaving.wait())
        try:
            await asyncio.wait((reading, leaving), return_when=asyncio.FIRST_COMPLETED)
        finally:
            reading.cancel()
            leaving.cancel()
        return pb.StreamAccessLogsResponse()

    async def _read(self, messages: AsyncIterator[pb.StreamAccessLogsMessage]) -> None:
        async for message in messages:
            for entry in message.http_logs.log_entry:
                if (what := sent(entry)) is None:
                    continue
                common = entry.common_properties
                lasted = common.time_to_last_downstream_tx_byte.ToTimedelta() or common.duration.ToTimedelta()
                try:
                    await self._hearing.note(what, common.start_time.ToDatetime(UTC) + (lasted or timedelta(0)))
                except Exception as error:  # noqa: BLE001 - one entry that is lost must not lose those after it
                    log.warning("what went out of a clip can't be noted", clip=what.clip, error=str(error))

    async def ping(self) -> None:
        """There is nothing to check; resources have a ping."""

    async def drain(self, seconds: float) -> None:
        """Ends the streams, so that the gateways go on with another process."""
        self._leaving.set()

    async def close(self) -> None:
        """There is nothing to close; resources have a close."""
