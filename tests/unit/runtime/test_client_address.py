"""The client address of a call, and the hash of an address."""

from collections.abc import Iterator

import pytest

from services.runtime.client_address import CLIENT_ADDRESS_HEADER, AddressHash, client_address
from services.runtime.rpc import call_metadata


@pytest.fixture(autouse=True)
def _separate_call() -> Iterator[None]:
    token = call_metadata.set(())
    yield
    call_metadata.reset(token)


def arrives_from(address: str) -> None:
    call_metadata.set((("user-agent", "x"), (CLIENT_ADDRESS_HEADER, address)))


@pytest.mark.parametrize(
    ("address", "grouped"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:aaaa::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::2", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
    ],
)
def test_the_address_of_an_ipv6_client_is_its_network(address: str, grouped: str) -> None:
    arrives_from(address)
    assert client_address() == grouped


def test_a_call_that_bypasses_the_gateway_has_no_address() -> None:
    assert client_address() is None
    assert AddressHash("secret", "votes").of_client() is None


@pytest.mark.parametrize("text", ["", "-", "unix:/socket", "203.0.113.7, 198.51.100.1"])
def test_a_header_that_is_no_address_is_ignored(text: str) -> None:
    arrives_from(text)
    assert client_address() is None


def test_a_hash_depends_on_address_secret_and_purpose() -> None:
    here, there = "203.0.113.7", "203.0.113.8"
    hashes = [
        AddressHash(secret, purpose).of(address)
        for secret in ("one", "two")
        for purpose in ("votes", "registrations")
        for address in (here, there)
    ]
    assert len(set(hashes)) == len(hashes)
    assert {len(each) for each in hashes} == {16}
    arrives_from(here)
    assert AddressHash("one", "votes").of_client() == hashes[0]
