"""Replies of gRPC-Web that a test gives instead of the mesh."""

from __future__ import annotations

import struct
from collections.abc import Iterable

from google.protobuf.message import Message
from playwright.async_api import Page, Route

from tests.contract.grpc_web import BINARY, TRAILERS


async def reply(page: Page, call: str, messages: Iterable[Message]) -> None:
    """Answers each call of an RPC, such as `LeaderboardService/GetLeaderboard`, with these messages."""
    body = b"".join(_frame(0, message.SerializeToString()) for message in messages)
    body += _frame(TRAILERS, b"grpc-status:0\r\n")

    async def fulfil(route: Route) -> None:
        await route.fulfill(status=200, content_type=BINARY, body=body)

    await page.route(f"**/voicearena.*.{call}", fulfil)


def _frame(flags: int, data: bytes) -> bytes:
    return struct.pack(">BI", flags, len(data)) + data
