"""Builds the scoring service and runs it."""

from concurrent.futures import ThreadPoolExecutor

from voicearena.scoring.v1 import scoring_service_pb2_grpc

from services.runtime import event_loop
from services.runtime.audio_store import AudioStore
from services.runtime.bus import Bus
from services.runtime.db import Database
from services.runtime.outbox import OutboxRelay
from services.runtime.server import Service
from services.runtime.settings import load_settings
from services.scoring import consumers, convert
from services.scoring.availability import step_availability
from services.scoring.backends.choice import Backends
from services.scoring.servicer import ScoringServicer
from services.scoring.settings import ScoringSettings
from services.scoring.store import SqlStore
from services.scoring.usecases import Scoring


async def main() -> None:
    """Runs the scoring service until it is stopped."""
    settings = load_settings(ScoringSettings)
    with ThreadPoolExecutor(settings.max_eval_workers, thread_name_prefix="measure") as workers:
        async with Service("scoring", settings) as service:
            database = await service.enter("database", Database.of_service("scoring", settings, __file__))
            bus = await service.enter("bus", Bus.connect(settings.nats_url, "scoring"))
            audio = await service.enter("audio store", AudioStore(settings.audio_storage_path))
            metrics = convert.metrics(step_availability(Backends()))
            scoring = Scoring(database, SqlStore(), audio, workers)
            service.add_servicer(
                scoring_service_pb2_grpc.add_ScoringServiceServicer_to_server, ScoringServicer(scoring, metrics)
            )
            relay = OutboxRelay(database, bus)
            service.background("outbox", relay.run, relay.check)
            service.background(
                "evaluations",
                lambda: bus.consume(
                    {**consumers.handlers(scoring), **relay.handlers()},
                    max_in_flight=settings.max_eval_workers,
                    on_dead=consumers.on_dead(scoring),
                ),
            )
            await service.run()


if __name__ == "__main__":
    event_loop.run(main())
