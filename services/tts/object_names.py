"""The names of a job's objects in the audio store."""

import re

AUDIO_SUFFIX = ".wav"
TRY_MARKER = "-try-"
# Job ids become names in the audio store. So they have no separator and no leading dot, and they do not contain the
# marker of tries, which would make them a record of another job.
_JOB_ID = re.compile(rf"(?!.*{TRY_MARKER})[A-Za-z0-9][A-Za-z0-9_-]{{0,99}}")


def is_job_id(value: str) -> bool:
    """Returns whether a job's audio can be stored under this id: letters, digits, `_` and `-`, at most 100."""
    return _JOB_ID.fullmatch(value) is not None


def audio_name(job_id: str) -> str:
    """Returns the name of a job's audio in the store."""
    return job_id + AUDIO_SUFFIX


def note_name(job_id: str) -> str:
    """Returns the name of the note beside a job's audio."""
    return f"{job_id}.json"


def try_name(job_id: str, number: int) -> str:
    """Returns the name of the record of a job's request to a provider. `number` starts at 1."""
    return f"{job_id}{TRY_MARKER}{number}.json"


def job_of_audio(name: str) -> str | None:
    """Returns the id of the job whose audio has this name, None if it is not the name of audio."""
    job_id = name.removesuffix(AUDIO_SUFFIX)
    return job_id if name.endswith(AUDIO_SUFFIX) and is_job_id(job_id) else None
