"""Builds the scoring service and runs it."""

from services.runtime import without_terminal  # noqa: F401

# isort: split
from concurrent.futures import ThreadPoolExecutor

from voicearena.elo.v1 import elo_service_pb2_grpc, recording_service_pb2_grpc
from voicearena.experiments.v1 import webhook_service_pb2_grpc
from voicearena.scoring.v1 import evaluation_service_pb2, evaluation_service_pb2_grpc, scoring_service_pb2_grpc
from voicearena.tts.v1 import tts_service_pb2_grpc

from services.runtime import event_loop
from services.runtime.audio_store import AudioStore
from services.runtime.bus import Bus
from services.runtime.changes import Changes
from services.runtime.db import Database
from services.runtime.outbox import OutboxRelay
from services.runtime.pages import Pages
from services.runtime.periodic import periodic
from services.runtime.server import Service
from services.runtime.settings import load_settings
from services.scoring import consumers, convert
from services.scoring.audit.clients import TtsSpeaker
from services.scoring.audit.store import SqlStore as SqlAuditStore
from services.scoring.audit.usecases import MetricAudits
from services.scoring.audit.versions import measured_by
from services.scoring.availability import metric_availability, step_availability
from services.scoring.backends.choice import Backends
from services.scoring.evaluations.clients import EloCatalogue
from services.scoring.evaluations.exporting import Exporting
from services.scoring.evaluations.listened_jobs import ListenedJobs
from services.scoring.evaluations.peaks import RecordingPeaks
from services.scoring.evaluations.recording_store import SqlRecordingStore
from services.scoring.evaluations.recordings import Recordings
from services.scoring.evaluations.retention import BATCH, Retention
from services.scoring.evaluations.running import Running
from services.scoring.evaluations.servicer import EvaluationServicer
from services.scoring.evaluations.store import SqlStore as SqlEvaluationStore
from services.scoring.evaluations.uploads import Uploads
from services.scoring.evaluations.usecases import CHANGED, Evaluations
from services.scoring.evaluations.watching import Watching
from services.scoring.servicer import ScoringServicer
from services.scoring.settings import ScoringSettings
from services.scoring.store import SqlStore
from services.scoring.usecases import Scoring
from services.scoring.workers.pool import WorkerPool
from services.shared.webhook_endpoints import ExperimentsWebhookEndpoints

CREATE_EVALUATION = evaluation_service_pb2.DESCRIPTOR.services_by_name["EvaluationService"].methods_by_name[
    "CreateEvaluation"
]


async def main() -> None:
    """Runs the scoring service until it is stopped."""
    settings = load_settings(ScoringSettings)
    with ThreadPoolExecutor(settings.max_eval_workers, thread_name_prefix="measure") as workers:
        async with Service("scoring", settings) as service:
            database = await service.enter("database", Database.of_service("scoring", settings, __file__))
            bus = await service.enter("bus", Bus.connect(settings.nats_url, "scoring"))
            audio = await service.enter("audio store", AudioStore(settings.audio_storage_path))
            backends = Backends(settings.for_backends())
            metrics = convert.metrics(step_availability(backends), metric_availability(backends))
            store, changes = SqlEvaluationStore(), Changes(database, CHANGED)
            scoring = Scoring(database, SqlStore(), ListenedJobs(store), audio, workers)
            recording_store = SqlRecordingStore()
            recordings = Recordings(database, recording_store, audio)
            elo = service.channel(settings.elo_address)
            catalogue = EloCatalogue(
                elo_service_pb2_grpc.EloServiceStub(elo), recording_service_pb2_grpc.RecordingServiceStub(elo)
            )
            pages = Pages(settings.audio_url_secret.get_secret_value())
            webhooks = ExperimentsWebhookEndpoints(
                webhook_service_pb2_grpc.WebhookServiceStub(service.channel(settings.experiments_address))
            )
            evaluations = Evaluations(database, store, recordings, catalogue, webhooks, pages, settings.max_evaluations)
            watching = Watching(database, store, changes, settings.watch_heartbeat_seconds)
            uploads = Uploads(evaluations, recordings, audio, settings.max_upload_size_mb)
            peaks = RecordingPeaks(evaluations, recordings)
            servicer = EvaluationServicer(evaluations, uploads, watching, Exporting(evaluations), peaks)
            service.add_servicer(evaluation_service_pb2_grpc.add_EvaluationServiceServicer_to_server, servicer)
            service.take_uploads(settings.http_address, CREATE_EVALUATION, servicer.take_upload)
            runner = await service.enter(
                "evaluation workers",
                WorkerPool(settings.max_eval_workers, settings.eval_idle_seconds, settings.for_backends()),
                needed=False,
            )
            audits = MetricAudits(
                database,
                SqlAuditStore(),
                runner,
                TtsSpeaker(tts_service_pb2_grpc.TtsServiceStub(service.channel(settings.tts_address))),
                measured_by(settings.for_backends()),
                settings.watch_heartbeat_seconds,
            )
            service.add_servicer(
                scoring_service_pb2_grpc.add_ScoringServiceServicer_to_server,
                ScoringServicer(evaluations, audits, metrics),
            )
            running = Running(database, store, recordings, changes, runner, settings.max_eval_workers)
            service.background("recordings", running.run)
            service.background("changes", changes.run)
            retention = Retention(database, recording_store, recordings, settings.audio_retention_days)
            service.background(
                "retention", lambda: periodic(retention.sweep, settings.retention_sweep_seconds, batch=BATCH)
            )
            relay = OutboxRelay(database, bus)
            service.background("outbox", relay.run, relay.check)
            service.background(
                "evaluations",
                lambda: bus.consume(
                    {**consumers.handlers(scoring), **relay.handlers("elo", "experiments")},
                    max_in_flight=settings.max_eval_workers,
                    on_dead=consumers.on_dead(scoring),
                ),
            )
            await service.run()


if __name__ == "__main__":
    event_loop.run(main())
