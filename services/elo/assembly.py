"""Builds the two largest parts of the service, battles and boards, and adds them to it."""

from functools import partial

from voicearena.elo.v1 import (
    battle_service_pb2,
    battle_service_pb2_grpc,
    leaderboard_service_pb2_grpc,
)
from voicearena.gateway.v1 import access_log_pb2_grpc

from services.elo.battles.reading import ReadBattles
from services.elo.battles.views import BattleViews
from services.elo.battles.watching import WatchBattle
from services.elo.domain import INSTALLATION
from services.elo.integrity.jobs import add_jobs
from services.elo.leaderboard.board_keeper import BoardKeeper, NewVotes
from services.elo.leaderboard.boards import Boards
from services.elo.leaderboard.export_signing import ExportKeys
from services.elo.leaderboard.export_store import ExportStore
from services.elo.leaderboard.exporting import Exporting
from services.elo.leaderboard.history import History
from services.elo.leaderboard.servicer import LeaderboardServicer
from services.elo.leaderboard.store import BoardStore
from services.elo.making.assembly import BattleMaking
from services.elo.scenarios.kinds import ScenarioKinds
from services.elo.servicer import BattleServicer
from services.elo.settings import EloSettings
from services.elo.tables import BATTLES_CHANGED
from services.elo.visibility import Approval
from services.elo.voting.casting import VoteInBattle
from services.elo.voting.deciding import Deciding
from services.elo.voting.limits import VoterLimits
from services.elo.voting.live_ratings import LiveRatings
from services.elo.voting.next_battle import NextBattle
from services.elo.voting.pool import PoolStore, Wish
from services.elo.voting.subject import BattleSubject
from services.elo.voting.voters import ReadVoter, VoterStore
from services.runtime.audio_store import AudioStore
from services.runtime.changes import Changes
from services.runtime.client_address import AddressHash
from services.runtime.db import Database
from services.runtime.pages import Pages
from services.runtime.periodic import periodic
from services.runtime.server import Service
from services.shared.cards.painter import Painter
from services.shared.listening import clip_responses
from services.shared.listening.access_log_servicer import AccessLog
from services.shared.listening.clip_transfers import ClipTransfers
from services.shared.listening.clips import Clips
from services.shared.listening.closing import OVERDUE_CHECK_INTERVAL_SECONDS, Closing
from services.shared.listening.comparing import Comparing
from services.shared.listening.store import SqlListeningStore
from services.shared.listening.vote_judging import VoteJudging
from services.shared.listening.vote_store import SqlVoteStore

BATTLE_SERVICE = battle_service_pb2.DESCRIPTOR.services_by_name["BattleService"]


async def add_battles(
    service: Service,
    settings: EloSettings,
    database: Database,
    audio: AudioStore,
    pages: Pages,
    approval: Approval,
    making: BattleMaking,
) -> None:
    """Adds BattleService, the clips that it serves, and what judges votes and decides battles in the background."""
    secret = settings.audio_url_secret.get_secret_value()
    changes = Changes(database, BATTLES_CHANGED)
    listening, votes, views, voters = SqlListeningStore(), SqlVoteStore(), BattleViews(), VoterStore()
    ratings = LiveRatings(settings.live_elo)
    subject = BattleSubject(views, voters, ratings, Deciding(ratings))
    judging = VoteJudging(votes, settings.judging_rules)
    comparing = Comparing(database, listening, votes, subject, judging=judging)
    clips = Clips(database, listening, subject, audio, secret)
    closing = Closing(database, listening, subject)
    reading = ReadBattles(database, views, pages)

    async def make_battle(wish: Wish) -> None:
        # Battles of other boards are made by their developers only.
        if wish.owner == INSTALLATION:
            await making.pool.on_demand(wish.category, wish.language)

    voters_address = AddressHash(secret, "voters of the arena").of_client
    service.add_servicer(
        battle_service_pb2_grpc.add_BattleServiceServicer_to_server,
        BattleServicer(
            making.creating,
            reading,
            WatchBattle(reading, changes, settings.watch_heartbeat_seconds),
            NextBattle(
                database,
                PoolStore(),
                voters,
                comparing,
                make_battle,
                ScenarioKinds(approval),
                address_of=voters_address,
                max_voters_per_address=settings.max_counted_voters_per_address,
                votes_needed=settings.battle_votes,
                limits=VoterLimits(settings.max_battles_per_minute),
                control_share=settings.control_share,
            ),
            clips,
            VoteInBattle(database, views, voters, listening, comparing, ratings, address_of=voters_address),
            ReadVoter(database, voters),
            approval,
            settings.public_url,
        ),
    )
    find_clip = partial(clip_responses.find, clips)
    service.serve_bytes(settings.http_address, BATTLE_SERVICE.methods_by_name["GetBattleClip"], find_clip)
    service.add_unlisted(
        access_log_pb2_grpc.add_AccessLogServiceServicer_to_server,
        await service.enter("access log", AccessLog(ClipTransfers(database, listening))),
    )
    add_jobs(service, settings, settings, database, audio, ratings)
    service.background("battles", lambda: periodic(closing.overdue, OVERDUE_CHECK_INTERVAL_SECONDS, batch=1))
    service.background("changes", changes.run)


def add_leaderboard(
    service: Service, settings: EloSettings, database: Database, pages: Pages, painter: Painter
) -> None:
    """Adds LeaderboardService, and the process that publishes boards."""
    store = BoardStore()
    boards = Boards(database, store, settings.watch_heartbeat_seconds)
    keys = ExportKeys(settings.audio_url_secret.get_secret_value())
    service.add_servicer(
        leaderboard_service_pb2_grpc.add_LeaderboardServiceServicer_to_server,
        LeaderboardServicer(boards, History(database, store, pages), Exporting(database, ExportStore(), keys), painter),
    )
    new_votes = NewVotes(database, settings.board_interval_seconds)
    service.background("boards in memory", boards.run)
    service.background("publishing boards", BoardKeeper(new_votes.wait).run)
