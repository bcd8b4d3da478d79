"""Opens a battle: people can vote from then on, and the metrics vote at once."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncConnection
from voicearena.elo.v1.battle_pb2 import Battle as BattleMessage
from voicearena.elo.v1.battle_pb2 import MetricVote as MetricVoteMessage

from services.elo import facts
from services.elo.battles.domain import Battle, BattleStatus, Control
from services.elo.making.store import BattleStore
from services.elo.ratings import DEFAULT_METRIC_WEIGHTS, MetricVote, SideMetrics, VoteKind, metric_vote
from services.elo.ratings.metric_vote import DEFAULT_TIE_MARGIN
from services.elo.rendering.domain import Render
from services.elo.voting.live_ratings import LiveRatings, NewVote
from services.elo.voting.subject import SIDES
from services.runtime import outbox
from services.runtime.clock import now
from services.shared.audio.rendering import target_lufs
from services.shared.listening.domain import CandidateAudio, ListeningTest, Pair
from services.shared.listening.store import ListeningStore
from services.shared.metrics import Measurements


@dataclass(frozen=True, slots=True, kw_only=True)
class OpeningRules:
    """The settings of open battles."""

    votes: int = 1
    """The number of counted votes of people after which a battle is decided."""
    days: int = 7
    """How long a battle is open at most."""
    metric_weights: Mapping[str, float] = field(default_factory=lambda: DEFAULT_METRIC_WEIGHTS)
    tie_margin: float = DEFAULT_TIE_MARGIN


class Opening:
    """Opens battles in the transaction of the caller."""

    def __init__(
        self, store: BattleStore, listening: ListeningStore, ratings: LiveRatings, rules: OpeningRules
    ) -> None:
        self._store = store
        self._listening = listening
        self._ratings = ratings
        self._rules = rules

    async def add_ratings(self, connection: AsyncConnection, battle: Battle) -> None:
        """Adds the first ratings of a battle's models to its board, unless they are there."""
        if battle.control is Control.NONE:
            await self._ratings.add(connection, battle)

    async def open(self, connection: AsyncConnection, battle: Battle, side_a: Render, side_b: Render) -> Battle:
        """Opens a battle that the caller has locked, and records the vote of the metrics. Returns the battle.

        Both renders must be usable. A battle that tests its voter gets no vote of the metrics.
        """
        moment = now()
        opened = dataclasses.replace(
            battle,
            status=BattleStatus.OPEN,
            opened_at=moment,
            closes_at=moment + timedelta(days=self._rules.days),
        )
        await self._store.open(connection, opened)
        loudness = target_lufs((m.loudness_lufs, m.peak) for m in (side_a.measurements, side_b.measurements))
        pair = Pair(key=SIDES, text=battle.text, first=[_audio(side_a)], second=[_audio(side_b)], target_lufs=loudness)
        test = ListeningTest(battle.id, self._rules.votes, opened.closes_at)
        await self._listening.open(connection, test, [pair])
        if battle.control is not Control.NONE:
            return opened
        await outbox.add(connection, facts.battle_opened(opened))
        return await self._metrics_vote(connection, opened, side_a.measurements, side_b.measurements)

    async def _metrics_vote(
        self, connection: AsyncConnection, battle: Battle, side_a: Measurements, side_b: Measurements
    ) -> Battle:
        weights, margin = self._rules.metric_weights, self._rules.tie_margin
        vote = metric_vote(side_metrics(side_a), side_metrics(side_b), weights, margin)
        if vote is None:
            return battle
        moment = battle.opened_at or now()
        new = NewVote(id=battle.id, kind=VoteKind.METRICS, outcome=vote.outcome, at=moment)
        of_a, _ = await self._ratings.cast(connection, battle, new)
        delta = of_a.after - of_a.before
        await self._store.record_metric_vote(connection, battle.id, to_message(vote), delta)
        await outbox.add(connection, facts.vote_cast(battle.id, battle.id, VoteKind.METRICS, vote.outcome, moment))
        return dataclasses.replace(battle, elo_delta=delta)


def side_metrics(measured: Measurements) -> SideMetrics:
    """Returns what the metrics vote on. The opinion score is the mean of naturalness and signal quality."""
    scores = [each for each in (measured.naturalness_mos, measured.signal_quality_mos) if each is not None]
    return SideMetrics(
        semascore=measured.semascore,
        word_error_rate=measured.word_error_rate,
        prosody_score=measured.prosody_score,
        mos=sum(scores) / len(scores) if scores else None,
        ttfa_ms=measured.ttfa_ms,
    )


def to_message(vote: MetricVote) -> MetricVoteMessage:
    """Returns a vote of the metrics as a message."""
    return MetricVoteMessage(
        answer=BattleMessage.Winner.Value(vote.outcome.name.lower()),
        score_a=vote.score_a,
        score_b=vote.score_b,
        weights=vote.weights,
        missing=vote.missing,
    )


def _audio(render: Render) -> CandidateAudio:
    return CandidateAudio(render.audio_name or "", render.measurements.duration_seconds or 0.0)
