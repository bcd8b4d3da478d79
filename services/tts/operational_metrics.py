"""The operational metrics of the tts service."""

from collections.abc import Sized

from prometheus_client import Counter, Gauge, Histogram

from services.tts.providers.registry import Provider, ProviderRegistry

TTFB_SECONDS = Histogram(
    "voicearena_tts_ttfb_seconds",
    "Time from sending a request to the first byte of audio, for successful requests",
    ["provider"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2.5, 5, 10, 20),
)
REQUESTS = Counter("voicearena_tts_provider_requests_total", "Requests made to a provider", ["provider"])
ERRORS = Counter(
    "voicearena_tts_provider_errors_total",
    "Requests to a provider that failed, by kind of failure",
    ["provider", "kind"],
)
_SLOTS_LIMIT = Gauge("voicearena_tts_slots", "Maximum number of requests to a provider at the same time", ["provider"])
_SLOTS_IN_USE = Gauge("voicearena_tts_slots_in_use", "Requests to a provider in progress", ["provider"])
_SLOTS_WAITING = Gauge("voicearena_tts_slots_waiting", "Requests that wait for a slot of a provider", ["provider"])
_AVAILABLE = Gauge("voicearena_tts_provider_available", "Whether a provider can be used, 0 or 1", ["provider"])
_JOBS = Gauge("voicearena_tts_jobs_in_hand", "Jobs in progress in this process")


def export_gauges(providers: ProviderRegistry, jobs: Sized) -> None:
    """Exports the state of the providers and the number of jobs. The gauges are computed at each scrape."""
    for provider in providers.all():
        _export_gauges(provider)
    _JOBS.set_function(lambda: len(jobs))


def _export_gauges(provider: Provider) -> None:
    slots = provider.slots
    _SLOTS_LIMIT.labels(provider.id).set_function(lambda: slots.limit)
    _SLOTS_IN_USE.labels(provider.id).set_function(lambda: slots.in_use)
    _SLOTS_WAITING.labels(provider.id).set_function(lambda: slots.waiting)
    _AVAILABLE.labels(provider.id).set_function(lambda: provider.unavailable_reason is None)
