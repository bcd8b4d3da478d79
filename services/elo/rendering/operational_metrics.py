"""Operational metrics of renders for Prometheus."""

from prometheus_client import Counter, Gauge, Histogram

RENDERS = Counter("voicearena_renders_total", "Renders of scenarios that have reached a status", ["status"])
UNFINISHED = Gauge("voicearena_renders_unfinished", "Unfinished renders in the whole mesh", ["provider", "status"])
OLDEST_WAIT_SECONDS = Gauge(
    "voicearena_renders_longest_wait_seconds",
    "Waiting time of the render that has waited longest for a provider",
    ["provider"],
)
RELEASE_SECONDS = Histogram(
    "voicearena_renders_release_seconds",
    "Time to choose the next renders for a provider",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
