"""The gateway sends the caller's address to services, and clients can't forge it."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack

import pytest
from voicearena.auth.v1 import auth_service_pb2

from services.runtime.client_address import CLIENT_ADDRESS_HEADER
from tests.contract.clients import PROTOCOLS, Client, open_clients
from tests.contract.rpcs import Rpc
from tests.unit.gateway.conftest import UNLIMITED, EveryService, gateway

REGISTER = Rpc(auth_service_pb2.DESCRIPTOR.services_by_name["AuthService"].methods_by_name["RegisterDeveloper"])
HERE = "127.0.0.1"
FORGED = {CLIENT_ADDRESS_HEADER: "203.0.113.66"}


@pytest.fixture(scope="module")
async def direct(services: tuple[EveryService, int]) -> AsyncIterator[Mapping[str, Client]]:
    """Clients of a gateway without a proxy in front of it."""
    async with AsyncExitStack() as stack, gateway(services[1], **UNLIMITED) as url:
        yield await open_clients(stack, url)


@pytest.fixture(scope="module")
async def proxied(services: tuple[EveryService, int]) -> AsyncIterator[Mapping[str, Client]]:
    """Clients of a gateway that trusts one proxy."""
    async with AsyncExitStack() as stack, gateway(services[1], trusted_proxies=1, **UNLIMITED) as url:
        yield await open_clients(stack, url)


async def address_seen(client: Client, services: tuple[EveryService, int], headers: Mapping[str, str]) -> str:
    await client.call(REGISTER, {"name": "Ada"}, headers)
    return services[0].metadata[CLIENT_ADDRESS_HEADER]


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_the_address_comes_from_the_connection(
    protocol: str, direct: Mapping[str, Client], services: tuple[EveryService, int]
) -> None:
    assert await address_seen(direct[protocol], services, {}) == HERE


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("headers", [FORGED, {"x-forwarded-for": "203.0.113.66"}, {"x-real-ip": "203.0.113.66"}])
async def test_a_client_cannot_choose_its_address(
    headers: Mapping[str, str], protocol: str, direct: Mapping[str, Client], services: tuple[EveryService, int]
) -> None:
    assert await address_seen(direct[protocol], services, headers) == HERE


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("address", ["198.51.100.7", "2001:db8:1:2::3"])
async def test_the_address_comes_from_a_trusted_proxy(
    address: str, protocol: str, proxied: Mapping[str, Client], services: tuple[EveryService, int]
) -> None:
    headers = {"x-forwarded-for": f"203.0.113.66, {address}", **FORGED}
    assert await address_seen(proxied[protocol], services, headers) == address
