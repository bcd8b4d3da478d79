"""Builds the experiments service and runs it."""

from pathlib import Path

from voicearena.elo.v1 import elo_service_pb2_grpc
from voicearena.experiments.v1 import experiment_service_pb2, experiment_service_pb2_grpc

from services.experiments import consumers
from services.experiments.catalogue import EloCatalogue
from services.experiments.listening.ballot import NoBallot
from services.experiments.reconciler import Reconciler
from services.experiments.servicer import ExperimentServicer
from services.experiments.settings import ExperimentsSettings
from services.experiments.store import SqlStore
from services.experiments.usecases.changes import Changes
from services.experiments.usecases.finishing import Finishing
from services.experiments.usecases.planning import Planning
from services.experiments.usecases.progress import Progress
from services.experiments.usecases.reading import Reading
from services.experiments.webhooks.queue import NoWebhooks
from services.runtime import event_loop
from services.runtime.audio_store import AudioLinks
from services.runtime.bus import Bus
from services.runtime.db import Database
from services.runtime.outbox import OutboxRelay
from services.runtime.pages import PageTokens
from services.runtime.server import Service
from services.runtime.settings import load_settings


async def main() -> None:
    """Runs the experiments service until it is told to stop."""
    settings = load_settings(ExperimentsSettings)
    secret = settings.audio_url_secret.get_secret_value()
    async with Service("experiments", settings) as service:
        database = await service.enter(
            "database",
            Database.connect(
                settings.database_url.get_secret_value(),
                "experiments",
                migrations=Path(__file__).parent / "migrations",
                pool_size=settings.database_pool_size,
            ),
        )
        bus = await service.enter("bus", Bus.connect(settings.nats_url, "experiments"))
        store = SqlStore()
        catalogue = EloCatalogue(elo_service_pb2_grpc.EloServiceStub(service.channel(settings.elo_address)))
        changes = Changes(database)
        reading = Reading(database, store, PageTokens(secret.encode()), changes, settings.watch_heartbeat_seconds)
        finishing = Finishing(store, NoBallot(), NoWebhooks())
        progress = Progress(database, store, finishing)
        service.add_servicer(
            experiment_service_pb2.DESCRIPTOR.services_by_name["ExperimentService"],
            experiment_service_pb2_grpc.add_ExperimentServiceServicer_to_server,
            ExperimentServicer(
                Planning(database, store, catalogue, finishing),
                reading,
                AudioLinks(secret, settings.public_url, settings.audio_url_ttl_seconds),
            ),
        )
        service.background("outbox", OutboxRelay(database, bus).run)
        service.background("changes", changes.run)
        service.background("reconciler", Reconciler(progress, settings.reconcile_after_seconds).run)
        service.background(
            "events",
            lambda: bus.consume(
                consumers.handlers(progress),
                max_in_flight=settings.events_in_flight,
                on_dead=consumers.dead_handler(progress),
            ),
        )
        await service.run()


if __name__ == "__main__":
    event_loop.run(main())
