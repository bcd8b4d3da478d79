"""What is kept of a job, by the names under which it lies in the audio store."""

import re

AUDIO_SUFFIX = ".wav"
TRY = "-try-"
# Job ids become names in the audio store, so neither a separator nor a leading dot may be in them, nor what would make
# a job's name one of another job's tries.
_JOB_ID = re.compile(rf"(?!.*{TRY})[A-Za-z0-9][A-Za-z0-9_-]{{0,99}}")


def is_job_id(value: str) -> bool:
    """Tells whether a job's audio can be stored under this id: letters, digits, `_` and `-`, at most 100."""
    return _JOB_ID.fullmatch(value) is not None


def audio_name(job_id: str) -> str:
    """Returns the name of a job's audio in the store."""
    return job_id + AUDIO_SUFFIX


def note_name(job_id: str) -> str:
    """Returns the name of the note beside a job's audio."""
    return f"{job_id}.json"


def try_name(job_id: str, number: int) -> str:
    """Returns the name under which a job's n-th request to a provider is recorded."""
    return f"{job_id}{TRY}{number}.json"


def job_of_audio(name: str) -> str | None:
    """Returns the job whose audio has this name, None if no audio can have it."""
    job_id = name.removesuffix(AUDIO_SUFFIX)
    return job_id if name.endswith(AUDIO_SUFFIX) and is_job_id(job_id) else None
