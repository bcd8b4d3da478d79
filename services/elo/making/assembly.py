"""Builds what makes battles."""

import random
from dataclasses import dataclass
from datetime import timedelta

from services.elo.making.creating import CreateBattles, CreationRules
from services.elo.making.entrants import EntrantStore
from services.elo.making.making import Making
from services.elo.making.matchmaker import Matchmaker
from services.elo.making.naming import Naming
from services.elo.making.opening import Opening, OpeningRules
from services.elo.making.pool import BATCH as POOL_BATCH
from services.elo.making.pool import FILL_INTERVAL_SECONDS, BattlePool, PoolRules
from services.elo.making.preparing import Preparing
from services.elo.making.roster import RosterStore
from services.elo.making.store import BattleStore
from services.elo.rendering import clips
from services.elo.rendering.choosing import RenderRules, Renders
from services.elo.rendering.retention import BATCH as RETENTION_BATCH
from services.elo.rendering.retention import Retention
from services.elo.rendering.store import RenderStore
from services.elo.scenarios.kinds import ScenarioKinds
from services.elo.settings import EloSettings
from services.elo.visibility import Approval
from services.elo.voting.live_ratings import LiveRatings
from services.runtime.audio_store import AudioStore
from services.runtime.db import Database
from services.runtime.periodic import periodic
from services.runtime.server import Service
from services.shared.clips.dispatching import Dispatcher
from services.shared.clips.progress import RECONCILE_BATCH, Progress
from services.shared.clips.queue_store import SqlQueueStore
from services.shared.clips.store import SqlClipStore
from services.shared.listening.store import SqlListeningStore
from services.shared.webhook_endpoints import WebhookEndpointClient

# A check costs one indexed query. Ten checks per period add at most a tenth to the wait.
CHECKS_PER_RECONCILE_PERIOD = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class BattleMaking:
    """What makes battles, and what others need of it."""

    dispatcher: Dispatcher
    progress: Progress
    matchmaker: Matchmaker
    preparing: Preparing
    pool: BattlePool
    retention: Retention
    creating: CreateBattles

    @classmethod
    def of(
        cls,
        settings: EloSettings,
        database: Database,
        audio: AudioStore,
        approval: Approval,
        endpoints: WebhookEndpointClient,
    ) -> "BattleMaking":
        """Builds it. The random numbers come from the operating system, so that nobody can guess a draw."""
        rng = random.SystemRandom()
        dispatcher = Dispatcher(database, SqlQueueStore(clips.TABLE), clips.USER)
        progress = Progress(database, SqlClipStore(clips.TABLE), dispatcher, clips.USER, clips.on_end)
        store, render_store, listening = BattleStore(), RenderStore(), SqlListeningStore()
        rules = RenderRules(settings.renders_per_scenario, settings.hosted_renders_per_day)
        renders = Renders(render_store, rules, rng)
        rosters = RosterStore(render_store, approval, settings.arena_providers)
        matchmaker = Matchmaker(rosters, render_store, rng)
        making = Making(store, renders, rng)
        opening_rules = OpeningRules(
            votes=settings.battle_votes,
            days=settings.battle_days,
            metric_weights=settings.metric_weights,
            tie_margin=settings.metric_tie_margin,
        )
        opening = Opening(store, listening, LiveRatings(settings.live_elo), opening_rules)
        preparing = Preparing(database, store, render_store, renders, matchmaker, making, opening, dispatcher, audio)
        pool_rules = PoolRules(size=settings.battle_pool, battles_per_day=settings.battles_per_day)
        creation_rules = CreationRules(
            max_unfinished=settings.max_unfinished_battles,
            battles_per_day=settings.battles_per_day,
        )
        return cls(
            creating=CreateBattles(
                database,
                store,
                Naming(EntrantStore(), render_store, approval, settings.arena_providers),
                renders,
                matchmaker,
                making,
                dispatcher,
                endpoints,
                ScenarioKinds(approval),
                approval,
                creation_rules,
            ),
            dispatcher=dispatcher,
            progress=progress,
            matchmaker=matchmaker,
            preparing=preparing,
            pool=BattlePool(database, store, matchmaker, renders, making, preparing, dispatcher, pool_rules, rng),
            retention=Retention(database, render_store, listening, settings.audio_retention_days),
        )

    def run_in(self, service: Service, settings: EloSettings) -> None:
        """Adds its background work to the service."""
        reconcile_after = timedelta(seconds=settings.reconcile_after_seconds)
        check_seconds = settings.reconcile_after_seconds / CHECKS_PER_RECONCILE_PERIOD
        service.background(
            "reconciler",
            lambda: periodic(lambda: self.progress.reconcile(reconcile_after), check_seconds, batch=RECONCILE_BATCH),
        )
        service.background("free slots", lambda: periodic(self.dispatcher.release_all, check_seconds))
        service.background("preparing battles", self.preparing.run)
        service.background("battle pool", lambda: periodic(self.pool.fill, FILL_INTERVAL_SECONDS, batch=POOL_BATCH))
        service.background(
            "retention",
            lambda: periodic(self.retention.sweep, settings.retention_sweep_seconds, batch=RETENTION_BATCH),
        )
