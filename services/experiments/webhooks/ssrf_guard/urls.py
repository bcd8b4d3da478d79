"""Checks the URLs of webhooks, without resolving their host names. Those are resolved and checked at each attempt."""

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

import idna

from services.experiments.webhooks.ssrf_guard.addresses import ip_literal, is_loopback_name
from services.experiments.webhooks.ssrf_guard.policy import DEFAULT_PORTS, SsrfPolicy

MAX_URL_CHARACTERS = 2048
MAX_HOST_CHARACTERS = 253
# Lower ports, except 80 and 443, belong to servers such as mail and SSH. A webhook must not send anything to these.
MIN_UNPRIVILEGED_PORT = 1024

_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
# Programs read a host whose last label is a number, also in octal or hexadecimal, as an IPv4 address.
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
# Suffixes of names that exist only inside a private network.
_PRIVATE_SUFFIXES = (".internal", ".local", ".localdomain", ".lan", ".intranet", ".corp", ".home.arpa", ".svc")

NOT_PUBLIC = "must not be a private, loopback, link-local or other special address"
LEADS_TO_MESH = "must not lead to a port of this installation"
# Scheme, authority, and the rest.
_PARTS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://)([^/?#]*)(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Target:
    """A parsed URL. `host` is a name in lower case without a final dot, or an IP address."""

    scheme: str
    host: str
    port: int
    path: str
    """The path and the query. At least `/`."""

    @property
    def authority(self) -> str:
        """The value of the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"


class InvalidTarget(ValueError):
    """A URL that webhooks can't be sent to. The message says what the URL must be."""


def check_url(url: str, policy: SsrfPolicy) -> str | None:
    """Returns why a URL is refused, as a phrase like "must be ...", or None if webhooks may be sent to it."""
    try:
        target = parse(url)
    except InvalidTarget as reason:
        return str(reason)
    if policy.names_mesh_port(target.host, target.port):
        return LEADS_TO_MESH
    if address := ip_literal(target.host):
        return None if policy.allows(target.host, address, target.port) else NOT_PUBLIC
    return None if _is_allowed_name(target, policy) else "must not have a host name of a private network"


def canonical(url: str) -> str:
    """Returns a URL with its host in ASCII, such as `xn--bcher-kva.example`. This form is stored, shown and called.

    Raises InvalidTarget if the host has no such form, or if another part of the URL is not ASCII.
    """
    if url.isascii():
        return url
    found = _PARTS.fullmatch(url)
    if found is None or not found[3].isascii():
        raise InvalidTarget(
            "must be an http or https URL whose non-ASCII characters outside the host are percent-encoded"
        )
    if "@" in found[2]:
        raise InvalidTarget("must not have a user name or password")
    host, colon, port = found[2].partition(":")
    try:
        # UTS 46 maps capitals, full-width digits and full stops of other scripts first, as browsers do.
        ascii_host = idna.encode(host, uts46=True, std3_rules=True).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        raise InvalidTarget("must have a host in ASCII or a valid internationalised domain name (IDNA 2008)") from None
    return f"{found[1]}{ascii_host}{colon}{port}{found[3]}"


def parse(url: str) -> Target:
    """Parses a URL. Raises InvalidTarget if the URL does not have the form that webhooks require."""
    if len(url) > MAX_URL_CHARACTERS:
        raise InvalidTarget(f"must be at most {MAX_URL_CHARACTERS} characters, got {len(url)}")
    url = canonical(url)
    # urlsplit drops some of these characters, and servers and proxies disagree on others.
    if not url.isascii() or not url.isprintable() or any(character in url for character in ' \\"<>^`{|}'):
        raise InvalidTarget("must be an http or https URL in printable ASCII, without spaces or backslashes")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise InvalidTarget("must be an http or https URL") from None
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname:
        raise InvalidTarget("must be an http or https URL")
    if "@" in parts.netloc:
        raise InvalidTarget("must not have a user name or password")
    if port is None:
        port = DEFAULT_PORTS[parts.scheme]
    if port not in DEFAULT_PORTS.values() and port < MIN_UNPRIVILEGED_PORT:
        raise InvalidTarget(f"must use port 80, 443, or {MIN_UNPRIVILEGED_PORT} to 65535")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, _host(parts), port, path)


def _host(parts: SplitResult) -> str:
    host = (parts.hostname or "").lower()
    if "[" in parts.netloc:
        try:
            return str(ipaddress.IPv6Address(host if "%" not in host else ""))
        except ValueError:
            raise InvalidTarget("must have a valid IPv6 address without a zone in its brackets") from None
    host = host.removesuffix(".")
    labels = host.split(".")
    if _NUMBER.fullmatch(labels[-1]):
        # Programs disagree on other notations: 127.1, 0x7f000001, 2130706433, 0177.0.0.1.
        try:
            return str(ipaddress.IPv4Address(host))
        except ValueError:
            raise InvalidTarget("must have a host name, or an IPv4 address of four decimal numbers") from None
    if len(host) > MAX_HOST_CHARACTERS or not all(_LABEL.fullmatch(label) for label in labels):
        raise InvalidTarget("must be an http or https URL with a host name of letters, digits, dots and hyphens")
    return host


def _is_allowed_name(target: Target, policy: SsrfPolicy) -> bool:
    """Whether a host name is not known to be private. Its addresses are checked at each attempt."""
    name, port = target.host, target.port
    known = _LOOPBACK if is_loopback_name(name) else _METADATA if name in _METADATA_NAMES else ()
    if known:
        return any(policy.allows(name, address, port) for address in known)
    if (name, port) in policy.allowed or policy.networks:
        return True
    return "." in name and not name.endswith(_PRIVATE_SUFFIXES)
