"""The mesh that benchmarks run against: embedded PostgreSQL and NATS, ports of its own, a key to call it with."""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from pathlib import Path

import httpx

from deploy.local.mesh import Mesh
from deploy.local.settings import PORT_SETTINGS, LocalSettings, load_settings
from gateway.config import ExtraRoute

CALL_SECONDS = 30.0


def free_settings(data_dir: Path | None = None, *, counted: bool = True) -> LocalSettings:
    """Returns settings with free ports and the data in `data_dir`, or in a directory deleted at the end."""
    ports = dict.fromkeys(PORT_SETTINGS, 0)
    # Calls are counted, as everywhere, but never too many; or not counted at all.
    per_second = 100_000 if counted else 0
    limits = {"rate_limit_per_second": per_second, "rate_limit_burst": 1_000_000}
    limits |= {"anonymous_rate_limit_per_second": per_second, "anonymous_rate_limit_burst": 1_000_000}
    return load_settings(**ports, **limits, arena_data_dir=data_dir, ephemeral=data_dir is None)


def free_port() -> int:
    """Returns a port of loopback that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def mesh(
    service_env: Mapping[str, Mapping[str, str]] | None = None,
    extra_routes: Sequence[ExtraRoute] = (),
    *,
    counted: bool = True,
) -> Mesh:
    """Returns a mesh that forgets everything at its end. `counted` says whether calls count towards a rate limit."""
    return Mesh(free_settings(counted=counted), service_env=service_env, extra_routes=extra_routes)


async def client(mesh: Mesh) -> httpx.AsyncClient:
    """Returns a client of the API with the first developer's key."""
    key = await mesh.first_api_key()
    return httpx.AsyncClient(
        base_url=f"{mesh.api_url}/api/v1",
        headers={"Authorization": f"Bearer {key}"},
        timeout=CALL_SECONDS,
        trust_env=False,
    )
