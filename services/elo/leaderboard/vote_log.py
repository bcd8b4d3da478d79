"""All votes in memory, as arrays, from which boards are computed. New and changed votes are merged into it."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.elo.ratings import VoteKind
from services.elo.ratings.published_board import Evidence
from services.elo.ratings.votes import Bools, Floats, Ints

Rows = NDArray[np.void]
ID_CHARACTERS = 40
"""Ids of votes have 36."""
VOTE = np.dtype(
    [
        *((name, np.int64) for name in ("seq", "group", "cast_at", "battle")),
        *((name, np.int32) for name in ("voter", "a", "b", "scenario", "render_a", "render_b")),
        *((name, np.int16) for name in ("outcome", "flags")),
        ("id", f"S{ID_CHARACTERS}"),
    ]
)
"""A vote. `group` is the hash of its owner, category and language, `cast_at` is in microseconds since 1970, `a` and `b`
are the models in the slots, and `battle` to `render_b` are numbers, 0 if there is none."""
HUMAN, COUNTED, RATED, SWAPPED = 1, 2, 4, 8
"""The bits of `flags`."""
MEASURED = (
    *("duration_seconds", "silence_ratio", "leading_silence_ms", "ttfa_ms", "word_error_rate", "semascore"),
    *("prosody_score", "naturalness_mos", "signal_quality_mos"),
)
"""The measurements of a render that boards use."""


class Group(NamedTuple):
    """The board and the scenario of a vote, as far as boards tell votes apart."""

    owner: str
    category: str
    language: str


class Renders:
    """The measurements of the renders that battles were about. They never change."""

    def __init__(self) -> None:
        self._values: Floats = np.full((1, len(MEASURED)), np.nan)
        self._known: Bools = np.ones(1, dtype=np.bool_)

    def missing(self, seqs: Ints) -> Sequence[int]:
        """Returns which of some renders are not known yet, by number."""
        wanted = np.unique(seqs)
        known = np.zeros(len(wanted), dtype=np.bool_)
        inside = wanted < len(self._known)
        known[inside] = self._known[wanted[inside]]
        found: list[int] = wanted[~known].tolist()
        return found

    def add(self, rows: Sequence[Sequence[Any]]) -> None:
        """Adds rows: the number of the render, then its measurements in the order of MEASURED."""
        if not rows:
            return
        last = max(row[0] for row in rows)
        if last >= len(self._known):
            more = max(last + 1, 2 * len(self._known)) - len(self._known)
            self._values = np.concatenate((self._values, np.full((more, len(MEASURED)), np.nan)))
            self._known = np.concatenate((self._known, np.zeros(more, dtype=np.bool_)))
        for row in rows:
            self._values[row[0]] = [np.nan if value is None else value for value in row[1:]]
            self._known[row[0]] = True

    def values(self, name: str, seqs: Ints) -> Floats:
        """Returns a measurement of renders, NaN where it is absent."""
        return np.asarray(self._values[seqs, MEASURED.index(name)])


class VoteLog:
    """All votes, ordered by number."""

    def __init__(self) -> None:
        self.groups: dict[int, Group] = {}
        """The groups of the votes by their hashes."""
        self.renders = Renders()
        self.rows: Rows = np.empty(0, dtype=VOTE)

    def unknown_groups(self, rows: Rows) -> Mapping[int, int]:
        """Returns the hash of each group of these votes that is not in `groups`, with the number of one vote."""
        hashes, first = np.unique(rows["group"], return_index=True)
        return {
            int(one): int(rows["seq"][at]) for one, at in zip(hashes, first, strict=True) if int(one) not in self.groups
        }

    def merge(self, rows: Rows) -> Mapping[str, Counter[VoteKind]]:
        """Adds votes, ordered by number, and takes over which earlier ones count.

        Returns the number of votes that are new or changed, by owner and kind. Rows that are known already are not.
        """
        at = np.searchsorted(self.rows["seq"], rows["seq"])
        known = np.zeros(len(rows), dtype=np.bool_)
        inside = at < len(self.rows)
        known[inside] = self.rows["seq"][at[inside]] == rows["seq"][inside]
        changed = known.copy()
        changed[known] = self.rows["flags"][at[known]] != rows["flags"][known]
        self.rows["flags"][at[changed]] = rows["flags"][changed]
        added = rows[~known]
        if len(added):
            in_order = not len(self.rows) or added["seq"][0] > self.rows["seq"][-1]
            self.rows = np.concatenate((self.rows, added))
            if not in_order:
                self.rows = self.rows[np.argsort(self.rows["seq"], kind="stable")]
        new = rows[~known | changed]
        by_owner: dict[str, Counter[VoteKind]] = {}
        for one in np.unique(new["group"]).tolist():
            by_owner.setdefault(self.groups[one].owner, Counter()).update(by_kind(new[new["group"] == one]))
        return by_owner

    def of_owner(self, owner: str) -> Rows:
        """Returns the votes of an owner's boards."""
        wanted = [one for one, group in self.groups.items() if group.owner == owner]
        return self.rows if len(wanted) == len(self.groups) else in_groups(self.rows, wanted)


