"""Whether a listener can have heard both clips of a pair."""

import math
from datetime import datetime

from services.experiments.listening.domain import Assignment
from services.runtime.errors import WrongState


def check_heard(assignment: Assignment, at: datetime) -> None:
    """Raises WrongState unless both clips were sent whole, and could be played one after the other since the first."""
    sent = {"a": assignment.a_sent_at, "b": assignment.b_sent_at}
    missing = [side for side, sent_at in sent.items() if sent_at is None]
    if missing:
        clips = " and ".join(f"clip {side.upper()}" for side in missing)
        raise WrongState(f"{clips} must be fetched to the end first: play both clips, then vote", status="not_fetched")
    began = min(sent_at for sent_at in sent.values() if sent_at is not None)
    left = assignment.seconds - (at - began).total_seconds()
    if left > 0:
        raise WrongState(
            f"both clips together last {assignment.seconds:.1f} s, and can't have been heard yet: play both, then vote",
            status="not_heard",
            wait_seconds=str(math.ceil(left)),
        )
