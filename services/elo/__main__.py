"""Builds the elo service and runs it."""

from services.runtime import without_terminal  # noqa: F401

# isort: split
from functools import partial

from voicearena.elo.v1 import (
    analytics_service_pb2_grpc,
    battle_service_pb2,
    battle_service_pb2_grpc,
    elo_service_pb2_grpc,
    leaderboard_service_pb2_grpc,
    recording_service_pb2_grpc,
    scenario_service_pb2_grpc,
)
from voicearena.experiments.v1 import webhook_service_pb2_grpc
from voicearena.gateway.v1 import access_log_pb2_grpc

from services.elo.analytics.servicer import AnalyticsServicer
from services.elo.analytics.store import AnalyticsStore
from services.elo.analytics.usecases import Analytics
from services.elo.battles.reading import ReadBattles
from services.elo.battles.views import BattleViews
from services.elo.battles.watching import WatchBattle
from services.elo.catalogue import consumers
from services.elo.catalogue.discovery import Discovery
from services.elo.catalogue.servicer import EloServicer
from services.elo.catalogue.standings import Standings
from services.elo.catalogue.store import SqlStore
from services.elo.catalogue.usecases import Catalogue
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
from services.elo.recordings import consumers as recording_consumers
from services.elo.recordings.servicer import RecordingServicer
from services.elo.recordings.store import RecordingStore
from services.elo.recordings.usecases import Recordings
from services.elo.scenarios import built_in_scenarios
from services.elo.scenarios.kinds import ScenarioKinds
from services.elo.scenarios.seeding import seed_scenarios
from services.elo.scenarios.servicer import ScenarioServicer
from services.elo.scenarios.store import ScenarioStore
from services.elo.scenarios.usecases import Scenarios
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
from services.runtime import event_loop
from services.runtime.audio_store import AudioStore
from services.runtime.bus import Bus
from services.runtime.changes import Changes
from services.runtime.client_address import AddressHash
from services.runtime.db import Database
from services.runtime.event_dispatcher import dead_in_turn, in_turn
from services.runtime.outbox import OutboxRelay
from services.runtime.pages import Pages
from services.runtime.periodic import periodic
from services.runtime.server import Service
from services.runtime.settings import load_settings
from services.shared.clips import consumers as clip_consumers
from services.shared.listening import clip_responses
from services.shared.listening.access_log_servicer import AccessLog
from services.shared.listening.clip_transfers import ClipTransfers
from services.shared.listening.clips import Clips
from services.shared.listening.closing import OVERDUE_CHECK_INTERVAL_SECONDS, Closing
from services.shared.listening.comparing import Comparing
from services.shared.listening.store import SqlListeningStore
from services.shared.listening.vote_judging import VoteJudging
from services.shared.listening.vote_store import SqlVoteStore
from services.shared.webhook_endpoints import ExperimentsWebhookEndpoints

BATTLE_SERVICE = battle_service_pb2.DESCRIPTOR.services_by_name["BattleService"]


async def main() -> None:
    """Runs the elo service until it is stopped."""
    settings = load_settings(EloSettings)
    async with Service("elo", settings) as service:
        database = await service.enter("database", Database.of_service("elo", settings, __file__))
        bus = await service.enter("bus", Bus.connect(settings.nats_url, "elo"))
        # Without the audio store, battles do not open and clips are Unavailable.
        audio = await service.enter("audio store", AudioStore(settings.audio_storage_path), needed=False)
        pages = Pages(settings.audio_url_secret.get_secret_value())
        board_store = BoardStore()
        boards = Boards(database, board_store, settings.watch_heartbeat_seconds)
        history = History(database, board_store, pages)
        exporting = Exporting(database, ExportStore(), ExportKeys(settings.audio_url_secret.get_secret_value()))
        service.add_servicer(
            leaderboard_service_pb2_grpc.add_LeaderboardServiceServicer_to_server,
            LeaderboardServicer(boards, history, exporting),
        )
        service.background("boards in memory", boards.run)
        service.background(
            "publishing boards", BoardKeeper(NewVotes(database, settings.board_interval_seconds).wait).run
        )
        approval = Approval(settings.public_approval, settings.operators)
        models = SqlStore()
        catalogue = Catalogue(database, models, pages, settings.max_models, approval, settings.arena_providers)
        discovery = Discovery(database, models, settings.arena_providers, settings.arena_voices)
        scenarios = Scenarios(database, ScenarioStore(), pages, settings.max_scenarios, approval)
        await seed_scenarios(database, built_in_scenarios())
        service.add_servicer(
            elo_service_pb2_grpc.add_EloServiceServicer_to_server,
            EloServicer(catalogue, Standings(database), approval),
        )
        service.add_servicer(
            scenario_service_pb2_grpc.add_ScenarioServiceServicer_to_server,
            ScenarioServicer(scenarios, ReadBattles(database, BattleViews(), pages), approval),
        )
        analytics = Analytics(database, AnalyticsStore(approval, settings.arena_providers))
        service.add_servicer(
            analytics_service_pb2_grpc.add_AnalyticsServiceServicer_to_server, AnalyticsServicer(analytics)
        )
        service.health_check("catalogue", discovery.check_complete)
        webhooks = webhook_service_pb2_grpc.WebhookServiceStub(service.channel(settings.experiments_address))
        making = BattleMaking.of(settings, database, audio, approval, ExperimentsWebhookEndpoints(webhooks))
        making.run_in(service, settings)
        await serve_battles(service, settings, database, audio, pages, approval, making)
        recordings = Recordings(database, RecordingStore(), audio, settings.renders_per_scenario)
        service.add_servicer(
            recording_service_pb2_grpc.add_RecordingServiceServicer_to_server, RecordingServicer(recordings)
        )
        relay = OutboxRelay(database, bus)
        service.background("outbox", relay.run, relay.check)
        service.background(
            "events",
            lambda: bus.consume(
                # The catalogue and the renders both need to know the providers.
                in_turn(
                    consumers.handlers(discovery),
                    clip_consumers.handlers(making.progress, making.dispatcher),
                    recording_consumers.handlers(recordings),
                    relay.handlers("experiments"),
                ),
                max_in_flight=settings.events_in_flight,
                on_dead=dead_in_turn(consumers.dead_handler(discovery), clip_consumers.dead_handler(making.progress)),
            ),
        )
        await service.run()


async def serve_battles(
    service: Service,
    settings: EloSettings,
    database: Database,
    audio: AudioStore,
    pages: Pages,
    approval: Approval,
    making: BattleMaking,
) -> None:
    """Adds battles: reading, hearing, voting and deciding."""
    secret = settings.audio_url_secret.get_secret_value()
    changes, listening, views, voters = (
        Changes(database, BATTLES_CHANGED),
        SqlListeningStore(),
        BattleViews(),
        VoterStore(),
    )
    ratings = LiveRatings(settings.live_elo)
    subject, votes = BattleSubject(views, voters, ratings, Deciding(ratings)), SqlVoteStore()
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


if __name__ == "__main__":
    event_loop.run(main())
