"""What the tts service tells of its status: how its providers do."""

from voicearena.mesh.v1.mesh_pb2 import ProcessStatus, ProviderStatus

from services.runtime.status import Reporter
from services.tts.providers.registry import Provider, Providers


def reporter(providers: Providers) -> Reporter:
    """Returns what adds the providers to a status."""

    def report(status: ProcessStatus) -> None:
        status.providers.extend(_status(provider) for provider in providers.all())

    return report


def _status(provider: Provider) -> ProviderStatus:
    slots, outcomes = provider.slots, provider.outcomes
    status = ProviderStatus(
        id=provider.id,
        unavailable_reason=provider.unavailable_reason or "",
        in_use=slots.in_use,
        limit=slots.limit,
        waiting=slots.waiting,
        failing=outcomes.failing,
        voices_left_out=provider.left_out,
    )
    if outcomes.last_kind is not None:
        status.last_error_kind = outcomes.last_kind.value
        status.last_error_seconds = round(outcomes.seconds_since_failure, 1)
    return status
