"""What an experiment's votes are to its verdict: those that count, and who gave them."""

from collections import Counter
from collections.abc import Sequence

from services.experiments.listening.domain import preferred
from services.experiments.listening.judging import CastVote, VoteState
from services.experiments.verdict import Panel, Vote


def counted(votes: Sequence[CastVote]) -> list[Vote]:
    """Returns the votes that count, about models rather than sides, in the same order."""
    return [
        Vote(vote.listener_id, key.prompt_index, key.first, key.second, preferred(vote.answer, vote.swapped))
        for vote in votes
        if vote.counts and (key := vote.key)
    ]


def panel(votes: Sequence[CastVote]) -> Panel:
    """Returns who gave the votes.

    All counted votes of a listener are of each address at which they joined or voted, so that going from one address to
    another divides nothing.
    """
    counting = [vote for vote in votes if vote.counts]
    by_listener = Counter(vote.listener_id for vote in counting)
    seen = {(vote.listener_id, address) for vote in counting for address in vote.addresses}
    by_address: Counter[bytes] = Counter()
    for listener_id, address in seen:
        by_address[address] += by_listener[listener_id]
    return Panel(
        excluded=dict(Counter(str(vote.doubt) for vote in votes if not vote.counts)),
        supervised=sum(vote.supervised for vote in counting),
        unknown=sum(vote.state is VoteState.UNKNOWN for vote in counting),
        from_one_address=max(by_address.values(), default=0),
    )
