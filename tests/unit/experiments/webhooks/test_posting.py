"""Attempts over HTTP, to receivers of every temper."""

import asyncio
import ipaddress
import ssl
import time
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from services.experiments.webhooks.addresses import Address
from services.experiments.webhooks.domain import Answer, Outcome
from services.experiments.webhooks.posting import HttpPost
from services.experiments.webhooks.reach import Reach
from tests.fakes.webhook_receiver import WebhookReceiver

LOOPBACK = Reach((ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128")))
HERE = ipaddress.ip_address("127.0.0.1")
# Of an attempt here; what hangs is to be found out in a moment.
TIMEOUT_SECONDS = 0.4


class Names:
    """A name server that gives other answers each time."""

    def __init__(self, *answers: Sequence[Address | str]) -> None:
        self.answers = [[ipaddress.ip_address(address) for address in answer] for answer in answers]
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> Sequence[Address]:
        self.asked.append(host)
        if not self.answers:
            raise OSError("no such name")
        return self.answers.pop(0)


@pytest.fixture
async def receiver() -> AsyncIterator[WebhookReceiver]:
    async with WebhookReceiver().serving() as serving:
        yield serving


async def post(url: str, names: Names | None = None, **options: object) -> Answer:
    sender = HttpPost(LOOPBACK, lookup=names, timeout_seconds=TIMEOUT_SECONDS, **options)  # type: ignore[arg-type]
    try:
        return await sender(url, {"webhook-id": "msg_1"}, b'{"a":"\xc3\xa4"}')
    finally:
        await sender.close()


@pytest.mark.parametrize(
    ("temper", "expected"),
    [
        ("ok", Answer(outcome=Outcome.DELIVERED, response_status=200)),
        ("created", Answer(outcome=Outcome.DELIVERED, response_status=201)),
        ("empty", Answer(outcome=Outcome.DELIVERED, response_status=204)),
        ("slow_body", Answer(outcome=Outcome.DELIVERED, response_status=200)),
        ("flooding", Answer(outcome=Outcome.DELIVERED, response_status=200)),
        ("gone", Answer(outcome=Outcome.GONE, response_status=410, error="it answered 410")),
        ("failing", Answer(outcome=Outcome.REFUSED, response_status=500, error="it answered 500")),
        ("refusing", Answer(outcome=Outcome.REFUSED, response_status=400, error="it answered 400")),
        ("bad_gateway", Answer(outcome=Outcome.THROTTLED, response_status=502, error="it answered 502")),
        (
            "busy",
            Answer(
                outcome=Outcome.THROTTLED,
                response_status=429,
                error="it answered 429",
                retry_after=timedelta(seconds=120),
            ),
        ),
        (
            "overloaded",
            Answer(outcome=Outcome.REFUSED, response_status=503, error="it answered 503", retry_after=timedelta(0)),
        ),
        (
            "redirecting",
            Answer(
                outcome=Outcome.REDIRECTED,
                response_status=302,
                error="it answered 302, and redirects are not followed",
            ),
        ),
        (
            "moved",
            Answer(
                outcome=Outcome.REDIRECTED,
                response_status=308,
                error="it answered 308, and redirects are not followed",
            ),
        ),
        ("hanging", Answer(outcome=Outcome.TIMED_OUT, error="no answer within 0.4 s")),
        ("closing", Answer(outcome=Outcome.UNREACHABLE, error="what it answered is not HTTP, or broke off")),
        ("garbage", Answer(outcome=Outcome.UNREACHABLE, error="what it answered is not HTTP, or broke off")),
        ("flooding_headers", Answer(outcome=Outcome.UNREACHABLE, error="what it answered is not HTTP, or broke off")),
    ],
)
async def test_what_comes_of_an_attempt(receiver: WebhookReceiver, temper: str, expected: Answer) -> None:
    assert await post(receiver.url(temper)) == expected
    assert [message.path for message in receiver.messages] == [f"/{temper}"]


async def test_a_message_goes_out_as_it_is(receiver: WebhookReceiver) -> None:
    await post(receiver.url("ok?a=%20b", "hooks.example.com"), Names(["127.0.0.1"]))
    (message,) = receiver.messages
    assert message.path == "/ok?a=%20b"
    assert message.body == b'{"a":"\xc3\xa4"}'
    assert message.headers == {
        "host": f"hooks.example.com:{receiver.port}",
        "user-agent": "voice-arena-webhooks",
        "accept": "*/*",
        "connection": "close",
        "content-type": "application/json",
        "content-length": "10",
        "webhook-id": "msg_1",
    }


async def test_a_name_is_asked_for_once_and_that_very_address_is_called(receiver: WebhookReceiver) -> None:
    names = Names(["127.0.0.1"], ["10.0.0.1"])
    assert (await post(receiver.url("ok", "rebinding.example.com"), names)).outcome is Outcome.DELIVERED
    assert names.asked == ["rebinding.example.com"]


@pytest.mark.parametrize(
    "addresses",
    [
        ["10.0.0.1"],
        ["169.254.169.254"],
        ["fd00:ec2::254"],
        ["::ffff:127.0.0.1"],
        ["64:ff9b::7f00:1"],
        ["93.184.216.34", "192.168.0.1"],
        ["127.0.0.1", "0.0.0.0"],
    ],
)
async def test_a_name_that_stands_for_a_private_address_is_not_called(
    receiver: WebhookReceiver, addresses: list[str]
) -> None:
    answer = await post(receiver.url("ok", "rebinding.example.com"), Names(addresses))
    assert answer == Answer(outcome=Outcome.FORBIDDEN, error="it may not be called: the host is not a public one")
    assert receiver.connections == 0


async def test_what_may_be_called_is_seen_at_each_attempt(receiver: WebhookReceiver) -> None:
    names = Names(["127.0.0.1"], ["192.168.1.1"])
    sender = HttpPost(LOOPBACK, lookup=names, timeout_seconds=TIMEOUT_SECONDS)
    url = receiver.url("ok", "changing.example.com")
    assert [(await sender(url, {}, b"{}")).outcome for _ in range(2)] == [Outcome.DELIVERED, Outcome.FORBIDDEN]


async def test_an_address_that_does_not_answer_is_followed_by_the_next(receiver: WebhookReceiver) -> None:
    # Nobody listens on the first.
    names = Names(["127.0.0.2", "127.0.0.1"])
    assert (await post(receiver.url("ok", "two.example.com"), names)).outcome is Outcome.DELIVERED


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("http://10.0.0.1/", "it may not be called: the host is not a public one"),
        ("http://[::ffff:127.0.0.1]/", "it may not be called: the host is not a public one"),
        ("ftp://127.0.0.1/", "it may not be called: must be an http or https URL"),
    ],
)
async def test_a_url_is_checked_again_before_it_is_called(url: str, error: str) -> None:
    assert await post(url) == Answer(outcome=Outcome.FORBIDDEN, error=error)


