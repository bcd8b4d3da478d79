"""Attempts over HTTP, to receivers of every behaviour."""

import asyncio
import ipaddress
import ssl
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from services.experiments.webhooks.domain import AttemptOutcome, AttemptResult
from services.experiments.webhooks.posting import HttpPost
from services.experiments.webhooks.ssrf_guard.addresses import Address
from services.experiments.webhooks.ssrf_guard.policy import SsrfPolicy
from tests.fakes.webhook_receiver import WebhookReceiver

LOOPBACK = SsrfPolicy((ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128")))
HERE = ipaddress.ip_address("127.0.0.1")
# Short, so that the tests with hanging receivers end soon.
TIMEOUT_SECONDS = 0.4


class Names:
    """A resolver that returns the given addresses, one for each call."""

    def __init__(self, *results: Sequence[Address | str]) -> None:
        self.results = [[ipaddress.ip_address(address) for address in result] for result in results]
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> Sequence[Address]:
        self.asked.append(host)
        if not self.results:
            raise OSError("no such name")
        return self.results.pop(0)


@pytest.fixture
async def receiver() -> AsyncIterator[WebhookReceiver]:
    async with WebhookReceiver().serving() as serving:
        yield serving


async def post(url: str, names: Names | None = None, **options: object) -> AttemptResult:
    sender = HttpPost(LOOPBACK, resolver=names, timeout_seconds=TIMEOUT_SECONDS, **options)  # type: ignore[arg-type]
    try:
        return await sender(url, {"webhook-id": "msg_1"}, b'{"a":"\xc3\xa4"}')
    finally:
        await sender.close()


@pytest.mark.parametrize(
    ("behaviour", "expected"),
    [
        ("ok", AttemptResult(outcome=AttemptOutcome.DELIVERED, response_status=200)),
        ("created", AttemptResult(outcome=AttemptOutcome.DELIVERED, response_status=201)),
        ("empty", AttemptResult(outcome=AttemptOutcome.DELIVERED, response_status=204)),
        ("slow_body", AttemptResult(outcome=AttemptOutcome.DELIVERED, response_status=200)),
        ("flooding", AttemptResult(outcome=AttemptOutcome.DELIVERED, response_status=200)),
        (
            "gone",
            AttemptResult(
                outcome=AttemptOutcome.GONE, response_status=410, error="the receiver responded with status 410"
            ),
        ),
        (
            "failing",
            AttemptResult(
                outcome=AttemptOutcome.REFUSED, response_status=500, error="the receiver responded with status 500"
            ),
        ),
        (
            "refusing",
            AttemptResult(
                outcome=AttemptOutcome.REFUSED, response_status=400, error="the receiver responded with status 400"
            ),
        ),
        (
            "bad_gateway",
            AttemptResult(
                outcome=AttemptOutcome.THROTTLED, response_status=502, error="the receiver responded with status 502"
            ),
        ),
        (
            "busy",
            AttemptResult(
                outcome=AttemptOutcome.THROTTLED,
                response_status=429,
                error="the receiver responded with status 429",
                retry_after=timedelta(seconds=120),
            ),
        ),
        (
            "overloaded",
            AttemptResult(
                outcome=AttemptOutcome.REFUSED,
                response_status=503,
                error="the receiver responded with status 503",
                retry_after=timedelta(0),
            ),
        ),
        (
            "redirecting",
            AttemptResult(
                outcome=AttemptOutcome.REDIRECTED,
                response_status=302,
                error="the receiver responded with status 302; redirects are not followed",
            ),
        ),
        (
            "moved",
            AttemptResult(
                outcome=AttemptOutcome.REDIRECTED,
                response_status=308,
                error="the receiver responded with status 308; redirects are not followed",
            ),
        ),
        ("hanging", AttemptResult(outcome=AttemptOutcome.TIMED_OUT, error="no response within 0.4 s")),
        (
            "closing",
            AttemptResult(outcome=AttemptOutcome.UNREACHABLE, error="the response was not valid HTTP or was cut off"),
        ),
        (
            "garbage",
            AttemptResult(outcome=AttemptOutcome.UNREACHABLE, error="the response was not valid HTTP or was cut off"),
        ),
        (
            "flooding_headers",
            AttemptResult(outcome=AttemptOutcome.UNREACHABLE, error="the response was not valid HTTP or was cut off"),
        ),
    ],
)
async def test_an_attempt_ends_with_the_result_of_the_receivers_response(
    receiver: WebhookReceiver, behaviour: str, expected: AttemptResult
) -> None:
    assert await post(receiver.url(behaviour)) == expected
    assert [message.path for message in receiver.messages] == [f"/{behaviour}"]


async def test_a_message_is_sent_unchanged_with_its_headers(receiver: WebhookReceiver) -> None:
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


async def test_a_name_is_resolved_once_and_that_address_is_called(receiver: WebhookReceiver) -> None:
    names = Names(["127.0.0.1"], ["10.0.0.1"])
    assert (await post(receiver.url("ok", "rebinding.example.com"), names)).outcome is AttemptOutcome.DELIVERED
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
async def test_a_name_that_resolves_to_a_private_address_is_not_called(
    receiver: WebhookReceiver, addresses: list[str]
) -> None:
    result = await post(receiver.url("ok", "rebinding.example.com"), Names(addresses))
    assert result == AttemptResult(
        outcome=AttemptOutcome.FORBIDDEN, error="the URL is not allowed: it leads to an address that is not public"
    )
    assert receiver.connections == 0


async def test_addresses_are_checked_at_each_attempt(receiver: WebhookReceiver) -> None:
    names = Names(["127.0.0.1"], ["192.168.1.1"])
    sender = HttpPost(LOOPBACK, resolver=names, timeout_seconds=TIMEOUT_SECONDS)
    url = receiver.url("ok", "changing.example.com")
    assert [(await sender(url, {}, b"{}")).outcome for _ in range(2)] == [
        AttemptOutcome.DELIVERED,
        AttemptOutcome.FORBIDDEN,
    ]


async def test_the_next_address_is_tried_if_one_refuses_the_connection(receiver: WebhookReceiver) -> None:
    # Nothing listens on the first address.
    names = Names(["127.0.0.2", "127.0.0.1"])
    assert (await post(receiver.url("ok", "two.example.com"), names)).outcome is AttemptOutcome.DELIVERED


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("http://10.0.0.1/", "the URL is not allowed: it leads to an address that is not public"),
        ("http://[::ffff:127.0.0.1]/", "the URL is not allowed: it leads to an address that is not public"),
        ("ftp://127.0.0.1/", "the URL is not allowed: it must be an http or https URL"),
    ],
)
async def test_a_url_is_checked_again_before_it_is_called(url: str, error: str) -> None:
    assert await post(url) == AttemptResult(outcome=AttemptOutcome.FORBIDDEN, error=error)


