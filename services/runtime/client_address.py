"""From which address a call came, as the gateway saw it, and the only form in which an address may be kept.

The gateway sets one header on every call and overwrites whatever a client sent. With TRUSTED_PROXIES it is the address
that the outermost of the operator's own proxies saw.
"""

import ipaddress

from services.runtime.rpc import call_metadata
from services.runtime.signing import derived_key

CLIENT_ADDRESS_HEADER = "x-voicearena-client-address"
# One IPv6 customer holds a whole /64 at least, so its addresses count as one. The gateway's limits say the same.
IPV6_PREFIX_BITS = 64
HASH_BYTES = 16


def client_address() -> str | None:
    """Returns the address of the client whose call this is, None if the call did not come through the gateway.

    An IPv4 address stands for itself. An IPv6 address is its network `2001:db8:1:2::/64`, since one client can use all
    addresses of it.
    """
    for name, value in call_metadata.get():
        if name == CLIENT_ADDRESS_HEADER:
            return grouped_address(str(value))
    return None


class AddressHash:
    """Turns addresses into keyed hashes, the only form in which an address is stored or logged.

    The key is derived from the installation's secret and a purpose, so that a copy of the database reveals no address
    and the hashes of two purposes can't be joined.
    """

    def __init__(self, secret: str, purpose: str) -> None:
        self._key = derived_key(secret, f"addresses: {purpose}")

    def of(self, address: str) -> bytes:
        """Returns the hash of an address, 16 bytes; the same every time."""
        return derived_key(self._key, address)[:HASH_BYTES]

    def of_client(self) -> bytes | None:
        """Returns the hash of the address of this call's client, None if the call did not come through the gateway."""
        address = client_address()
        return self.of(address) if address is not None else None


def grouped_address(text: str) -> str | None:
    """Returns an address as `client_address` does, None if the text is no address."""
    try:
        # A zone such as `%eth0` names an interface of the gateway's machine, and is not part of the address.
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, IPV6_PREFIX_BITS), strict=False))
