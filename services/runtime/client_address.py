"""Reads the client address of a call, and hashes addresses so that they can be stored.

The gateway sets the address in a header of every call and overwrites what a client sent. With TRUSTED_PROXIES it is
the address that the outermost of the operator's own proxies saw.
"""

import ipaddress

from services.runtime.rpc import call_metadata
from services.runtime.signing import derived_key

CLIENT_ADDRESS_HEADER = "x-voicearena-client-address"
# An IPv6 customer has at least a whole /64, so its addresses count as one, as in the gateway's rate limits.
IPV6_PREFIX_BITS = 64
HASH_BYTES = 16


def client_address() -> str | None:
    """Returns the client address of the current call, or None if the call did not come through the gateway.

    For IPv6 it is the network, such as `2001:db8:1:2::/64`, because one client can use all its addresses.
    """
    for name, value in call_metadata.get():
        if name == CLIENT_ADDRESS_HEADER:
            return grouped_address(str(value))
    return None


class AddressHash:
    """Hashes addresses with a key. Addresses are stored and logged in this form only.

    The key is derived from the installation's secret and a purpose. So a copy of the database reveals no address, and
    hashes of different purposes can't be compared.
    """

    def __init__(self, secret: str, purpose: str) -> None:
        self._key = derived_key(secret, f"addresses: {purpose}")

    def of(self, address: str) -> bytes:
        """Returns the hash of an address, 16 bytes. It is always the same for the same address."""
        return derived_key(self._key, address)[:HASH_BYTES]

    def of_client(self) -> bytes | None:
        """Returns the hash of the current client address, or None if the call did not come through the gateway."""
        address = client_address()
        return self.of(address) if address is not None else None


def grouped_address(text: str) -> str | None:
    """Returns an address in the form of `client_address`, or None if the text is no address."""
    try:
        # A zone such as `%eth0` names a network interface of the gateway's machine and is no part of the address.
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, IPV6_PREFIX_BITS), strict=False))
