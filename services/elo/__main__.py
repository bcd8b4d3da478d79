"""Builds the elo service and runs it."""

from services.runtime import without_terminal  # noqa: F401

# isort: split
from voicearena.elo.v1 import (
    analytics_service_pb2_grpc,
    elo_service_pb2_grpc,
    leaderboard_service_pb2_grpc,
    scenario_service_pb2_grpc,
)

from services.elo.analytics.servicer import AnalyticsServicer
from services.elo.analytics.store import AnalyticsStore
from services.elo.analytics.usecases import Analytics
from services.elo.catalogue import consumers
from services.elo.catalogue.discovery import Discovery
from services.elo.catalogue.servicer import EloServicer
from services.elo.catalogue.standings import Standings
from services.elo.catalogue.store import SqlStore
from services.elo.catalogue.usecases import Catalogue
from services.elo.leaderboard.board_keeper import BoardKeeper
from services.elo.leaderboard.boards import Boards
from services.elo.leaderboard.servicer import LeaderboardServicer
from services.elo.leaderboard.store import BoardStore
from services.elo.scenarios import built_in_scenarios
from services.elo.scenarios.seeding import seed_scenarios
from services.elo.scenarios.servicer import ScenarioServicer
from services.elo.scenarios.store import ScenarioStore
from services.elo.scenarios.usecases import Scenarios
from services.elo.settings import EloSettings
from services.elo.visibility import Approval
from services.runtime import event_loop
from services.runtime.bus import Bus
from services.runtime.db import Database
from services.runtime.outbox import OutboxRelay
from services.runtime.pages import Pages
from services.runtime.server import Service
from services.runtime.settings import load_settings


async def main() -> None:
    """Runs the elo service until it is stopped."""
    settings = load_settings(EloSettings)
    async with Service("elo", settings) as service:
        database = await service.enter("database", Database.of_service("elo", settings, __file__))
        bus = await service.enter("bus", Bus.connect(settings.nats_url, "elo"))
        pages = Pages(settings.audio_url_secret.get_secret_value())
        boards = Boards(database, BoardStore(), settings.watch_heartbeat_seconds)
        service.add_servicer(
            leaderboard_service_pb2_grpc.add_LeaderboardServiceServicer_to_server,
            LeaderboardServicer(boards),  # type: ignore[abstract]
        )
        service.background("boards in memory", boards.run)
        service.background("publishing boards", BoardKeeper().run)
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
            scenario_service_pb2_grpc.add_ScenarioServiceServicer_to_server, ScenarioServicer(scenarios, approval)
        )
        analytics = Analytics(database, AnalyticsStore(approval, settings.arena_providers))
        service.add_servicer(
            analytics_service_pb2_grpc.add_AnalyticsServiceServicer_to_server, AnalyticsServicer(analytics)
        )
        service.health_check("catalogue", discovery.check_complete)
        relay = OutboxRelay(database, bus)
        service.background("outbox", relay.run, relay.check)
        service.background(
            "events",
            lambda: bus.consume(
                {**consumers.handlers(discovery), **relay.handlers()},
                max_in_flight=2,
                on_dead=consumers.dead_handler(discovery),
            ),
        )
        await service.run()


if __name__ == "__main__":
    event_loop.run(main())
