"""Ports are chosen before anything starts."""

import socket
from collections.abc import Iterator

import pytest

from deploy.local.errors import MeshError
from deploy.local.ports import PICKED_FROM, choose_ports
from deploy.local.settings import PORT_SETTINGS, load_settings

FREE = dict.fromkeys(PORT_SETTINGS, 0)


@pytest.fixture
def used() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_zero_picks_free_ports_that_outgoing_connections_do_not_use():
    chosen = choose_ports(load_settings(**FREE))
    assert set(chosen) == set(PORT_SETTINGS)
    assert len(set(chosen.values())) == len(PORT_SETTINGS)
    assert all(port in PICKED_FROM for port in chosen.values())


def test_a_port_in_use_is_named_with_its_setting(used):
    with pytest.raises(MeshError) as raised:
        choose_ports(load_settings(**{**FREE, "api_port": used}))
    assert str(raised.value) == f"port {used} is in use: set API_PORT to another one (0 picks a free one)"


def test_all_ports_in_use_are_named_in_one_error(used):
    with pytest.raises(MeshError) as raised:
        choose_ports(load_settings(**{**FREE, "api_port": used, "nats_port": used}))
    message = str(raised.value)
    assert "API_PORT to another" in message
    assert "NATS_PORT to another" in message
    assert f"port {used} is set for both API_PORT and NATS_PORT" in message


def test_the_port_of_an_external_server_can_be_in_use(used):
    settings = load_settings(**{**FREE, "nats_port": used})
    assert "nats_port" not in choose_ports(settings, frozenset({"nats_port"}))
