"""Starts the mesh that benchmarks use: embedded PostgreSQL and NATS, free ports, and a developer's API key."""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from pathlib import Path

import httpx

from deploy.local.mesh import Mesh
from deploy.local.settings import PORT_SETTINGS, LocalSettings, load_settings
from gateway.config import ExtraRoute

CALL_SECONDS = 30.0


def free_settings(
    data_dir: Path | None = None, *, rate_limited: bool = True, trusted_proxies: int = 0
) -> LocalSettings:
    """Returns settings with free ports, and with the data in `data_dir` or a temporary directory.

    With a trusted proxy, a call names the address of its client in `X-Forwarded-For`.
    """
    ports = dict.fromkeys(PORT_SETTINGS, 0)
    # A limit that is never reached, or no rate limit.
    per_second = 100_000 if rate_limited else 0
    limits = {"rate_limit_per_second": per_second, "rate_limit_burst": 1_000_000}
    limits |= {"anonymous_rate_limit_per_second": per_second, "anonymous_rate_limit_burst": 1_000_000}
    limits["trusted_proxies"] = trusted_proxies
    return load_settings(**ports, **limits, arena_data_dir=data_dir, ephemeral=data_dir is None)


def free_port() -> int:
    """Returns a free loopback port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def mesh(
    service_env: Mapping[str, Mapping[str, str]] | None = None,
    extra_routes: Sequence[ExtraRoute] = (),
    *,
    rate_limited: bool = True,
    trusted_proxies: int = 0,
) -> Mesh:
    """Returns a mesh whose data is deleted at its end. Without `rate_limited`, no calls are counted.

    It has no pool of battles, which would keep processors busy.
    """
    settings = free_settings(rate_limited=rate_limited, trusted_proxies=trusted_proxies)
    without_pool = {**(service_env or {}), "elo": {"BATTLE_POOL": "0", **(service_env or {}).get("elo", {})}}
    return Mesh(settings, service_env=without_pool, extra_routes=extra_routes)


async def client(mesh: Mesh) -> httpx.AsyncClient:
    """Returns an API client with the key of the first developer."""
    key = await mesh.first_api_key()
    return httpx.AsyncClient(
        base_url=f"{mesh.api_url}/api/v1",
        headers={"Authorization": f"Bearer {key}"},
        timeout=CALL_SECONDS,
        trust_env=False,
    )
