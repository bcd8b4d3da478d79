"""Finds the processes of the mesh and reads their status."""

import asyncio
import socket
from collections.abc import Mapping, Sequence

import grpc
from voicearena.mesh.v1 import mesh_pb2, process_service_pb2, process_service_pb2_grpc

from services.runtime.channels import CHANNEL_OPTIONS

# A process has its status in memory, so one that takes longer counts as down.
STATUS_TIMEOUT_SECONDS = 2.0
RESOLVE_TIMEOUT_SECONDS = 1.0
# The name of the fault of a process that returns no status.
PROCESS_FAULT = "process"
NO_STATUS_REASONS: Mapping[grpc.StatusCode, str] = {
    grpc.StatusCode.UNAVAILABLE: "it does not answer",
    grpc.StatusCode.DEADLINE_EXCEEDED: "it does not answer in time",
    grpc.StatusCode.UNIMPLEMENTED: "its version reports no status",
}


class MeshProcesses:
    """All processes that the services' addresses currently resolve to."""

    def __init__(self, addresses: Mapping[str, str]) -> None:
        """`addresses` maps each service to a `host:port`, or to several with commas between them."""
        self._addresses = addresses
        self._channels: dict[str, grpc.aio.Channel] = {}

    async def ask(self) -> Sequence[mesh_pb2.ServiceStatus]:
        """Asks all processes at the same time. Returns the status of each service within 3 seconds.

        Each status has at least one process.
        """
        targets = await asyncio.gather(*(_targets(address) for address in self._addresses.values()))
        for gone in self._channels.keys() - {target for found in targets for target in found}:
            await self._channels.pop(gone).close()
        asked = await asyncio.gather(
            *(self._service(*service) for service in zip(self._addresses, targets, strict=True))
        )
        return list(asked)

    async def ping(self) -> None:
        """Does nothing: auth must report the status of the mesh even if all of it is down."""

    async def close(self) -> None:
        """Closes the connections."""
        for channel in self._channels.values():
            await channel.close()

    async def _service(self, name: str, targets: Sequence[str]) -> mesh_pb2.ServiceStatus:
        statuses = await asyncio.gather(*(_status(self._channel(target)) for target in targets))
        return mesh_pb2.ServiceStatus(name=name, serving=any(each.serving for each in statuses), processes=statuses)

    def _channel(self, target: str) -> grpc.aio.Channel:
        if target not in self._channels:
            # Without the caller's identity: the status must work even if identities can't be verified.
            self._channels[target] = grpc.aio.insecure_channel(target, CHANNEL_OPTIONS)
        return self._channels[target]


async def _targets(addresses: str) -> list[str]:
    """Returns an `address:port` for each process.

    Only one address family of a host is used, because the other one has the same processes.
    """
    found = await asyncio.gather(*(_resolved(address) for address in addresses.split(",")))
    return list(dict.fromkeys(target for targets in found for target in targets))


async def _resolved(address: str) -> Sequence[str]:
    host, _, port = address.rpartition(":")
    try:
        async with asyncio.timeout(RESOLVE_TIMEOUT_SECONDS):
            entries = await asyncio.get_running_loop().getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_STREAM)
    except (OSError, TimeoutError):
        return [address]
    family = min(entry[0] for entry in entries)
    hosts = sorted({str(entry[4][0]) for entry in entries if entry[0] == family})
    return [f"[{each}]:{port}" if ":" in each else f"{each}:{port}" for each in hosts]


async def _status(channel: grpc.aio.Channel) -> mesh_pb2.ProcessStatus:
    stub = process_service_pb2_grpc.ProcessServiceStub(channel)
    try:
        response = await stub.GetProcessStatus(
            process_service_pb2.GetProcessStatusRequest(), timeout=STATUS_TIMEOUT_SECONDS
        )
    except grpc.aio.AioRpcError as error:
        reason = NO_STATUS_REASONS.get(error.code(), f"it responds with {error.code().name}")
        return mesh_pb2.ProcessStatus(faults=[mesh_pb2.Fault(name=PROCESS_FAULT, reason=reason)])
    return response.status
