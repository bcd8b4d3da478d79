"""Ports are settled before anything starts."""

import socket
from collections.abc import Iterator

import pytest

from deploy.local.errors import MeshError
from deploy.local.ports import PICKED_FROM, choose_ports
from deploy.local.settings import PORT_SETTINGS, load_settings

FREE = dict.fromkeys(PORT_SETTINGS, 0)


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_zero_picks_free_ports_that_outgoing_connections_do_not_use():
    chosen = choose_ports(load_settings(**FREE))
    assert set(chosen) == set(PORT_SETTINGS)
    assert len(set(chosen.values())) == len(PORT_SETTINGS)
    assert all(port in PICKED_FROM for port in chosen.values())


def test_a_taken_port_is_named_with_its_setting(taken):
    with pytest.raises(MeshError) as raised:
        choose_ports(load_settings(**{**FREE, "api_port": taken}))
    assert str(raised.value) == f"port {taken} is taken: set API_PORT to another one (0 picks a free one)"


def test_every_taken_port_is_named_at_once(taken):
    with pytest.raises(MeshError) as raised:
        choose_ports(load_settings(**{**FREE, "api_port": taken, "nats_port": taken}))
    message = str(raised.value)
    assert "API_PORT to another" in message
    assert "NATS_PORT to another" in message
    assert f"port {taken} is given to both API_PORT and NATS_PORT" in message


def test_the_port_of_what_runs_elsewhere_may_be_taken(taken):
    settings = load_settings(**{**FREE, "nats_port": taken})
    assert "nats_port" not in choose_ports(settings, frozenset({"nats_port"}))
