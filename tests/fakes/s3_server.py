"""An S3 bucket in memory that checks signatures as S3 does (AWS Signature Version 4)."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from urllib.parse import parse_qsl, quote, urlsplit
from xml.etree import ElementTree
from xml.sax.saxutils import escape

ACCESS_KEY, SECRET_KEY, REGION, BUCKET = "AKIDEXAMPLE", "a-secret-key", "eu-central-1", "voices"
UNSIGNED = "UNSIGNED-PAYLOAD"


class S3Server:
    """The server. `objects` holds the stored objects by key. While `away` is set, it responds with 503."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.sent: list[str] = []
        """The Range of each object that was sent, empty for the whole object."""
        self.away = False
        self.requests = 0
        self.port = 0

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables with which an S3 client reaches it."""
        return {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}",
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_REGION": REGION,
        }

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[S3Server]:
        """Listens on a free port."""
        server = await asyncio.start_server(self._converse, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in head[1:] if line)}
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                method, target, _ = head[0].split(" ")
                status, answer = self._answer(method, target, headers, body)
                kept = self.objects.get(_key(target), b"") if method in ("GET", "HEAD") else b""
                extra = ""
                # A request with a Range gets a part of the object.
                if method == "GET" and status.startswith("200") and "range" in headers:
                    first, _, last = headers["range"].removeprefix("bytes=").partition("-")
                    start, end = int(first), min(int(last) + 1, len(kept))
                    status, answer = "206 Partial Content", kept[start:end]
                    extra = f"content-range: bytes {start}-{end - 1}/{len(kept)}\r\n"
                length = len(kept) if method == "HEAD" else len(answer)
                writer.write(
                    f"HTTP/1.1 {status}\r\netag: {_etag(kept)}\r\nlast-modified: Wed, 21 Oct 2015 07:28:00 GMT\r\n"
                    f"{extra}content-length: {length}\r\n\r\n".encode()
                    + answer
                )
                await writer.drain()
        writer.close()

    def _answer(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> tuple[str, bytes]:
        self.requests += 1
        if self.away:
            return "503 Slow Down", b"<Error><Code>SlowDown</Code></Error>"
        if headers.get("authorization") != _authorization(method, target, headers, body):
            return "403 Forbidden", b"<Error><Code>SignatureDoesNotMatch</Code></Error>"
        bucket, _, key = urlsplit(target).path.removeprefix("/").partition("/")
        if bucket != BUCKET:
            return "404 Not Found", b"<Error><Code>NoSuchBucket</Code></Error>"
        if method == "PUT":
            if headers.get("if-none-match") == "*" and key in self.objects:
                return "412 Precondition Failed", b"<Error><Code>PreconditionFailed</Code></Error>"
            self.objects[key] = body
            return "200 OK", b""
        if method == "POST" and urlsplit(target).query == "delete":
            return "200 OK", self._delete(body)
        if method == "HEAD":
            return ("200 OK" if key in self.objects else "404 Not Found"), b""
        if method != "GET":
            return "405 Method Not Allowed", b"<Error><Code>MethodNotAllowed</Code></Error>"
        if key not in self.objects:
            return "404 Not Found", b"<Error><Code>NoSuchKey</Code></Error>"
        if headers.get("if-match", _etag(self.objects[key])) != _etag(self.objects[key]):
            return "412 Precondition Failed", b"<Error><Code>PreconditionFailed</Code></Error>"
        self.sent.append(headers.get("range", ""))
        return "200 OK", self.objects[key]

    def _delete(self, request: bytes) -> bytes:
        """Deletes the objects of a DeleteObjects request. Like S3, it also reports missing objects as deleted."""
        keys = [element.text or "" for element in ElementTree.fromstring(request).iter() if _local(element) == "Key"]
        for key in keys:
            self.objects.pop(key, None)
        deleted = "".join(f"<Deleted><Key>{escape(key)}</Key></Deleted>" for key in keys)
        return f"<DeleteResult>{deleted}</DeleteResult>".encode()


def _key(target: str) -> str:
    return urlsplit(target).path.removeprefix("/").partition("/")[2]


def _etag(content: bytes) -> str:
    return f'"{hashlib.md5(content).hexdigest()}"'


def _local(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def _authorization(method: str, target: str, headers: Mapping[str, str], body: bytes) -> str:
    """Returns the authorization header that the request should have, computed as AWS documents it."""
    claimed = headers.get("authorization", "")
    fields = dict(part.strip().partition("=")[::2] for part in claimed.partition(" ")[2].split(","))
    signed = fields.get("SignedHeaders", "")
    payload = headers.get("x-amz-content-sha256", "")
    if payload not in (UNSIGNED, hashlib.sha256(body).hexdigest()) or "host" not in signed.split(";"):
        return "not signed"
    url = urlsplit(target)
    query = "&".join(f"{quote(k, safe='-_.~')}={quote(v, safe='-_.~')}" for k, v in sorted(parse_qsl(url.query, True)))
    lines = "".join(f"{name}:{headers.get(name, '')}\n" for name in signed.split(";"))
    request = f"{method}\n{url.path}\n{query}\n{lines}\n{signed}\n{payload}"
    at = headers.get("x-amz-date", "")
    scope = f"{at[:8]}/{REGION}/s3/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{at}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    key = f"AWS4{SECRET_KEY}".encode()
    for part in (at[:8], REGION, "s3", "aws4_request", text):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return f"AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/{scope}, SignedHeaders={signed}, Signature={key.hex()}"
