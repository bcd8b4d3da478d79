"""The SSRF guard never allows ports of the mesh, and allows private networks and ports that the operator names."""

import ipaddress
import socket
from collections.abc import Sequence

import pytest

from services.experiments.webhooks.ssrf_guard.addresses import Address, is_local_address
from services.experiments.webhooks.ssrf_guard.policy import HostPort, SsrfPolicy, bus_ports, database_ports
from services.experiments.webhooks.ssrf_guard.resolution import ForbiddenTarget, resolve_allowed
from services.experiments.webhooks.ssrf_guard.urls import LEADS_TO_MESH, NOT_PUBLIC, check_url, parse

EVERYTHING = (ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0"))
MESH = (HostPort("127.0.0.1", 8080), HostPort("db.internal", 5432), HostPort("10.0.0.9", 4222))
EVERYTHING_ALLOWED = SsrfPolicy(EVERYTHING, mesh=MESH, site=HostPort("arena.example.com", 443))
NAMES = {
    "db.internal": ["10.0.0.5"],
    "alias.example.com": ["10.0.0.5"],
    "here.example.com": ["127.0.0.1"],
    "both.example.com": ["93.184.216.34", "127.0.0.1"],
    "elsewhere.example.com": ["93.184.216.34"],
    "localhost": ["::1", "127.0.0.1"],
}


async def resolver(host: str, port: int) -> Sequence[Address]:
    if host not in NAMES:
        raise OSError("no such name")
    return [ipaddress.ip_address(address) for address in NAMES[host]]


def own_address() -> str:
    """Returns the address of a network interface of this machine, or loopback if it has none."""
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
async def test_a_port_of_the_mesh_is_refused_at_creation_and_at_each_attempt(url: str) -> None:
    assert check_url(url, EVERYTHING_ALLOWED) == LEADS_TO_MESH
    with pytest.raises(ForbiddenTarget, match="port of this installation"):
        await resolve_allowed(parse(url), resolver, EVERYTHING_ALLOWED)


@pytest.mark.parametrize(
    "url", ["http://here.example.com:8080/", "http://both.example.com:8080/", "http://alias.example.com:5432/"]
)
async def test_a_name_that_resolves_to_a_port_of_the_mesh_is_refused_at_each_attempt(url: str) -> None:
    assert check_url(url, EVERYTHING_ALLOWED) is None
    with pytest.raises(ForbiddenTarget, match="port of this installation"):
        await resolve_allowed(parse(url), resolver, EVERYTHING_ALLOWED)


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("http://127.0.0.1:9000/", "127.0.0.1"),
        ("http://alias.example.com:8080/", "10.0.0.5"),
        ("http://elsewhere.example.com:8080/", "93.184.216.34"),
        ("https://elsewhere.example.com/", "93.184.216.34"),
    ],
)
async def test_other_ports_of_the_meshs_hosts_can_be_allowed(url: str, address: str) -> None:
    assert check_url(url, EVERYTHING_ALLOWED) is None
    assert await resolve_allowed(parse(url), resolver, EVERYTHING_ALLOWED) == [ipaddress.ip_address(address)]


def test_loopback_is_refused_unless_its_port_is_allowed() -> None:
    policy = SsrfPolicy([HostPort("127.0.0.1", 9000)])
    assert check_url("http://127.0.0.1:9000/", SsrfPolicy()) == NOT_PUBLIC
    assert check_url("http://127.0.0.1:9000/", policy) is None
    assert check_url("http://localhost:9000/", policy) is None
    for url in (
        "http://127.0.0.1:9001/",
        "http://127.0.0.2:9000/",
        "http://[::1]:9000/",
        "http://[::ffff:127.0.0.1]:9000/",
    ):
        assert check_url(url, policy) == NOT_PUBLIC
    assert check_url("http://localhost:9001/", policy) is not None


async def test_an_allowed_loopback_port_is_also_allowed_by_name() -> None:
    policy = SsrfPolicy([HostPort("127.0.0.1", 9000)])
    for url in ("http://localhost:9000/", "http://here.example.com:9000/"):
        assert await resolve_allowed(parse(url), resolver, policy) == [ipaddress.ip_address("127.0.0.1")]
    with pytest.raises(ForbiddenTarget, match="not public"):
        await resolve_allowed(parse("http://localhost:9001/"), resolver, policy)


async def test_a_port_allowed_by_host_name_may_have_a_private_address() -> None:
    policy = SsrfPolicy([HostPort("db.internal", 9000)])
    assert check_url("http://db.internal:9000/", policy) is None
    assert check_url("http://db.internal:9001/", policy) is not None
    assert await resolve_allowed(parse("http://db.internal:9000/"), resolver, policy) == [
        ipaddress.ip_address("10.0.0.5")
    ]


def test_loopback_and_interface_addresses_belong_to_this_machine() -> None:
    assert all(
        is_local_address(ipaddress.ip_address(each))
        for each in ("127.0.0.1", "127.9.9.9", "::1", "0.0.0.0", own_address())
    )
    assert not is_local_address(ipaddress.ip_address("192.0.2.1"))


def test_database_and_bus_urls_name_all_their_hosts_and_ports() -> None:
    assert database_ports("postgresql://u:p@h/db") == [("h", 5432)]
    assert database_ports("postgresql://u:p@h:1,[::1]:2/db") == [("h", 1), ("h", 2), ("::1", 1), ("::1", 2)]
    assert database_ports("postgresql:///db?host=/run/postgresql") == []
    assert bus_ports("nats://u:p@H:1, i") == [("h", 1), ("h", 8222), ("i", 4222), ("i", 8222)]
