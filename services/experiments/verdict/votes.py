"""Counts the listeners' votes and tests how much of their result could be chance.

The unit of evidence is the listener, not the vote. A listener who likes a voice likes it on every prompt, so twenty
votes of one listener are one opinion. For a pair of models, each listener's net is their votes for the one minus their
votes for the other; ties and `both bad` count for neither. The sign test asks how often the sum of the nets is as far
from zero as the observed sum if each net has a random sign (`evidence.clustered_sign_p`). Strong personal tastes make
nets large, but they do not make chance look like a preference that listeners share.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

from services.experiments.verdict.composite import mean
from services.experiments.verdict.evidence import clustered_sign_p
from services.shared.listening.domain import Preference


@dataclass(frozen=True)
class Vote:
    """One listener's answer for one pair of models on one prompt."""

    listener: str
    prompt_index: int
    first: int
    """The first model's position in the experiment's models, lower than `second`."""
    second: int
    answer: Preference


EXCLUSIONS: Mapping[str, str] = {
    "address_limit": "from an address with more listeners than the link allows",
    "same_session": "from a session that had already voted through another link",
    "too_fast": "from listeners who answered faster than people can react",
    "one_side": "from listeners who chose the same side every time",
}
"""Why votes don't count, by reason, in words that continue `3 votes`."""


@dataclass(frozen=True)
class Panel:
    """The listening panel: facts about who voted that limit how much the votes prove."""

    excluded: Mapping[str, int] = field(default_factory=dict)
    """The number of votes that don't count, by reason, without zeros."""
    supervised: int = 0
    """The number of counted votes from links of supervised panels, which allow any number of listeners per address."""
    unknown: int = 0
    """The number of counted votes cast before the product judged votes, so that no check was made."""
    from_one_address: int = 0
    """The number of counted votes from listeners at one address: the address with the most votes."""


@dataclass(frozen=True)
class PairTally:
    """The votes on models a and b, over all prompts."""

    a: int
    """The number of votes for a."""
    b: int
    ties: int
    both_bad: int
    nets: tuple[int, ...]
    """Votes for a minus votes for b, one per listener who voted on the pair, ascending."""
    p_value: float | None
    """The exact two-sided p-value of the sign test over listeners, None without votes."""

    @property
    def listeners(self) -> int:
        """The number of listeners who voted on the pair."""
        return len(self.nets)

    @property
    def decided(self) -> int:
        """The number of listeners whose votes together favour one of the two."""
        return sum(net != 0 for net in self.nets)

    @property
    def a_is_preferred(self) -> bool:
        """Whether a has more votes than b."""
        return self.a > self.b

    def mirrored(self) -> PairTally:
        """Returns the same votes with a and b swapped."""
        nets = tuple(sorted(-net for net in self.nets))
        return PairTally(self.b, self.a, self.ties, self.both_bad, nets, self.p_value)


def check_votes(votes: Iterable[Vote], models: int, prompt_count: int) -> None:
    """Raises ValueError for a vote outside the experiment and for a listener's second vote on the same pair."""
    seen: set[tuple[str, int, int, int]] = set()
    for vote in votes:
        key = (vote.listener, vote.prompt_index, vote.first, vote.second)
        if not (0 <= vote.first < vote.second < models and 0 <= vote.prompt_index < prompt_count):
            raise ValueError(f"vote {key} does not belong to this experiment")
        if key in seen:
            raise ValueError(f"vote {key} occurs twice")
        seen.add(key)


def tally(votes: Iterable[Vote], models: int) -> dict[tuple[int, int], PairTally]:
    """Counts the votes on each pair of model positions, the lower position first. Pairs without votes are included."""
    answers: dict[tuple[int, int], dict[Preference, int]] = {}
    nets: dict[tuple[int, int], dict[str, int]] = {}
    for pair in combinations(range(models), 2):
        answers[pair] = dict.fromkeys(Preference, 0)
        nets[pair] = {}
    for vote in votes:
        pair = (vote.first, vote.second)
        answers[pair][vote.answer] += 1
        of_listener = (vote.answer is Preference.FIRST) - (vote.answer is Preference.SECOND)
        nets[pair][vote.listener] = nets[pair].get(vote.listener, 0) + of_listener
    return {pair: _tally(answers[pair], sorted(nets[pair].values())) for pair in answers}


def _tally(answers: Mapping[Preference, int], nets: Sequence[int]) -> PairTally:
    return PairTally(
        a=answers[Preference.FIRST],
        b=answers[Preference.SECOND],
        ties=answers[Preference.TIE],
        both_bad=answers[Preference.BOTH_BAD],
        nets=tuple(nets),
        p_value=clustered_sign_p(nets) if nets else None,
    )


def preference_shares(votes: Iterable[Vote], models: int) -> list[float | None]:
    """Returns each model's preference share, 0 to 1, in the experiment's order; None without votes on the model.

    A listener's share is the part of their votes that the model won, with half for a tie and for `both bad`. The
    preference share is the mean over listeners, so each listener counts once.
    """
    # For each model, by listener: the number of half votes won, and the number of votes.
    won: list[dict[str, int]] = [{} for _ in range(models)]
    given: list[dict[str, int]] = [{} for _ in range(models)]
    for vote in votes:
        for model, wins in ((vote.first, Preference.FIRST), (vote.second, Preference.SECOND)):
            halves = 2 if vote.answer is wins else 0 if vote.answer in (Preference.FIRST, Preference.SECOND) else 1
            won[model][vote.listener] = won[model].get(vote.listener, 0) + halves
            given[model][vote.listener] = given[model].get(vote.listener, 0) + 1
    return [
        mean(won[model][listener] / (2 * count) for listener, count in given[model].items()) if given[model] else None
        for model in range(models)
    ]
