"""The environment of each process of the mesh. A process gets only its own settings, so it has no secrets of others.

The settings of a service are the fields of its settings class (services/<name>/settings.py). A test compares them.
PostgreSQL, NATS and Envoy are configured by files and arguments, and get only the variables that any program needs.
"""

from collections.abc import Iterable, Mapping

from gateway.settings import SERVICES

# The paths of programs and libraries, the language and the time zone.
BASE = (
    *("PATH", "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "TZ", "TMPDIR"),
    *("LC_ALL", "LC_COLLATE", "LC_CTYPE", "LC_MESSAGES", "LC_MONETARY", "LC_NUMERIC", "LC_TIME"),
    *("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "VIRTUAL_ENV"),
)
# Proxies and trusted certificates of outgoing calls.
OUTGOING = (
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR"),
)
# The prefix of settings for traces; see the OpenTelemetry specification.
TRACES = "OTEL_"
# The prefixes of credentials and addresses of buckets, for services that keep audio in a bucket.
BUCKETS = ("AWS_", "GOOGLE_", "AZURE_")

# Where the libraries of the large models find a GPU and weights.
MODELS = ("CUDA_VISIBLE_DEVICES", "HF_HOME", "HF_ENDPOINT")

COMMON = ("GRPC_ADDRESS", "METRICS_ADDRESS", "NATS_URL", "AUTH_ADDRESS", "ARENA_DATA_DIR", "LOG_LEVEL", "DRAIN_SECONDS")
DATABASE = ("DATABASE_URL", "DATABASE_POOL_SIZE")
AUDIO = ("AUDIO_STORAGE_PATH",)
SIGNING = ("AUDIO_URL_SECRET",)
RETENTION = ("AUDIO_RETENTION_DAYS", "RETENTION_SWEEP_SECONDS")
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
        *RETENTION,
        *("RECONCILE_AFTER_SECONDS", "WATCH_HEARTBEAT_SECONDS", "EVENTS_IN_FLIGHT"),
        "MAX_UNFINISHED_EXPERIMENTS",
        *("MAX_RUNNING_EXPERIMENTS", "QUALITY_WEIGHTS"),
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
    "scoring": (
        *COMMON,
        *HTTP,
        *DATABASE,
        *AUDIO,
        *SIGNING,
        *RETENTION,
        "WATCH_HEARTBEAT_SECONDS",
        *("ELO_ADDRESS", "EXPERIMENTS_ADDRESS", "TTS_ADDRESS"),
        *("MAX_EVAL_WORKERS", "EVAL_IDLE_SECONDS", "MAX_EVALUATIONS", "MAX_UPLOAD_SIZE_MB"),
        *("SCORING_DEVICE", "MODEL_DIR", "WHISPER_MODEL", "BERT_MODEL", "HF_TOKEN", "HF_HUB_OFFLINE"),
        *("ENABLE_DIARIZATION", "DEFAULT_NUM_SPEAKERS"),
    ),
    "elo": (
        *COMMON,
        *HTTP,
        *DATABASE,
        *AUDIO,
        *SIGNING,
        *RETENTION,
        *("RECONCILE_AFTER_SECONDS", "WATCH_HEARTBEAT_SECONDS", "EVENTS_IN_FLIGHT"),
        *("PUBLIC_URL", "EXPERIMENTS_ADDRESS"),
        *("MAX_MODELS", "MAX_SCENARIOS", "PUBLIC_APPROVAL", "OPERATORS", "ARENA_PROVIDERS", "ARENA_VOICES"),
        "BOARD_INTERVAL_SECONDS",
        *("BATTLE_POOL", "BATTLES_PER_DAY", "HOSTED_RENDERS_PER_DAY", "RENDERS_PER_SCENARIO"),
        *("MAX_UNFINISHED_BATTLES", "BATTLE_VOTES", "BATTLE_DAYS"),
        *("METRIC_WEIGHTS", "METRIC_TIE_MARGIN", "ELO_K_FACTOR", "HUMAN_VOTE_WEIGHT"),
        *("MAX_BATTLES_PER_MINUTE", "MAX_COUNTED_VOTES_PER_DAY", "MAX_COUNTED_VOTERS_PER_ADDRESS"),
        *("CONTROL_SHARE", "JUDGING_SECONDS"),
    ),
}
# The services that call providers and download models. The others make outgoing calls only for traces and to a bucket.
CALLS_OUT = ("tts", "scoring")
RUNS_MODELS = ("scoring",)


def base_environment(everything: Mapping[str, str]) -> dict[str, str]:
    """Returns the environment of PostgreSQL, NATS and Envoy."""
    return _chosen(everything, BASE)


def service_environment(kind: str, everything: Mapping[str, str]) -> dict[str, str]:
    """Returns the environment of a service. `everything` has the variables of this machine and of the mesh."""
    settings = SETTINGS[kind]
    prefixes = [TRACES]
    bucket = "AUDIO_STORAGE_PATH" in settings and "://" in everything.get("AUDIO_STORAGE_PATH", "")
    if bucket:
        prefixes.extend(BUCKETS)
    chosen = _chosen(everything, (*BASE, *settings), prefixes)
    if bucket or kind in CALLS_OUT or any(name.startswith(TRACES) for name in chosen):
        chosen |= _chosen(everything, OUTGOING)
    if kind in RUNS_MODELS:
        chosen |= _chosen(everything, MODELS)
    return chosen


def _chosen(everything: Mapping[str, str], names: Iterable[str], prefixes: Iterable[str] = ()) -> dict[str, str]:
    exact, begins = frozenset(names), tuple(prefixes)
    return {name: value for name, value in everything.items() if name in exact or (begins and name.startswith(begins))}
