"""Ports of the mesh are never called, whatever is opened; and single ports can be opened by name."""

import ipaddress
import socket
from collections.abc import Sequence

import pytest

from services.experiments.webhooks.addresses import Address, is_own
from services.experiments.webhooks.reach import HostPort, Reach, bus_ports, database_ports
from services.experiments.webhooks.resolving import Forbidden, addresses_of
from services.experiments.webhooks.targets import NOT_PUBLIC, OF_THE_MESH, check_url, parse

EVERYTHING = (ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0"))
MESH = (HostPort("127.0.0.1", 8080), HostPort("db.internal", 5432), HostPort("10.0.0.9", 4222))
OPEN = Reach(EVERYTHING, mesh=MESH, site=HostPort("arena.example.com", 443))
NAMES = {
    "db.internal": ["10.0.0.5"],
    "alias.example.com": ["10.0.0.5"],
    "here.example.com": ["127.0.0.1"],
    "both.example.com": ["93.184.216.34", "127.0.0.1"],
    "elsewhere.example.com": ["93.184.216.34"],
    "localhost": ["::1", "127.0.0.1"],
}


async def lookup(host: str, port: int) -> Sequence[Address]:
    if host not in NAMES:
        raise OSError("no such name")
    return [ipaddress.ip_address(address) for address in NAMES[host]]


def own_address() -> str:
    """Returns an address of an interface of this machine, loopback if it has no other."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8080/",
        "http://127.8.8.8:8080/",
        "http://0.0.0.0:8080/",
        "http://[::]:8080/",
        "http://[::1]:8080/",
        "http://[::ffff:127.0.0.1]:8080/",
        "http://[::127.0.0.1]:8080/",
        "http://[64:ff9b::7f00:1]:8080/",
        "http://[2002:7f00:1::]:8080/",
        f"http://{own_address()}:8080/",
        "http://localhost:8080/quitquitquit",
        "http://LOCALHOST.:8080/",
        "http://a.localhost:8080/",
        "http://１２７。0。0。1:8080/",
        "http://db.internal:5432/",
        "http://10.0.0.9:4222/",
        "http://[::ffff:10.0.0.9]:4222/",
        "https://arena.example.com/",
        "https://ARENA.example.com:443/api/v1/developers",
    ],
)
async def test_a_port_of_the_mesh_is_refused_at_creation_and_at_delivery(url: str) -> None:
    assert check_url(url, OPEN) == OF_THE_MESH
    with pytest.raises(Forbidden, match="port of this installation"):
        await addresses_of(parse(url), lookup, OPEN)


@pytest.mark.parametrize(
    "url", ["http://here.example.com:8080/", "http://both.example.com:8080/", "http://alias.example.com:5432/"]
)
async def test_a_name_that_leads_to_a_port_of_the_mesh_is_refused_at_delivery(url: str) -> None:
    assert check_url(url, OPEN) is None
    with pytest.raises(Forbidden, match="port of this installation"):
        await addresses_of(parse(url), lookup, OPEN)


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("http://127.0.0.1:9000/", "127.0.0.1"),
        ("http://alias.example.com:8080/", "10.0.0.5"),
        ("http://elsewhere.example.com:8080/", "93.184.216.34"),
        ("https://elsewhere.example.com/", "93.184.216.34"),
    ],
)
async def test_other_ports_of_the_same_hosts_are_not_the_meshs(url: str, address: str) -> None:
    assert check_url(url, OPEN) is None
    assert await addresses_of(parse(url), lookup, OPEN) == [ipaddress.ip_address(address)]


def test_loopback_is_shut_and_opened_by_its_port() -> None:
    one = Reach([HostPort("127.0.0.1", 9000)])
    assert check_url("http://127.0.0.1:9000/", Reach()) == NOT_PUBLIC
    assert check_url("http://127.0.0.1:9000/", one) is None
    assert check_url("http://localhost:9000/", one) is None
    for url in (
        "http://127.0.0.1:9001/",
        "http://127.0.0.2:9000/",
        "http://[::1]:9000/",
        "http://[::ffff:127.0.0.1]:9000/",
    ):
        assert check_url(url, one) == NOT_PUBLIC
    assert check_url("http://localhost:9001/", one) is not None


async def test_a_port_of_loopback_that_is_open_is_reached_by_name_too() -> None:
    one = Reach([HostPort("127.0.0.1", 9000)])
    for url in ("http://localhost:9000/", "http://here.example.com:9000/"):
        assert await addresses_of(parse(url), lookup, one) == [ipaddress.ip_address("127.0.0.1")]
    with pytest.raises(Forbidden, match="not a public one"):
        await addresses_of(parse("http://localhost:9001/"), lookup, one)


async def test_a_port_that_is_opened_by_name_may_be_private() -> None:
    one = Reach([HostPort("db.internal", 9000)])
    assert check_url("http://db.internal:9000/", one) is None
    assert check_url("http://db.internal:9001/", one) is not None
    assert await addresses_of(parse("http://db.internal:9000/"), lookup, one) == [ipaddress.ip_address("10.0.0.5")]


def test_which_addresses_are_this_machines() -> None:
    assert all(
        is_own(ipaddress.ip_address(each)) for each in ("127.0.0.1", "127.9.9.9", "::1", "0.0.0.0", own_address())
    )
    assert not is_own(ipaddress.ip_address("192.0.2.1"))


def test_where_a_database_and_a_bus_are() -> None:
    assert database_ports("postgresql://u:p@h/db") == [("h", 5432)]
    assert database_ports("postgresql://u:p@h:1,[::1]:2/db") == [("h", 1), ("h", 2), ("::1", 1), ("::1", 2)]
    assert database_ports("postgresql:///db?host=/run/postgresql") == []
    assert bus_ports("nats://u:p@H:1, i") == [("h", 1), ("h", 8222), ("i", 4222), ("i", 8222)]
