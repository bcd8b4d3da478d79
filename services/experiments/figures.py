"""What Prometheus learns of trials, beside what every service tells of its calls and events."""

from prometheus_client import Counter, Gauge, Histogram

TRIALS = Counter("voicearena_trials_total", "Trials that have come to a status", ["status"])
UNFINISHED = Gauge(
    "voicearena_trials_unfinished", "Trials that have not ended, of the whole mesh", ["provider", "status"]
)
LONGEST_WAIT_SECONDS = Gauge(
    "voicearena_trials_longest_wait_seconds",
    "How long the trial that waits longest for a provider has done so",
    ["provider"],
)
RELEASE_SECONDS = Histogram(
    "voicearena_trials_release_seconds",
    "Time from asking whose turn it is at a provider until that is known",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
