"""Which URLs webhooks may be sent to, in every notation that has bypassed an SSRF guard."""

import ipaddress

import pytest

from services.experiments.webhooks.ssrf_guard.addresses import is_allowed
from services.experiments.webhooks.ssrf_guard.policy import SsrfPolicy
from services.experiments.webhooks.ssrf_guard.urls import MAX_URL_CHARACTERS, InvalidTarget, Target, check_url, parse

LOOPBACK = SsrfPolicy((ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128")))


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/hook?x=1",
        "http://example.com",
        "HTTPS://Example.COM:8443/",
        "https://example.com./hook",
        "https://hooks_in.example.com/a%20b",
        "https://xn--bcher-kva.example/",
        "https://93.184.216.34/",
        "https://[2606:2800:220:1::1]:8443/",
        "https://0x.example.com/",
        "https://1.example/",
        "http://localhost.example.com/",
        "https://example.com/" + "a" * (MAX_URL_CHARACTERS - 20),
    ],
)
def test_a_public_url_is_allowed(url: str) -> None:
    assert check_url(url, SsrfPolicy()) is None


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://127.0.0.1./",
        "http://127.255.255.254:8080/",
        "http://127.1/",
        "http://127.0.1/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0x7f.0.0.1/",
        "http://0x7f.1/",
        "http://017700000001/",
        "http://0177.0.0.1/",
        "http://0177.0.0.01./",
        "http://127.0.0.1.0x/",
        "http://0/",
        "http://0.0.0.0/",
        "http://0x/",
        "http://10.0.0.5/",
        "http://167772165/",
        "http://172.16.0.1/",
        "http://172.31.255.255/",
        "http://192.168.1.1/",
        "http://100.64.0.1/",
        "http://100.100.100.200/latest/meta-data/",
        "http://169.254.169.254/latest/meta-data/",
        "http://169.254.43518/",
        "http://0xa9fea9fe/",
        "http://2852039166/",
        "http://168.63.129.16/",
        "http://192.0.0.192/",
        "http://192.0.2.1/",
        "http://198.18.0.1/",
        "http://198.51.100.1/",
        "http://203.0.113.1/",
        "http://224.0.0.1/",
        "http://240.0.0.1/",
        "http://255.255.255.255/",
        "http://[::1]/",
        "http://[0:0:0:0:0:0:0:1]/",
        "http://[::]/",
        "http://[::127.0.0.1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::ffff:7f00:1]/",
        "http://[::ffff:0:127.0.0.1]/",
        "http://[64:ff9b::7f00:1]/",
        "http://[64:ff9b::169.254.169.254]/",
        "http://[64:ff9b:1::a00:1]/",
        "http://[2002:7f00:1::]/",
        "http://[2002:a9fe:a9fe::1]/",
        "http://[2001::1]/",
        "http://[2001:db8::1]/",
        "http://[3fff::1]/",
        "http://[fc00::1]/",
        "http://[fd00:ec2::254]/",
        "http://[fe80::1]/",
        "http://[fe80::1%25eth0]/",
        "http://[fec0::1]/",
        "http://[ff02::1]/",
        "http://[100::1]/",
        "http://localhost/",
        "http://LOCALHOST:8080/",
        "http://localhost./",
        "http://anything.localhost/",
        "http://metadata.google.internal/computeMetadata/v1/",
        "http://metadata.google.internal./",
        "http://metadata/",
        "http://instance-data/",
        "http://postgres:5432/",
        "http://printer.local/",
        "http://db.corp/",
        "http://api.default.svc/",
        "http://１２７.0.0.1/",
        "http://①②⑦.⓪.⓪.①/",
        "http://127。0。0。1/",
        "http://١٢٧.0.0.1/",
        "http://ⓛocalhost/",
        "http://loc\u00adalhost/",
        "http://localhost\u200b/",
    ],
)
def test_a_private_address_is_refused_in_every_notation(url: str) -> None:
    assert check_url(url, SsrfPolicy()) is not None


@pytest.mark.parametrize(
    "url",
    [
        "http://%31%32%37.0.0.1/",
        "http://127.0.0.1%2f.example.com/",
        "http://example.com\\@127.0.0.1/",
        "http://example.com\t.evil/",
        "http://example.com/\n",
        "http://exa mple.com/",
        "http://user@example.com/",
        "http://user:password@example.com/",
        "http://@example.com/",
        "http://127.0.0.1@example.com/",
        "http://example.com:80@127.0.0.1/",
        "http://example..com/",
        "http://.example.com/",
        "http://-example.com/",
        "http://" + "a" * 64 + ".com/",
        "http://" + "a." * 130 + "com/",
        "http://256.256.256.256/",
        "http://1.2.3.4.5/",
        "http://1.2.3/",
        "http://[1.2.3.4]/",
        "http://[::1",
        "http://[zz::1]/",
        "http://[v1.fe80::a+en1]/",
    ],
)
def test_a_host_in_an_ambiguous_notation_is_refused(url: str) -> None:
    with pytest.raises(InvalidTarget):
        parse(url)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("", "http or https"),
        ("example.com", "http or https"),
        ("/hook", "http or https"),
        ("//example.com/", "http or https"),
        ("ftp://example.com/", "http or https"),
        ("file:///etc/passwd", "http or https"),
        ("gopher://example.com/", "http or https"),
        ("javascript:alert(1)", "http or https"),
        ("https://", "http or https"),
        ("https:///hook", "http or https"),
        ("https://:443/", "http or https"),
        ("https://example.com:x/", "http or https"),
        ("https://example.com:99999/", "http or https"),
        ("https://example.com:-1/", "http or https"),
        ("https://example.com:0/", "port"),
        ("http://example.com:22/", "port"),
        ("http://example.com:25/", "port"),
        ("http://ada@example.com/", "user name"),
        ("https://example.com/" + "a" * MAX_URL_CHARACTERS, "2048"),
        ("http://10.1.2.3/", "private"),
        ("http://localhost/", "private network"),
    ],
)
def test_a_refusal_says_what_the_url_must_be(url: str, says: str) -> None:
    assert says in (check_url(url, SsrfPolicy()) or "")


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9000/x", "http://[::1]/", "http://localhost:9000/", "http://a.localhost/"]
)
def test_the_operator_can_allow_a_network(url: str) -> None:
    assert check_url(url, LOOPBACK) is None


@pytest.mark.parametrize(
    "url", ["http://10.0.0.1/", "http://2130706433/", "http://[::ffff:127.0.0.1]/", "http://metadata/"]
)
def test_allowing_a_network_allows_no_other(url: str) -> None:
    assert check_url(url, LOOPBACK) is not None


def test_a_url_is_parsed() -> None:
    assert parse("HTTPS://Example.COM.:443/a/b?c=%20d#e") == Target("https", "example.com", 443, "/a/b?c=%20d")
    assert parse("http://[2606:2800:0220:1::0001]:8080").authority == "[2606:2800:220:1::1]:8080"
    assert parse("http://example.com:80/").authority == "example.com"
    assert parse("http://example.com:443/").authority == "example.com:443"
    assert parse("http://example.com#@127.0.0.1:25/") == Target("http", "example.com", 80, "/")


@pytest.mark.parametrize("address", ["8.8.8.8", "172.32.0.1", "100.128.0.1", "169.253.0.1", "2606:4700::1", "2a00::1"])
def test_public_addresses_next_to_private_ranges_are_allowed(address: str) -> None:
    assert is_allowed(ipaddress.ip_address(address), ())
