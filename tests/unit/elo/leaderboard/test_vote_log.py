"""Votes in memory: new and changed ones are merged, and their numbers are packed as bits."""

import numpy as np

from services.elo.leaderboard.vote_log import (
    COUNTED,
    HUMAN,
    RATED,
    VOTE,
    Group,
    Renders,
    Rows,
    VoteLog,
    packed,
    unpacked,
)
from services.elo.ratings import VoteKind

PUBLIC, OWN = 1, 2


def votes(*seqs: int, group: int = PUBLIC, flags: int = HUMAN | COUNTED | RATED) -> Rows:
    rows = np.zeros(len(seqs), dtype=VOTE)
    rows["seq"], rows["group"], rows["flags"] = seqs, group, flags
    return rows


def log() -> VoteLog:
    found = VoteLog()
    found.groups = {PUBLIC: Group("", "sales", "en"), OWN: Group("dev_a", "sales", "en")}
    return found


def test_only_new_and_changed_votes_are_reported() -> None:
    merged = log()
    assert merged.merge(votes(1, 2, 5)) == {"": {VoteKind.HUMAN: 3}}
    # 2 comes again as it was, 5 does not count any more, and 3 became visible late.
    later = (votes(2, 3), votes(5, flags=HUMAN | RATED), votes(7, flags=COUNTED | RATED), votes(9, group=OWN))
    assert merged.merge(np.concatenate(later)) == {
        "": {VoteKind.HUMAN: 2, VoteKind.METRICS: 1},
        "dev_a": {VoteKind.HUMAN: 1},
    }
    assert merged.rows["seq"].tolist() == [1, 2, 3, 5, 7, 9]
    assert (merged.rows["flags"] & COUNTED > 0).tolist() == [True, True, True, False, True, True]
    assert merged.of_owner("dev_a")["seq"].tolist() == [9]
    assert merged.of_owner("")["seq"].tolist() == [1, 2, 3, 5, 7]


def test_the_groups_of_new_votes_are_asked_for_once() -> None:
    merged = VoteLog()
    rows = np.concatenate((votes(1, 2, group=7), votes(3, group=8)))
    assert merged.unknown_groups(rows) == {7: 1, 8: 3}
    merged.groups[7] = Group("", "sales", "en")
    assert merged.unknown_groups(rows) == {8: 3}


def test_numbers_of_votes_are_packed_as_bits() -> None:
    rows = votes(3, 4, 70)
    bits = unpacked(packed(rows, np.array([True, False, True])))
    assert np.flatnonzero(bits).tolist() == [3, 70]
    assert not unpacked(packed(rows[:0], np.zeros(0, dtype=np.bool_))).any()


def test_renders_are_read_once_and_absent_measurements_are_nan() -> None:
    renders = Renders()
    assert renders.missing(np.array([0, 4, 2, 4])) == [2, 4]
    renders.add([(4, 1.5, None, *[None] * 7)])
    assert renders.missing(np.array([0, 4, 2, 900])) == [2, 900]
    assert renders.values("duration_seconds", np.array([4]))[0] == 1.5
    assert np.isnan(renders.values("silence_ratio", np.array([4, 0]))).all()
