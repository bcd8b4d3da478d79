"""Which URLs name a gateway."""

import pytest

from gateway.cli.address import GatewayAddress
from gateway.cli.errors import CliError, ExitCode


@pytest.mark.parametrize(
    ("url", "target", "secure", "text", "is_this_machine"),
    [
        ("http://localhost:8080", "localhost:8080", False, "http://localhost:8080", True),
        ("http://127.0.0.2:81/", "127.0.0.2:81", False, "http://127.0.0.2:81", True),
        ("https://Arena.example.com", "arena.example.com:443", True, "https://arena.example.com:443", False),
        ("http://[::1]:8080", "[::1]:8080", False, "http://[::1]:8080", True),
        (" http://10.0.0.1 ", "10.0.0.1:80", False, "http://10.0.0.1:80", False),
    ],
)
def test_a_url_gives_the_address_to_connect_to(
    url: str, target: str, secure: bool, text: str, is_this_machine: bool
) -> None:
    address = GatewayAddress.parse(url)
    assert (address.target, address.secure, str(address), address.is_this_machine) == (
        target,
        secure,
        text,
        is_this_machine,
    )


@pytest.mark.parametrize(
    "url",
    ["", "localhost:8080", "ftp://localhost", "http://", "http://localhost:x", "http://localhost:99999",
     "http://localhost/api", "http://user@localhost", "http://localhost?x=1", "http://[::1"],
)  # fmt: skip
def test_any_other_url_is_bad_input(url: str) -> None:
    with pytest.raises(CliError, match="is not the URL of a gateway") as caught:
        GatewayAddress.parse(url)
    assert caught.value.exit_code == ExitCode.USAGE
