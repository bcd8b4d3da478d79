"""Builds the background jobs of integrity and adds them to the service."""

from services.elo.battle_settings import BattleSettings
from services.elo.battles.views import BattleViews
from services.elo.integrity.applying import Applying
from services.elo.integrity.control_battles import TEND_INTERVAL_SECONDS, AudioOfControls, ControlBattles
from services.elo.integrity.rejudging import BATCH, Rejudging
from services.elo.integrity.settings import IntegritySettings
from services.elo.integrity.store import IntegrityStore
from services.elo.integrity.watching import CHECK_INTERVAL_SECONDS, IntegrityWatch
from services.elo.voting.deciding import Deciding
from services.elo.voting.live_ratings import LiveRatings
from services.runtime.db import Database
from services.runtime.periodic import periodic
from services.runtime.server import Service
from services.shared.listening.store import SqlListeningStore
from services.shared.listening.vote_judging import VoteJudging
from services.shared.listening.vote_store import SqlVoteStore


def add_jobs(
    service: Service,
    settings: IntegritySettings,
    battles: BattleSettings,
    database: Database,
    audio: AudioOfControls,
    ratings: LiveRatings,
) -> None:
    """Adds judging votes again, making control battles, and watching."""
    listening, votes, store = SqlListeningStore(), SqlVoteStore(), IntegrityStore()
    applying = Applying(database, store, BattleViews(), listening, votes, ratings, Deciding(ratings))
    judging = VoteJudging(votes, settings.judging_rules)
    rejudging = Rejudging(database, store, listening, votes, judging, applying)
    service.background("judging", lambda: periodic(rejudging.judge_due, settings.judging_seconds, batch=BATCH))
    if settings.control_share > 0:
        controls = ControlBattles(database, listening, audio, votes=battles.battle_votes, days=battles.battle_days)
        service.background("control battles", lambda: periodic(controls.tend, TEND_INTERVAL_SECONDS))
    watch = IntegrityWatch(database)
    service.background("integrity", lambda: periodic(watch.check, CHECK_INTERVAL_SECONDS))
