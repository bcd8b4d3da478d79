"""What listeners said, and how much of it could be chance.

The unit of evidence is the listener, not the vote: somebody who likes a voice likes it on every prompt, so twenty votes
of one listener are one opinion. For a pair of models each listener has a net, their votes for the one minus those for
the other (ties and `both bad` speak for neither), and the sign test asks how often chance alone, giving each listener's
net one sign or the other, makes a sum as far from zero (`evidence.clustered_sign_p`). Strong personal tastes make nets
large, and do not make chance look like a preference that listeners share.
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
    """One listener's answer about one pair: two models on one prompt."""

    listener: str
    prompt_index: int
    first: int
    """Position of the first model in the experiment's models; below `second`."""
    second: int
    answer: Preference


EXCLUSIONS: Mapping[str, str] = {
    "address_limit": "of more listeners at one address than the link allows",
    "same_session": "of a session that had voted by another link",
    "too_fast": "of listeners who answered faster than people react",
    "one_side": "of listeners who answered the same side every time",
}
"""Why votes are left out, in words that go on from `3 votes`."""


@dataclass(frozen=True)
class Panel:
    """Who gave the votes, as far as it bears on how much they say."""

    excluded: Mapping[str, int] = field(default_factory=dict)
    """How many further votes were left out as doubtful, by reason; those without any are not in it."""
    supervised: int = 0
    """How many of the votes that count came by a link of a supervised panel, which lets one address have any number of
    listeners."""
    unknown: int = 0
    """How many of the votes that count were cast before votes were judged, so that nothing is known of them."""
    from_one_address: int = 0
    """How many of the votes that count are of listeners at one address: of the address with the most."""


@dataclass(frozen=True)
class Tally:
    """The votes on models a and b, over all prompts."""

    a: int
    """How many preferred a."""
    b: int
    ties: int
    both_bad: int
    nets: tuple[int, ...]
    """Votes for a minus votes for b, one per listener who voted on the pair, ascending."""
    p_value: float | None
    """The exact two-sided p-value of the sign test over listeners, None without votes."""

    @property
    def listeners(self) -> int:
        """How many gave a vote on the pair."""
        return len(self.nets)

    @property
    def decided(self) -> int:
        """How many of them prefer one of the two, all their votes together."""
        return sum(net != 0 for net in self.nets)

    @property
    def a_is_preferred(self) -> bool:
        """Whether more votes are for a than for b."""
        return self.a > self.b

    def mirrored(self) -> Tally:
        """The same votes with a and b changed over."""
        nets = tuple(sorted(-net for net in self.nets))
        return Tally(self.b, self.a, self.ties, self.both_bad, nets, self.p_value)


def check_votes(votes: Iterable[Vote], models: int, prompt_count: int) -> None:
    """Raises ValueError for a vote on what is not of the experiment, or that its listener gave before."""
    seen: set[tuple[str, int, int, int]] = set()
    for vote in votes:
        place = (vote.listener, vote.prompt_index, vote.first, vote.second)
        if not (0 <= vote.first < vote.second < models and 0 <= vote.prompt_index < prompt_count):
            raise ValueError(f"vote {place} is not of this experiment")
        if place in seen:
            raise ValueError(f"vote {place} is there twice")
        seen.add(place)


def tally(votes: Iterable[Vote], models: int) -> dict[tuple[int, int], Tally]:
    """The votes on each pair of model positions, the lower first; pairs without votes are there too."""
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


def _tally(answers: Mapping[Preference, int], nets: Sequence[int]) -> Tally:
    return Tally(
        a=answers[Preference.FIRST],
        b=answers[Preference.SECOND],
        ties=answers[Preference.TIE],
        both_bad=answers[Preference.BOTH_BAD],
        nets=tuple(nets),
        p_value=clustered_sign_p(nets) if nets else None,
    )


def preference_shares(votes: Iterable[Vote], models: int) -> list[float | None]:
    """Of each model, the mean over listeners of the share of their votes that it won, 0 to 1, ties and `both bad` half.

    Each listener counts once, however many votes they gave. None for a model that nobody voted on.
    """
    # By listener, for each model: half votes won, and votes.
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
