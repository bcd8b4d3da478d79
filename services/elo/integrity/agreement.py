"""Finds who votes unlike the others on a board. See `ratings.voter_agreement` for the test.

Votes that are meant to lift a model make honest voters look as if they avoided it. So the votes of one address are
tested as those of one voter first. Then each voter is tested against the votes that are left.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from services.elo.ratings import VoterTest, Votes, count_outcomes, voter_test
from services.elo.ratings.votes import Ints

MIN_TESTED_VOTES = 5
"""With fewer votes the evidence can't suffice, unless others almost never vote like that."""
MIN_OWN_RECORD_VOTES = 20
"""With as many votes, a voter at an address that votes unlike the others can be cleared by their own votes."""
MAX_CLEARED_EVIDENCE = 10.0
"""The evidence against a voter at such an address up to which they are cleared. Surely unlike the others is 1,000."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardVote:
    """A vote of a person in a rated battle of the board. Slots are as heard."""

    id: str
    voter_seq: int
    model_a_seq: int
    model_b_seq: int
    outcome: int
    counted: bool
    address: bytes | None
    """The keyed hash of the address from which it was cast. None if unknown."""


Outcomes = Mapping[tuple[int, int, int], int]
"""How often the model in slot A, the model in slot B and the outcome came together."""


@dataclass(frozen=True, slots=True)
class Findings:
    """Who votes unlike the others."""

    addresses: frozenset[bytes]
    """Addresses whose voters together do."""
    cleared: frozenset[int]
    """Voters at such an address who alone vote like the others, with enough votes to tell."""
    voters: frozenset[int]
    """Voters who do, by their number."""

    def excludes(self, vote: BoardVote) -> bool:
        """Returns whether a vote does not count by these findings."""
        if vote.voter_seq in self.voters:
            return True
        return vote.address in self.addresses and vote.voter_seq not in self.cleared


def examine(
    counted: Outcomes,
    at_addresses: Mapping[bytes, Sequence[BoardVote]],
    of_voters: Mapping[int, Sequence[BoardVote]],
) -> Findings:
    """Tests addresses, then voters.

    `counted` are all counted votes of the board. `at_addresses` are the votes from each address, and `of_voters` those
    of each voter, in the order in which they were cast. They may contain votes that don't count.
    """
    board = _Board.of(counted, [*at_addresses.values(), *of_voters.values()])
    addresses = frozenset(
        address
        for address, votes in at_addresses.items()
        if len({vote.voter_seq for vote in votes}) > 1 and board.test(votes).unlike_others
    )
    left = board.without([vote for address in addresses for vote in at_addresses[address]])
    by_voter: dict[int, list[BoardVote]] = defaultdict(list)
    for vote in (vote for address in addresses for vote in at_addresses[address]):
        by_voter[vote.voter_seq].append(vote)
    cleared = frozenset(voter for voter, votes in by_voter.items() if left.clears(votes, addresses))
    voters = frozenset(
        voter
        for voter, votes in of_voters.items()
        if left.test([vote for vote in votes if vote.address not in addresses], addresses).unlike_others
    )
    return Findings(addresses, cleared, voters)


_NOTHING = VoterTest(evidence=1.0, tested_votes=0, unlike_others_after=None, favoured=None)


@dataclass(frozen=True, slots=True)
class _Board:
    """The counted votes of a board as a table over dense numbers of its models."""

    numbers: Mapping[int, int]
    table: Ints

    @classmethod
    def of(cls, counted: Outcomes, further: Iterable[Sequence[BoardVote]]) -> _Board:
        seqs = {seq for a, b, _ in counted for seq in (a, b)}
        seqs.update(seq for votes in further for vote in votes for seq in (vote.model_a_seq, vote.model_b_seq))
        numbers = {seq: number for number, seq in enumerate(sorted(seqs))}
        table = np.zeros((len(numbers), len(numbers), 4), dtype=np.intp)
        for (a, b, outcome), count in counted.items():
            table[numbers[a], numbers[b], outcome] = count
        return cls(numbers, table)

    def votes(self, votes: Sequence[BoardVote]) -> Votes:
        return Votes.of(
            np.array([self.numbers[vote.model_a_seq] for vote in votes], dtype=np.intp),
            np.array([self.numbers[vote.model_b_seq] for vote in votes], dtype=np.intp),
            np.array([vote.outcome for vote in votes], dtype=np.intp),
            np.zeros(len(votes), dtype=np.intp),
            np.zeros(len(votes), dtype=np.intp),
        )

    def without(self, votes: Sequence[BoardVote]) -> _Board:
        counted = self.votes([vote for vote in votes if vote.counted])
        return _Board(self.numbers, self.table - count_outcomes(counted, len(self.numbers)))

    def test(self, votes: Sequence[BoardVote], removed: frozenset[bytes] = frozenset()) -> VoterTest:
        """Tests votes as those of one voter. Those from `removed` addresses are not in the table any more."""
        if len(votes) < MIN_TESTED_VOTES:
            return _NOTHING
        models, own = len(self.numbers), self.votes(votes)
        in_table = self.votes([vote for vote in votes if vote.counted and vote.address not in removed])
        everyone = self.table - count_outcomes(in_table, models) + count_outcomes(own, models)
        return voter_test(own, everyone, models)

    def clears(self, votes: Sequence[BoardVote], removed: frozenset[bytes]) -> bool:
        found = self.test(votes, removed)
        return found.tested_votes >= MIN_OWN_RECORD_VOTES and found.evidence <= MAX_CLEARED_EVIDENCE
