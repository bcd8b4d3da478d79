"""Builds the elo service and runs it."""

from services.runtime import without_terminal  # noqa: F401

# isort: split

from voicearena.elo.v1 import (
    analytics_service_pb2_grpc,
    elo_service_pb2_grpc,
    recording_service_pb2_grpc,
    scenario_service_pb2_grpc,
)
from voicearena.experiments.v1 import webhook_service_pb2_grpc

from services.elo.analytics.servicer import AnalyticsServicer
from services.elo.analytics.store import AnalyticsStore
from services.elo.analytics.usecases import Analytics
from services.elo.assembly import add_battles, add_leaderboard
from services.elo.battles.reading import ReadBattles
from services.elo.battles.views import BattleViews
from services.elo.catalogue import consumers
from services.elo.catalogue.discovery import Discovery
from services.elo.catalogue.servicer import EloServicer
from services.elo.catalogue.standings import Standings
from services.elo.catalogue.store import SqlStore
from services.elo.catalogue.usecases import Catalogue
from services.elo.making.assembly import BattleMaking
from services.elo.recordings import consumers as recording_consumers
from services.elo.recordings.servicer import RecordingServicer
from services.elo.recordings.store import RecordingStore
from services.elo.recordings.usecases import Recordings
from services.elo.scenarios import built_in_scenarios
from services.elo.scenarios.seeding import seed_scenarios
from services.elo.scenarios.servicer import ScenarioServicer
from services.elo.scenarios.store import ScenarioStore
from services.elo.scenarios.usecases import Scenarios
from services.elo.settings import EloSettings
from services.elo.visibility import Approval
from services.runtime import event_loop
from services.runtime.audio_store import AudioStore
from services.runtime.bus import Bus
from services.runtime.db import Database
from services.runtime.event_dispatcher import dead_in_turn, in_turn
from services.runtime.outbox import OutboxRelay
from services.runtime.pages import Pages
from services.runtime.server import Service
from services.runtime.settings import load_settings
from services.shared.cards.painter import Painter
from services.shared.clips import consumers as clip_consumers
from services.shared.webhook_endpoints import ExperimentsWebhookEndpoints


async def main() -> None:
    """Runs the elo service until it is stopped."""
    settings = load_settings(EloSettings)
    async with Service("elo", settings) as service:
        database = await service.enter("database", Database.of_service("elo", settings, __file__))
        bus = await service.enter("bus", Bus.connect(settings.nats_url, "elo"))
        # Without the audio store, battles do not open and clips are Unavailable.
        audio = await service.enter("audio store", AudioStore(settings.audio_storage_path), needed=False)
        pages = Pages(settings.audio_url_secret.get_secret_value())
        painter = Painter()
        approval = Approval(settings.public_approval, settings.operators)

        models = SqlStore()
        catalogue = Catalogue(database, models, pages, settings.max_models, approval, settings.arena_providers)
        discovery = Discovery(database, models, settings.arena_providers, settings.arena_voices)
        service.add_servicer(
            elo_service_pb2_grpc.add_EloServiceServicer_to_server,
            EloServicer(catalogue, Standings(database), approval, painter),
        )
        service.health_check("catalogue", discovery.check_complete)

        await seed_scenarios(database, built_in_scenarios())
        scenarios = Scenarios(database, ScenarioStore(), pages, settings.max_scenarios, approval)
        service.add_servicer(
            scenario_service_pb2_grpc.add_ScenarioServiceServicer_to_server,
            ScenarioServicer(scenarios, ReadBattles(database, BattleViews(), pages), approval),
        )

        recordings = Recordings(database, RecordingStore(), audio, settings.renders_per_scenario)
        service.add_servicer(
            recording_service_pb2_grpc.add_RecordingServiceServicer_to_server, RecordingServicer(recordings)
        )

        webhooks = webhook_service_pb2_grpc.WebhookServiceStub(service.channel(settings.experiments_address))
        making = BattleMaking.of(settings, database, audio, approval, ExperimentsWebhookEndpoints(webhooks))
        making.run_in(service, settings)
        await add_battles(service, settings, database, audio, pages, approval, making)
        add_leaderboard(service, settings, database, pages, painter)

        analytics = Analytics(database, AnalyticsStore(approval, settings.arena_providers))
        service.add_servicer(
            analytics_service_pb2_grpc.add_AnalyticsServiceServicer_to_server, AnalyticsServicer(analytics)
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


if __name__ == "__main__":
    event_loop.run(main())
