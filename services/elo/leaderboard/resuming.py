"""What a process that starts knows of the boards that another one has computed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from services.elo.leaderboard.computing import EVIDENCE
from services.elo.leaderboard.schedule import OwnerSchedule
from services.elo.leaderboard.vote_log import VoteLog, by_kind, flagged
from services.elo.ratings.votes import Bools, Ints


@dataclass(frozen=True, slots=True)
class ComputedVotes:
    """The votes from which the boards of an owner were last computed. The arrays are by the number of the vote."""

    computed_at: datetime
    seen: Bools
    counted: Bools


def resumed(log: VoteLog, owner: str, before: ComputedVotes) -> OwnerSchedule:
    """Returns the schedule of an owner: their votes that are new since, or count differently, are changed."""
    rows = log.of_owner(owner)
    seen = _of_votes(before.seen, rows["seq"])
    same = seen & (_of_votes(before.counted, rows["seq"]) == flagged(rows, EVIDENCE))
    return OwnerSchedule(
        votes=by_kind(rows[seen]),
        changed=by_kind(rows[~same]),
        groups=len(np.unique(rows["group"][seen])),
        groups_now=len(np.unique(rows["group"])),
        computed_at=before.computed_at,
    )


def _of_votes(bits: Bools, seqs: Ints) -> Bools:
    """Returns the bits of these votes. Votes after the last bit have none set."""
    found = np.zeros(len(seqs), dtype=np.bool_)
    inside = seqs < len(bits)
    found[inside] = bits[seqs[inside]]
    return found
