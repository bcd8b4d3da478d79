"""Internationalised hosts are accepted, and are stored, shown and called as punycode."""

import pytest

from services.experiments.webhooks.ssrf_guard.policy import SsrfPolicy
from services.experiments.webhooks.ssrf_guard.urls import InvalidTarget, canonical, check_url, parse


@pytest.mark.parametrize(
    ("url", "ascii_url"),
    [
        ("https://bücher.example/hook?x=1", "https://xn--bcher-kva.example/hook?x=1"),
        ("https://BÜCHER.example:8443", "https://xn--bcher-kva.example:8443"),
        ("https://例え。テスト/", "https://xn--r8jz45g.xn--zckzah/"),
        ("https://straße.example/", "https://xn--strae-oqa.example/"),
        ("https://аpple.example/", "https://xn--pple-43d.example/"),  # a Cyrillic letter first
        ("https://exa\u00admple.com/", "https://example.com/"),
        ("https://example．com/", "https://example.com/"),
        ("https://example.com/ok", "https://example.com/ok"),
        ("https://xn--bcher-kva.example/", "https://xn--bcher-kva.example/"),
    ],
)
def test_a_host_in_any_script_becomes_punycode(url: str, ascii_url: str) -> None:
    assert canonical(url) == ascii_url
    assert check_url(url, SsrfPolicy()) is None
    assert parse(url) == parse(ascii_url)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("https://example.com/bücher", "percent-encoded"),
        ("https://bücher.example/?ü", "percent-encoded"),
        ("https://ü@bücher.example/", "user name"),
        ("https://a\u2024b\u0301\u200b/\u200b", "percent-encoded"),
        ("https://-ü.example/", "IDNA"),
        ("https://ü..example/", "IDNA"),
        ("https://ü" + "a" * 63 + ".example/", "IDNA"),
        ("https://☃.example/", "IDNA"),
        ("https://a／b.example/", "IDNA"),
        ("https://example.com：80/", "IDNA"),
        ("https://ü_x.example/", "IDNA"),
        ("ftp://bücher.example/", "http or https"),
        ("bücher.example", "http or https"),
    ],
)
def test_an_invalid_host_is_refused_with_the_reason(url: str, says: str) -> None:
    with pytest.raises(InvalidTarget, match=says):
        parse(url)
