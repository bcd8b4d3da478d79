"""Which IP addresses a webhook may be sent to: public internet addresses, and networks that the operator allows.

The refused ranges come from IANA's special-purpose address registries. They are listed here because Python releases
disagree on which addresses `ipaddress` calls global.
"""

import ipaddress
import socket
from collections.abc import Sequence
from contextlib import suppress

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def _networks(*texts: str) -> tuple[Network, ...]:
    return tuple(map(ipaddress.ip_network, texts))


_REFUSED = _networks(
    "0.0.0.0/8",  # this network
    "10.0.0.0/8",  # private
    "100.64.0.0/10",  # carrier-grade NAT, and the metadata service of one cloud
    "127.0.0.0/8",  # loopback
    "168.63.129.16/32",  # services of a cloud provider, on an address that looks public
    "169.254.0.0/16",  # link-local, and the metadata services of most clouds
    "172.16.0.0/12",  # private
    "192.0.0.0/24",  # protocol assignments, and the metadata service of one cloud
    "192.0.2.0/24",  # documentation
    "192.88.99.0/24",  # 6to4 relays
    "192.168.0.0/16",  # private
    "198.18.0.0/15",  # benchmarks
    "198.51.100.0/24",  # documentation
    "203.0.113.0/24",  # documentation
    "224.0.0.0/4",  # multicast
    "240.0.0.0/4",  # reserved, and broadcast
    "2001::/23",  # protocol assignments, including Teredo
    "2001:db8::/32",  # documentation
    "2002::/16",  # 6to4, which embeds an IPv4 address
    "3fff::/20",  # documentation
)
# All public IPv6 addresses. Loopback, mapped IPv4, NAT64, unique local, link-local and multicast are outside.
_GLOBAL_V6 = ipaddress.IPv6Network("2000::/3")
# IPv6 addresses whose last 32 bits are an IPv4 address. Translators forward their traffic to that address.
_EMBEDDING_V4 = _networks(
    "::/96",  # compatible
    "::ffff:0:0/96",  # mapped
    "::ffff:0:0:0/96",  # translated
    "64:ff9b::/96",  # NAT64
    "64:ff9b:1::/48",  # local NAT64
)


def ip_literal(host: str) -> Address | None:
    """Returns the IP address that a host is written as, or None if the host is a name."""
    with suppress(ValueError):
        return ipaddress.ip_address(host)
    return None


def is_loopback_name(name: str) -> bool:
    """Whether a name always resolves to this machine."""
    return name == "localhost" or name.endswith(".localhost")


def is_local_address(address: Address) -> bool:
    """Whether an address belongs to this machine: loopback, unspecified, or the address of an interface."""
    if address.is_loopback or address.is_unspecified:
        return True
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.bind((str(address), 0))
        return True
    return False


def effective_address(address: Address) -> Address:
    """Returns the IPv4 address embedded in an IPv6 address, or the address itself if it embeds none."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.sixtofour:
        return address.sixtofour
    if address.teredo:
        return address.teredo[1]
    if int(address) > 1 and any(address in network for network in _EMBEDDING_V4):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def is_allowed(address: Address, allowed: Sequence[Network]) -> bool:
    """Whether an address is public or in one of the `allowed` networks. An embedded IPv4 address must be, too."""
    embedded = effective_address(address)
    if embedded != address and not is_allowed(embedded, allowed):
        return False
    if any(address in network for network in allowed):
        return True
    public = address.version == 4 or address in _GLOBAL_V6
    return public and not any(address in network for network in _REFUSED)
