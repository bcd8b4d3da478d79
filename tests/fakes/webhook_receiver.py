"""A receiver of webhooks, built with the public library `standardwebhooks` as a user would build it.

It serves HTTP/1.1 over a real socket. The path selects the behaviour, so one receiver offers every behaviour:
`receiver.url("ok")` accepts messages, `receiver.url("hanging")` never responds. A path can continue after its behaviour
(`ok/of-ada`), so that each test has its own endpoints.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError

MAX_BODY_BYTES = 20_000
FLOOD = b"x" * 65_536


@dataclass(frozen=True)
class Behaviour:
    """How the receiver responds to a message."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    hangs: bool = False
    """Neither responds nor closes the connection."""
    closes: bool = False
    raw: bytes | None = None
    """Sent instead of a response."""
    floods_with: bytes | None = None
    """Sent repeatedly after the status."""
    hangs_in_body: bool = False


BEHAVIOURS: Mapping[str, Behaviour] = {
    "ok": Behaviour(),
    "created": Behaviour(201),
    "empty": Behaviour(204),
    "gone": Behaviour(410),
    "busy": Behaviour(429, {"retry-after": "120"}),
    "overloaded": Behaviour(503, {"retry-after": "Fri, 31 Dec 1999 23:59:59 GMT"}),
    "bad_gateway": Behaviour(502),
    "failing": Behaviour(500),
    "refusing": Behaviour(400),
    "redirecting": Behaviour(302, {"location": "/ok"}),
    "moved": Behaviour(308, {"location": "/ok"}),
    "hanging": Behaviour(hangs=True),
    "closing": Behaviour(closes=True),
    "garbage": Behaviour(raw=b"SSH-2.0-OpenSSH_9.2\r\n"),
    "flooding": Behaviour(floods_with=FLOOD),
    "flooding_headers": Behaviour(raw=b"HTTP/1.1 200 OK\r\n", floods_with=b"x-more: " + b"y" * 1000 + b"\r\n"),
    "slow_body": Behaviour(hangs_in_body=True),
    "cookies": Behaviour(headers={"set-cookie": "session=1; Path=/"}),
}


@dataclass(frozen=True)
class Message:
    """One request as it was received."""

    path: str
    headers: Mapping[str, str]
    body: bytes
    verified: bool
    """Whether every secret of this path verifies it."""

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class WebhookReceiver:
    """The receiver. `messages` are all messages that it received, whatever its responses were."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.behaviours = dict(BEHAVIOURS)
        self.messages: list[Message] = []
        self.secrets: dict[str, list[str]] = {}
        """The secrets of each path. Every one must verify a message. A path without secrets accepts all messages."""
        self.port = 0
        self.connections = 0
        self._tls = tls
        self._received = asyncio.Condition()
        self._tasks: set[asyncio.Task[None]] = set()

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"{'https' if self._tls else 'http'}://{host}:{self.port}/{path}"

    def at(self, path: str) -> list[Message]:
        """Returns the messages that a path has received."""
        return [message for message in self.messages if message.path == f"/{path}"]

    async def wait(self, path: str, count: int = 1) -> list[Message]:
        """Waits until a path has received `count` messages, and returns all of them."""
        async with self._received:
            await self._received.wait_for(lambda: len(self.at(path)) >= count)
        return self.at(path)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[WebhookReceiver]:
        """Listens on a free port, and closes every connection at the end."""
        server = await asyncio.start_server(self._converse, "127.0.0.1", 0, ssl=self._tls)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        try:
            with suppress(asyncio.IncompleteReadError, ConnectionError):
                await self._exchange(reader, writer)
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        pairs = (line.split(":", 1) for line in head[1:] if line)
        headers = {name.strip().lower(): value.strip() for name, value in pairs}
        length = int(headers.get("content-length", "0"))
        body = await reader.readexactly(min(length, MAX_BODY_BYTES))
        method, path, _ = head[0].split(" ")
        behaviour = self.behaviours[path.partition("?")[0].split("/")[1]]
        verified = self._verified(path, headers, body)
        if method != "POST" or length >= MAX_BODY_BYTES or headers.get("content-type") != "application/json":
            behaviour = Behaviour(400)
        elif not verified:
            behaviour = Behaviour(401)
        async with self._received:
            self.messages.append(Message(path, headers, body, verified))
            self._received.notify_all()
        await _respond(behaviour, writer)

    def _verified(self, path: str, headers: dict[str, str], body: bytes) -> bool:
        try:
            for secret in self.secrets.get(path.lstrip("/"), []):
                Webhook(secret).verify(body, headers)
        except WebhookVerificationError:
            return False
        return True

    def answer(self, path: str, **values: Any) -> None:
        """Changes a behaviour from now on."""
        self.behaviours[path] = replace(self.behaviours[path], **values)


async def _respond(behaviour: Behaviour, writer: asyncio.StreamWriter) -> None:
    if behaviour.closes:
        return
    if behaviour.hangs:
        await asyncio.Event().wait()
    if behaviour.raw is not None:
        writer.write(behaviour.raw)
    else:
        lines = [f"HTTP/1.1 {behaviour.status} Whatever", *(f"{k}: {v}" for k, v in behaviour.headers.items())]
        endless = behaviour.floods_with is not None or behaviour.hangs_in_body
        lines.append(f"content-length: {10**15 if endless else 0}")
        writer.write("\r\n".join((*lines, "", "")).encode())
    while behaviour.floods_with is not None:
        writer.write(behaviour.floods_with)
        await writer.drain()
    await writer.drain()
    if behaviour.hangs_in_body:
        await asyncio.Event().wait()
