"""Which IP addresses a webhook may be sent to: those that belong to somebody on the public internet.

The ranges are those of IANA's special-purpose address registries, written down here because what Python's `ipaddress`
calls global has changed between its releases.
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
    "100.64.0.0/10",  # carriers' NAT, and one cloud's metadata
    "127.0.0.0/8",  # loopback
    "168.63.129.16/32",  # a cloud's own services, on an address that looks public
    "169.254.0.0/16",  # link-local, and most clouds' metadata
    "172.16.0.0/12",  # private
    "192.0.0.0/24",  # protocol assignments, and one cloud's metadata
    "192.0.2.0/24",  # documentation
    "192.88.99.0/24",  # relays of 6to4
    "192.168.0.0/16",  # private
    "198.18.0.0/15",  # benchmarks
    "198.51.100.0/24",  # documentation
    "203.0.113.0/24",  # documentation
    "224.0.0.0/4",  # multicast
    "240.0.0.0/4",  # reserved, and broadcast
    "2001::/23",  # protocol assignments, Teredo among them
    "2001:db8::/32",  # documentation
    "2002::/16",  # 6to4: an IPv4 address inside
    "3fff::/20",  # documentation
)
# All of IPv6 that is given to anybody. Loopback, mapped IPv4, NAT64, unique local, link-local, multicast are outside.
_GLOBAL_V6 = ipaddress.IPv6Network("2000::/3")
# IPv6 addresses whose last 32 bits are an IPv4 address, to which translators send what is sent to them.
_HOLDING_V4 = _networks(
    "::/96",  # compatible
    "::ffff:0:0/96",  # mapped
    "::ffff:0:0:0/96",  # translated
    "64:ff9b::/96",  # NAT64
    "64:ff9b:1::/48",  # NAT64 of a network's own
)


def literal(host: str) -> Address | None:
    """Returns the address that a host is spelled as, None if it is a name."""
    with suppress(ValueError):
        return ipaddress.ip_address(host)
    return None


def is_loopback_name(name: str) -> bool:
    """Whether a name stands for this machine wherever it is asked for."""
    return name == "localhost" or name.endswith(".localhost")


def is_own(address: Address) -> bool:
    """Whether an address is one of this machine's: loopback, unspecified, or one of an interface."""
    if address.is_loopback or address.is_unspecified:
        return True
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.bind((str(address), 0))
        return True
    return False


def inner(address: Address) -> Address:
    """Returns the IPv4 address that an IPv6 address stands for, or the address itself if it stands for none."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.sixtofour:
        return address.sixtofour
    if address.teredo:
        return address.teredo[1]
    if int(address) > 1 and any(address in network for network in _HOLDING_V4):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def may_be_called(address: Address, allowed: Sequence[Network]) -> bool:
    """Whether an address is a public one, or in a network that the operator allows."""
    within = inner(address)
    if within != address and not may_be_called(within, allowed):
        return False
    if any(address in network for network in allowed):
        return True
    public = address.version == 4 or address in _GLOBAL_V6
    return public and not any(address in network for network in _REFUSED)