async def test_a_name_without_an_address_is_unreachable() -> None:
    error = "the host name has no address"
    assert await post("http://nowhere.example.com/", Names()) == AttemptResult(
        outcome=AttemptOutcome.UNREACHABLE, error=error
    )
    assert await post("http://nowhere.example.com/", Names([])) == AttemptResult(
        outcome=AttemptOutcome.UNREACHABLE, error=error
    )


async def test_a_name_server_that_hangs_times_out_the_attempt() -> None:
    class Hanging(Names):
        async def __call__(self, host: str, port: int) -> Sequence[Address]:
            await asyncio.Event().wait()
            return []

    result = await post("http://slow.example.com/", Hanging())
    assert result == AttemptResult(outcome=AttemptOutcome.TIMED_OUT, error="no response within 0.4 s")


async def test_names_are_resolved_by_the_system(receiver: WebhookReceiver) -> None:
    assert (await post(receiver.url("ok", "localhost"))).outcome is AttemptOutcome.DELIVERED
    # Without a reachable name server the resolution times out.
    assert (await post("http://does-not-exist.invalid/")).outcome in (
        AttemptOutcome.UNREACHABLE,
        AttemptOutcome.TIMED_OUT,
    )


async def test_a_port_where_nothing_listens_is_unreachable() -> None:
    assert await post("http://127.0.0.3:9/") == AttemptResult(
        outcome=AttemptOutcome.FORBIDDEN, error="the URL is not allowed: it must use port 80, 443, or 1024 to 65535"
    )
    assert await post("http://127.0.0.3:1024/") == AttemptResult(
        outcome=AttemptOutcome.UNREACHABLE, error="the connection to the receiver failed"
    )


async def test_an_endless_response_body_is_cut_off_soon(receiver: WebhookReceiver) -> None:
    async with asyncio.timeout(5):
        await asyncio.gather(*(post(receiver.url("flooding")) for _ in range(5)))


async def test_webhooks_use_no_proxies_and_keep_no_cookies(
    receiver: WebhookReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    sender = HttpPost(LOOPBACK, timeout_seconds=TIMEOUT_SECONDS)
    for _ in range(2):
        assert (await sender(receiver.url("cookies"), {}, b"{}")).outcome is AttemptOutcome.DELIVERED
    assert [message.headers.get("cookie") for message in receiver.messages] == [None, None]
    # One connection for each attempt: names that share an address must not share a connection.
    assert receiver.connections == 2


def certificate(folder: Path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Returns the TLS context of a server with a certificate for a name, and a context that trusts it."""
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


async def test_a_certificate_must_match_the_name_and_a_trusted_authority(tmp_path: Path) -> None:
    server, trusting = certificate(tmp_path, "hooks.example.com")
    names = Names(["127.0.0.1"], ["127.0.0.1"], ["127.0.0.1"], ["127.0.0.1"])
    async with WebhookReceiver(server).serving() as receiver:
        url = receiver.url("ok", "hooks.example.com")
        assert (await post(url, names, tls=trusting)).outcome is AttemptOutcome.DELIVERED
        assert (
            await post(receiver.url("ok", "hooks.example.com."), names, tls=trusting)
        ).outcome is AttemptOutcome.DELIVERED
        other = await post(receiver.url("ok", "other.example.com"), names, tls=trusting)
        assert other.outcome is AttemptOutcome.UNREACHABLE
        assert other.error.startswith("the receiver's certificate is not valid: Hostname mismatch")
        unknown = await post(url, names)
        assert unknown.outcome is AttemptOutcome.UNREACHABLE
        assert unknown.error.startswith("the receiver's certificate is not valid: self")
        assert len(receiver.messages) == 2
        plain = await post(receiver.url("ok").replace("https", "http"))
        assert plain.outcome is AttemptOutcome.UNREACHABLE