def in_groups(rows: Rows, hashes: Collection[int]) -> Rows:
    """Returns the votes of some groups."""
    return rows[np.isin(rows["group"], np.fromiter(hashes, dtype=np.int64, count=len(hashes)))]


def by_kind(rows: Rows) -> Counter[VoteKind]:
    """Returns the number of votes of people and of the metrics, without those that are 0."""
    people = int(flagged(rows, HUMAN).sum())
    return +Counter({VoteKind.HUMAN: people, VoteKind.METRICS: len(rows) - people})


def flagged(rows: Rows, flags: int) -> Bools:
    """Returns which votes have all of these flags."""
    return np.asarray((rows["flags"] & flags) == flags)


def models_of(rows: Rows) -> Ints:
    """Returns the numbers of the models that votes are about, in ascending order."""
    if not len(rows):
        return np.empty(0, dtype=np.intp)
    size = int(max(rows["a"].max(), rows["b"].max())) + 1
    return np.flatnonzero(np.bincount(rows["a"], minlength=size) + np.bincount(rows["b"], minlength=size))


def evidence_of(rows: Rows, models: Ints) -> Evidence:
    """Returns votes as the evidence of a board. `models` are the numbers of its models, in ascending order."""
    return Evidence(
        human=flagged(rows, HUMAN),
        a=np.searchsorted(models, rows["a"]),
        b=np.searchsorted(models, rows["b"]),
        outcome=rows["outcome"].astype(np.intp),
        scenario=rows["scenario"].astype(np.intp),
        voter=rows["voter"].astype(np.intp),
        ids=_Ids(rows["id"]),
    )


class _Ids(Sequence[str]):
    """Ids in an array of bytes, padded with spaces."""

    def __init__(self, ids: NDArray[np.bytes_]) -> None:
        self._ids = ids

    def __len__(self) -> int:
        return len(self._ids)

    def __getitem__(self, index):  # type: ignore[no-untyped-def]
        return self._ids[index].decode().rstrip()


def packed(rows: Rows, chosen: Bools) -> bytes:
    """Returns the numbers of the chosen votes as compressed bits."""
    seqs = rows["seq"][chosen]
    bits = np.zeros(int(seqs[-1]) + 1 if len(seqs) else 0, dtype=np.bool_)
    bits[seqs] = True
    return zlib.compress(np.packbits(bits).tobytes(), 1)


def unpacked(content: bytes) -> Bools:
    """Returns the bits of `packed`: whether the vote of each number, from 0, was chosen."""
    return np.unpackbits(np.frombuffer(zlib.decompress(content), dtype=np.uint8)).astype(np.bool_)
