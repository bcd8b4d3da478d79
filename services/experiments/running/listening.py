"""What an experiment gives to listeners, and what it takes from them: pairs of trials, and votes for the verdict."""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import combinations

from services.experiments.domain import Trial, TrialStatus
from services.experiments.verdict import Answer, Panel, Vote
from services.shared.listening.domain import Pair, PairKey, Speech
from services.shared.listening.judging import CastVote, VoteState


def hearable(trials: Iterable[Trial], target_lufs: float) -> list[Pair]:
    """Returns the pairs of models that both completed a prompt, by prompt and models, with no votes."""
    completed: dict[tuple[int, int], list[Trial]] = {}
    for trial in trials:
        if trial.status is TrialStatus.COMPLETED and trial.audio_name and trial.audio_deleted_at is None:
            completed.setdefault((trial.prompt_index, trial.model_index), []).append(trial)
    return [
        Pair(
            key=PairKey(prompt, first, second),
            text=completed[prompt, first][0].prompt_text,
            first=_by_repeat(completed[prompt, first]),
            second=_by_repeat(completed[prompt, second]),
            target_lufs=target_lufs,
        )
        for (prompt, first), (other, second) in combinations(sorted(completed), 2)
        if prompt == other
    ]


def _by_repeat(repeats: Iterable[Trial]) -> list[Speech]:
    return [
        Speech(trial.audio_name or "", trial.measurements.duration_seconds or 0.0)
        for trial in sorted(repeats, key=lambda trial: trial.repeat_index)
    ]


def counted(votes: Sequence[CastVote]) -> list[Vote]:
    """Returns the votes that count, about models rather than sides, in the same order."""
    return [
        Vote(vote.listener_id, key.text_index, key.first, key.second, Answer(vote.preferred))
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
