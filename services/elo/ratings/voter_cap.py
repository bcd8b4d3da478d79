"""Limits the share of one voter in the counted votes, so that a few active voters don't decide a board."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from services.elo.ratings.votes import Bools, Ints

MIN_CAPPED_VOTES = 1000
"""With fewer votes a cap gains nothing."""
MAX_VOTER_SHARE = 0.10
MIN_VOTERS_FOR_SHARE = 20
"""With fewer voters the share is 2 over their number: twice what each would have if all were equally active."""


def under_cap(voter: Ints, vote_ids: Sequence[str]) -> Bools:
    """Returns which human votes are counted so that no voter has more than 10% of the counted ones.

    `voter` is the number of the voter and `vote_ids` the id of each vote. Under 1,000 votes all are counted. Which
    votes of an active voter are kept depends on a hash of their ids only, so it does not depend on the order, and
    anyone can check it.

    Raises ValueError if there is not one id per vote.
    """
    if len(voter) != len(vote_ids):
        raise ValueError(f"there must be one id per vote: {len(voter)} votes, {len(vote_ids)} ids")
    counted = np.ones(len(voter), dtype=np.bool_)
    if len(voter) < MIN_CAPPED_VOTES:
        return counted
    activity = np.bincount(voter)
    most = max_votes_per_voter(activity[activity > 0])
    for one in np.flatnonzero(activity > most):
        own: list[int] = np.flatnonzero(voter == one).tolist()
        order = sorted(own, key=lambda vote: vote_hash(vote_ids[vote]))
        counted[order[most:]] = False
    return counted


def max_votes_per_voter(activity: Ints) -> int:
    """Returns the largest number of votes per voter that keeps everyone within the share.

    `activity` is the number of votes of each voter, all above 0. The share is of the votes that remain.
    """
    voters = len(activity)
    share = 2 / voters if voters < MIN_VOTERS_FOR_SHARE else MAX_VOTER_SHARE
    low, high = 0, int(activity.max(initial=0))
    # The remaining votes grow more and more slowly with the limit, so one bisection finds the last that fits.
    while low < high:
        middle = (low + high + 1) // 2
        if middle <= share * np.minimum(activity, middle).sum() + 1e-9:
            low = middle
        else:
            high = middle - 1
    return low


def vote_hash(vote_id: str) -> bytes:
    """Returns the hash of a vote's id by which votes of an active voter are chosen. The lowest are kept."""
    return hashlib.blake2b(vote_id.encode(), digest_size=16).digest()
