"""What Prometheus learns of trials, beside what every service tells of its calls and events."""

from prometheus_client import Counter, Gauge, Histogram

TRIALS = Counter("voicearena_trials", "Trials that have come to a status", ["status"])
UNFINISHED = Gauge("voicearena_unfinished_trials", "Trials that have not ended", ["provider", "status"])
LONGEST_WAIT_SECONDS = Gauge(
    "voicearena_longest_wait_seconds", "How long the trial that waits longest for a provider has done so", ["provider"]
)
RELEASE_SECONDS = Histogram(
    "voicearena_release_seconds",
    "Time from asking whose turn it is at a provider until that is known",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
