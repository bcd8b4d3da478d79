"""Which URLs webhooks may be sent to, as far as a URL shows it; what its name stands for is seen at delivery."""

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

import idna

from services.experiments.webhooks.addresses import is_loopback_name, literal
from services.experiments.webhooks.reach import DEFAULT_PORTS, Reach

MAX_URL_CHARACTERS = 2048
MAX_HOST_CHARACTERS = 253
# Below, ports are those of mail, shells and the like, whose servers must not be talked to through a webhook.
FIRST_FREE_PORT = 1024

_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
# What begins like a number would be taken for one part of an IPv4 address, in octal or hexadecimal too.
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_LOOPBACK = (ipaddress.ip_address("127.0.0.1"), ipaddress.ip_address("::1"))
_METADATA = (ipaddress.ip_address("169.254.169.254"), ipaddress.ip_address("fd00:ec2::254"))
_METADATA_NAMES = (
    "metadata",
    "metadata.google.internal",
    "metadata.goog",
    "instance-data",
    "instance-data.ec2.internal",
)
# Names that mean something inside a network only.
_INNER_SUFFIXES = (".internal", ".local", ".localdomain", ".lan", ".intranet", ".corp", ".home.arpa", ".svc")

NOT_PUBLIC = "must not be a private, loopback, link-local or other special address"
OF_THE_MESH = "must not lead to a port of this installation"
# Scheme, host with port, and the rest.
_PARTS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://)([^/?#]*)(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Target:
    """Where a URL leads. `host` is a name in lower case without the last dot, or an IP address."""

    scheme: str
    host: str
    port: int
    path: str
    """With the query, at least `/`."""

    @property
    def authority(self) -> str:
        """What the Host header says."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"


class BadTarget(ValueError):
    """A URL that no webhook may be sent to; the message says what it has to be."""


def check_url(url: str, reach: Reach) -> str | None:
    """Returns what a URL has to be to get webhooks, None if it is."""
    try:
        target = parse(url)
    except BadTarget as reason:
        return str(reason)
    if reach.names_mesh(target.host, target.port):
        return OF_THE_MESH
    if address := literal(target.host):
        return None if reach.takes(target.host, address, target.port) else NOT_PUBLIC
    return None if _name_may_be_called(target, reach) else "must not be a name of a private network"


def canonical(url: str) -> str:
    """Returns a URL with its host in ASCII, as it is stored, shown and called: `xn--bcher-kva.example` say.

    Raises BadTarget if the host has no such form, or if anything else is not ASCII.
    """
    if url.isascii():
        return url
    found = _PARTS.fullmatch(url)
    if found is None or not found[3].isascii():
        raise BadTarget("must be an http or https URL; other than in its host, what is not ASCII is percent-encoded")
    if "@" in found[2]:
        raise BadTarget("must be without user name and password")
    host, colon, port = found[2].partition(":")
    try:
        # The mapping that browsers make before: capitals, wide digits and the full stops of other scripts.
        ascii_host = idna.encode(host, uts46=True, std3_rules=True).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        raise BadTarget("must have a host that is an internationalised domain name (IDNA 2008), or ASCII") from None
    return f"{found[1]}{ascii_host}{colon}{port}{found[3]}"


def parse(url: str) -> Target:
    """Returns where a URL leads; BadTarget if it has not the form that a webhook's has to have."""
    if len(url) > MAX_URL_CHARACTERS:
        raise BadTarget(f"must be at most {MAX_URL_CHARACTERS} characters, got {len(url)}")
    url = canonical(url)
    # What follows would drop some of these, and servers and proxies read others each in their own way.
    if not url.isascii() or not url.isprintable() or any(character in url for character in ' \\"<>^`{|}'):
        raise BadTarget("must be an http or https URL in printable ASCII, without spaces and backslashes")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise BadTarget("must be an http or https URL") from None
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname:
        raise BadTarget("must be an http or https URL")
    if "@" in parts.netloc:
        raise BadTarget("must be without user name and password")
    if port is None:
        port = DEFAULT_PORTS[parts.scheme]
    if port not in DEFAULT_PORTS.values() and port < FIRST_FREE_PORT:
        raise BadTarget(f"must have the port 80, 443, or {FIRST_FREE_PORT} to 65535")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, _host(parts), port, path)


def _host(parts: SplitResult) -> str:
    host = (parts.hostname or "").lower()
    if "[" in parts.netloc:
        try:
            return str(ipaddress.IPv6Address(host if "%" not in host else ""))
        except ValueError:
            raise BadTarget("must have an IPv6 address of hexadecimal groups in its brackets") from None
    host = host.removesuffix(".")
    labels = host.split(".")
    if _NUMBER.fullmatch(labels[-1]):
        # Other spellings (127.1, 0x7f000001, 2130706433, 0177.0.0.1) are read differently by different programs.
        try:
            return str(ipaddress.IPv4Address(host))
        except ValueError:
            raise BadTarget("must have an IPv4 address of four decimal numbers, or a name as its host") from None
    if len(host) > MAX_HOST_CHARACTERS or not all(_LABEL.fullmatch(label) for label in labels):
        raise BadTarget("must be an http or https URL whose host is a name of letters, digits, dots and hyphens")
    return host


def _name_may_be_called(target: Target, reach: Reach) -> bool:
    """What a name stands for is checked at delivery; a name that can only be private is refused before."""
    name, port = target.host, target.port
    known = _LOOPBACK if is_loopback_name(name) else _METADATA if name in _METADATA_NAMES else ()
    if known:
        return any(reach.takes(name, address, port) for address in known)
    if (name, port) in reach.opened or reach.networks:
        return True
    return "." in name and not name.endswith(_INNER_SUFFIXES)