async def test_a_name_that_stands_for_nothing() -> None:
    error = "its name stands for no address"
    assert await post("http://nowhere.example.com/", Names()) == Answer(outcome=Outcome.UNREACHABLE, error=error)
    assert await post("http://nowhere.example.com/", Names([])) == Answer(outcome=Outcome.UNREACHABLE, error=error)


async def test_a_name_server_that_hangs_is_waited_for_no_longer_than_an_attempt() -> None:
    class Hanging(Names):
        async def __call__(self, host: str, port: int) -> Sequence[Address]:
            await asyncio.Event().wait()
            return []

    answer = await post("http://slow.example.com/", Hanging())
    assert answer == Answer(outcome=Outcome.TIMED_OUT, error="no answer within 0.4 s")


async def test_the_systems_names_are_looked_up(receiver: WebhookReceiver) -> None:
    assert (await post(receiver.url("ok", "localhost"))).outcome is Outcome.DELIVERED
    # Where no name server can be reached it takes longer.
    assert (await post("http://does-not-exist.invalid/")).outcome in (Outcome.UNREACHABLE, Outcome.TIMED_OUT)


async def test_nobody_listens() -> None:
    assert await post("http://127.0.0.3:9/") == Answer(
        outcome=Outcome.FORBIDDEN, error="it may not be called: must have the port 80, 443, or 1024 to 65535"
    )
    assert await post("http://127.0.0.3:1024/") == Answer(
        outcome=Outcome.UNREACHABLE, error="no connection could be made"
    )


async def test_a_flood_costs_no_more_than_a_moment(receiver: WebhookReceiver) -> None:
    started = time.perf_counter()
    await asyncio.gather(*(post(receiver.url("flooding")) for _ in range(5)))
    assert time.perf_counter() - started < 2


async def test_proxies_and_cookies_are_not_for_webhooks(
    receiver: WebhookReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    sender = HttpPost(LOOPBACK, timeout_seconds=TIMEOUT_SECONDS)
    for _ in range(2):
        assert (await sender(receiver.url("cookies"), {}, b"{}")).outcome is Outcome.DELIVERED
    assert [message.headers.get("cookie") for message in receiver.messages] == [None, None]
    # One connection each: names that share an address must not share a connection.
    assert receiver.connections == 2


def certificate(folder: Path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Returns what a server with a certificate for a name uses, and what trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "somebody")])
    moment = datetime.now(UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(moment - timedelta(days=1))
        .not_valid_after(moment + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = built.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "both.pem").write_bytes(private + pem)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "both.pem")
    return server, ssl.create_default_context(cadata=pem.decode())


async def test_a_certificate_has_to_be_of_the_name_and_of_a_known_authority(tmp_path: Path) -> None:
    server, trusting = certificate(tmp_path, "hooks.example.com")
    names = Names(["127.0.0.1"], ["127.0.0.1"], ["127.0.0.1"], ["127.0.0.1"])
    async with WebhookReceiver(server).serving() as receiver:
        url = receiver.url("ok", "hooks.example.com")
        assert (await post(url, names, tls=trusting)).outcome is Outcome.DELIVERED
        assert (await post(receiver.url("ok", "hooks.example.com."), names, tls=trusting)).outcome is Outcome.DELIVERED
        other = await post(receiver.url("ok", "other.example.com"), names, tls=trusting)
        assert other.outcome is Outcome.UNREACHABLE
        assert other.error.startswith("its certificate is not good: Hostname mismatch")
        unknown = await post(url, names)
        assert unknown.outcome is Outcome.UNREACHABLE
        assert unknown.error.startswith("its certificate is not good: self")
        assert len(receiver.messages) == 2
        plain = await post(receiver.url("ok").replace("https", "http"))
        assert plain.outcome is Outcome.UNREACHABLE
