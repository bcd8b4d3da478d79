"""What each process of the mesh is told: its own settings and nothing else, so that it holds nobody else's secrets.

A service's names are the fields of its settings class (services/<name>/settings.py), which a test compares. PostgreSQL,
NATS and Envoy are told by files and arguments, and get only what any program needs to run.
"""

from collections.abc import Iterable, Mapping

from gateway.settings import SERVICES

# The way to programs and libraries, the language and the time zone.
PLAIN = (
    *("PATH", "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "TZ", "TMPDIR"),
    *("LC_ALL", "LC_COLLATE", "LC_CTYPE", "LC_MESSAGES", "LC_MONETARY", "LC_NUMERIC", "LC_TIME"),
    *("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "VIRTUAL_ENV"),
)
# How calls to the outside go, and whose certificates they believe.
OUTSIDE = (
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR"),
)
# Where traces go; see the OpenTelemetry specification.
TRACES = "OTEL_"
# Credentials and addresses of buckets, for services that keep audio in one.
BUCKETS = ("AWS_", "GOOGLE_", "AZURE_")

COMMON = ("GRPC_ADDRESS", "METRICS_ADDRESS", "NATS_URL", "AUTH_ADDRESS", "ARENA_DATA_DIR", "LOG_LEVEL", "DRAIN_SECONDS")
DATABASE = ("DATABASE_URL", "DATABASE_POOL_SIZE")
AUDIO = ("AUDIO_STORAGE_PATH",)
SIGNING = ("AUDIO_URL_SECRET",)
HTTP = ("HTTP_ADDRESS",)
LINKS = (*SIGNING, "AUDIO_URL_TTL_SECONDS", "PUBLIC_URL")
HOSTED = tuple(
    f"{provider}_{name}"
    for provider in ("CARTESIA", "ELEVENLABS", "SMALLESTAI", "DEEPGRAM", "OPENAI")
    for name in ("API_KEY", "BASE_URL", "MODEL", "VOICES", "CONCURRENCY")
)

SETTINGS: Mapping[str, tuple[str, ...]] = {
    "auth": (
        *COMMON,
        *DATABASE,
        *SIGNING,
        *(f"{name.upper()}_ADDRESS" for name in SERVICES),
        "FURTHER_WORKERS",
        *("MAX_VOTERS_PER_ADDRESS", "MAX_REGISTRATIONS_PER_ADDRESS"),
    ),
    "experiments": (
        *COMMON,
        *HTTP,
        *DATABASE,
        *AUDIO,
        *LINKS,
        *("SCORING_ADDRESS", "ELO_ADDRESS"),
        *("RECONCILE_AFTER_SECONDS", "WATCH_HEARTBEAT_SECONDS", "RETENTION_SWEEP_SECONDS", "EVENTS_IN_FLIGHT"),
        "MAX_UNFINISHED_EXPERIMENTS",
        *("MAX_RUNNING_EXPERIMENTS", "AUDIO_RETENTION_DAYS", "QUALITY_WEIGHTS"),
        *("WEBHOOK_ALLOWED_NETWORKS", "MESH_ADDRESSES"),
    ),
    "tts": (
        *COMMON,
        *HTTP,
        *AUDIO,
        *LINKS,
        *HOSTED,
        *("OPENAI_SAMPLE_RATE", "OPENAI_COMPATIBLE", "ESPEAK_CONCURRENCY", "FLITE_CONCURRENCY"),
        *("FIRST_BYTE_TIMEOUT_SECONDS", "SYNTHESIS_TIMEOUT_SECONDS", "SPEECH_QUEUE", "SYNTHESIS_JOBS_IN_HAND"),
    ),
    "scoring": (*COMMON, *DATABASE, *AUDIO, "MAX_EVAL_WORKERS"),
    "elo": (*COMMON, *DATABASE, *SIGNING, "MAX_MODELS"),
}
# Who calls providers. The others go out only for traces and to a bucket.
CALLS_OUTSIDE = ("tts",)


def plain(everything: Mapping[str, str]) -> dict[str, str]:
    """Returns what PostgreSQL, NATS and Envoy get."""
    return _chosen(everything, PLAIN)


def of_service(kind: str, everything: Mapping[str, str]) -> dict[str, str]:
    """Returns what a service gets of all that this machine and the mesh say."""
    settings = SETTINGS[kind]
    prefixes = [TRACES]
    bucket = "AUDIO_STORAGE_PATH" in settings and "://" in everything.get("AUDIO_STORAGE_PATH", "")
    if bucket:
        prefixes.extend(BUCKETS)
    chosen = _chosen(everything, (*PLAIN, *settings), prefixes)
    if bucket or kind in CALLS_OUTSIDE or any(name.startswith(TRACES) for name in chosen):
        chosen |= _chosen(everything, OUTSIDE)
    return chosen


def _chosen(everything: Mapping[str, str], names: Iterable[str], prefixes: Iterable[str] = ()) -> dict[str, str]:
    wanted, begins = frozenset(names), tuple(prefixes)
    return {name: value for name, value in everything.items() if name in wanted or (begins and name.startswith(begins))}
