"""The settings of the SSRF guard: the networks and ports that the operator allows, and the mesh's own ports."""

import ipaddress

import pytest

from services.experiments.settings import ExperimentsSettings
from services.experiments.webhooks.ssrf_guard.policy import HostPort
from services.runtime.settings import load_settings


@pytest.fixture(autouse=True)
def _secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUDIO_URL_SECRET", "a secret of some length")
    monkeypatch.delenv("WEBHOOK_ALLOWED_NETWORKS", raising=False)


def test_no_network_is_allowed_by_default() -> None:
    assert load_settings(ExperimentsSettings).webhook_allowed_networks == ()


def test_networks_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEBHOOK_ALLOWED_NETWORKS", "10.0.0.0/8, ::1/128,192.168.1.7,")
    assert load_settings(ExperimentsSettings).webhook_allowed_networks == (
        ipaddress.ip_network("10.0.0.0/8"),
        ipaddress.ip_network("::1/128"),
        ipaddress.ip_network("192.168.1.7/32"),
    )


def test_single_ports_can_stand_among_the_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEBHOOK_ALLOWED_NETWORKS", "127.0.0.1:9000,[::1]:9001, Hooks.Internal:443")
    assert load_settings(ExperimentsSettings).webhook_allowed_networks == (
        HostPort("127.0.0.1", 9000),
        HostPort("::1", 9001),
        HostPort("hooks.internal", 443),
    )


def test_the_ssrf_policy_knows_every_port_that_a_setting_names(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "MESH_ADDRESSES": "127.0.0.1:8080,127.0.0.1:50053",
        "DATABASE_URL": "postgresql://u:p@db-1:5433,db-2:5434/arena",
        "NATS_URL": "nats://u:p@bus-1:4222,bus-2:4333",
        "SCORING_ADDRESS": "10.0.0.1:50054,10.0.0.2:50054",
        "PUBLIC_URL": "https://arena.example.com",
    }.items():
        monkeypatch.setenv(name, value)
    policy = load_settings(ExperimentsSettings).ssrf_policy
    expected = {
        *(("127.0.0.1", port) for port in (8080, 50053, 50051, 9464)),
        *(("db-1", 5433), ("db-2", 5434), ("bus-1", 4222), ("bus-1", 8222), ("bus-2", 4333), ("bus-2", 8222)),
        *(("10.0.0.1", 50054), ("10.0.0.2", 50054), ("127.0.0.1", 50055)),
    }
    assert expected <= set(policy.mesh)
    assert policy.site == ("arena.example.com", 443)


@pytest.mark.parametrize(
    "value", ["localhost", "10.0.0.1/8", "10.0.0.0/33", "127.0.0.1:0", "127.0.0.1:70000", "::1:9000x"]
)
def test_an_invalid_network_stops_the_process_with_one_line(
    value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WEBHOOK_ALLOWED_NETWORKS", value)
    with pytest.raises(SystemExit) as end:
        load_settings(ExperimentsSettings)
    assert end.value.code == 2
    line = capsys.readouterr().err
    assert line.startswith("bad setting: WEBHOOK_ALLOWED_NETWORKS: ")
    assert line.count("\n") == 1
