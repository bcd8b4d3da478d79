"""The status of the tts service: the state of its providers."""

from voicearena.mesh.v1.mesh_pb2 import ProcessStatus, ProviderStatus

from services.runtime.status import Reporter
from services.tts.providers.registry import Provider, ProviderRegistry


def reporter(providers: ProviderRegistry) -> Reporter:
    """Returns a function that adds the providers to a status."""

    def report(status: ProcessStatus) -> None:
        status.providers.extend(_status(provider) for provider in providers.all())

    return report


def _status(provider: Provider) -> ProviderStatus:
    slots, health = provider.slots, provider.health
    status = ProviderStatus(
        id=provider.id,
        unavailable_reason=provider.unavailable_reason or "",
        in_use=slots.in_use,
        limit=slots.limit,
        waiting=slots.waiting,
        failing=health.failing,
        voices_left_out=provider.left_out,
    )
    if health.last_kind is not None:
        status.last_error_kind = health.last_kind.value
        status.last_error_seconds = round(health.seconds_since_failure, 1)
    return status
