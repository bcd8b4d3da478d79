"""Builds the experiments service and runs it."""

from services.runtime import without_terminal  # noqa: F401

# isort: split
from datetime import timedelta
from functools import partial

from voicearena.auth.v1 import auth_service_pb2_grpc
from voicearena.elo.v1 import battle_service_pb2_grpc, elo_service_pb2_grpc
from voicearena.experiments.v1 import (
    experiment_service_pb2_grpc,
    listening_service_pb2,
    listening_service_pb2_grpc,
    webhook_service_pb2_grpc,
)
from voicearena.gateway.v1 import access_log_pb2_grpc
from voicearena.scoring.v1 import scoring_service_pb2_grpc

from services.experiments import operational_metrics
from services.experiments.exports.usecases import Exporting
from services.experiments.listening.links import Links
from services.experiments.listening.listeners import Listeners
from services.experiments.listening.servicer import ListeningServicer
from services.experiments.listening.sessions import AuthSessions
from services.experiments.listening.store import SqlLinkStore
from services.experiments.listening.subject import CloseListening, ExperimentSubject
from services.experiments.listening.tokens import ListeningTokens
from services.experiments.planning.clients import EloModelResolver, ScoringMetricLister
from services.experiments.planning.domain import PlanRules
from services.experiments.planning.lifecycle import Lifecycle
from services.experiments.planning.usecases import Planning
from services.experiments.report.usecases import Reporting
from services.experiments.results.usecases import Reading, Recomputing
from services.experiments.running import clips as trial_clips
from services.experiments.running import convert as running_convert
from services.experiments.running.finishing import Finishing
from services.experiments.running.lifecycle_store import SqlLifecycleStore
from services.experiments.running.retention import BATCH, Retention
from services.experiments.running.watching import WatchExperiment
from services.experiments.servicer import ExperimentServicer
from services.experiments.settings import ExperimentsSettings
from services.experiments.store import SqlStore
from services.experiments.tables import CHANGED
from services.experiments.webhooks.domain import BATTLE, EVALUATION, EXPERIMENT
from services.experiments.webhooks.owners import OwnerCheck, OwnerOfBattles, OwnerOfEvaluations, OwnerOfExperiments
from services.experiments.webhooks.posting import HttpPost
from services.experiments.webhooks.publisher import WebhookPublisher
from services.experiments.webhooks.secret_box import SecretBox
from services.experiments.webhooks.sender import Sender
from services.experiments.webhooks.servicer import WebhookServicer
from services.experiments.webhooks.ssrf_guard.urls import check_url
from services.experiments.webhooks.store import SqlWebhookStore
from services.experiments.webhooks.usecases import DeliveryLog, WebhookEndpoints
from services.runtime import event_loop
from services.runtime.audio_store import AudioLinks, AudioStore
from services.runtime.bus import Bus
from services.runtime.changes import Changes
from services.runtime.client_address import AddressHash
from services.runtime.db import Database
from services.runtime.exports import ExportLimits
from services.runtime.outbox import OutboxRelay
from services.runtime.pages import Pages
from services.runtime.periodic import periodic
from services.runtime.server import Service
from services.runtime.settings import load_settings
from services.shared.cards.painter import Painter
from services.shared.clips import consumers
from services.shared.clips.dispatching import Dispatcher
from services.shared.clips.progress import RECONCILE_BATCH, Progress
from services.shared.clips.queue_store import SqlQueueStore
from services.shared.clips.store import SqlClipStore
from services.shared.listening import clip_responses
from services.shared.listening.access_log_servicer import AccessLog
from services.shared.listening.clip_transfers import ClipTransfers
from services.shared.listening.clips import Clips
from services.shared.listening.closing import OVERDUE_CHECK_INTERVAL_SECONDS, Closing
from services.shared.listening.comparing import Comparing
from services.shared.listening.store import SqlListeningStore
from services.shared.listening.vote_store import SqlVoteStore

# A check costs one indexed query. Ten checks per period add at most a tenth to the wait.
CHECKS_PER_RECONCILE_PERIOD = 10


async def main() -> None:
    """Runs the experiments service until it is stopped."""
    settings = load_settings(ExperimentsSettings)
    secret = settings.audio_url_secret.get_secret_value()
    async with Service("experiments", settings) as service:
        database = await service.enter("database", Database.of_service("experiments", settings, __file__))
        bus = await service.enter("bus", Bus.connect(settings.nats_url, "experiments"))
        # Without the audio store, only listening clips and reports with audio are Unavailable.
        audio = await service.enter("audio store", AudioStore(settings.audio_storage_path), needed=False)
        store, lifecycle_store = SqlStore(), SqlLifecycleStore()
        listening, votes, link_store = SqlListeningStore(), SqlVoteStore(), SqlLinkStore()
        elo = service.channel(settings.elo_address)
        models = EloModelResolver(elo_service_pb2_grpc.EloServiceStub(elo))
        changes = Changes(database, CHANGED)
        links = AudioLinks(secret, settings.public_url, settings.audio_url_ttl_seconds)
        reading, export_limits = Reading(database, store, Pages(secret)), ExportLimits()
        watching = WatchExperiment(
            database,
            store,
            lifecycle_store,
            changes,
            settings.watch_heartbeat_seconds,
            lambda seen: running_convert.watch_response(seen, links),
        )
        webhook_store, box, ssrf_policy = SqlWebhookStore(), SecretBox(secret), settings.ssrf_policy
        endpoints = WebhookEndpoints(database, webhook_store, box, Pages(secret), ssrf_policy)
        publisher = WebhookPublisher(database, webhook_store, settings.public_url)
        clips = SqlClipStore(trial_clips.TABLE)
        finishing = Finishing(store, clips, listening, votes, publisher)
        dispatcher = Dispatcher(database, SqlQueueStore(trial_clips.TABLE), trial_clips.USER)
        on_end = trial_clips.on_end(store, finishing)
        progress = Progress(database, clips, dispatcher, trial_clips.USER, on_end)
        scoring = scoring_service_pb2_grpc.ScoringServiceStub(service.channel(settings.scoring_address))
        metrics = ScoringMetricLister(scoring)
        rules = PlanRules(
            webhook_fault=lambda url: check_url(url, ssrf_policy),
            audio_retention_days=settings.audio_retention_days,
            max_running=settings.max_running_experiments,
            max_unfinished=settings.max_unfinished_experiments,
            quality=settings.quality_weights,
        )
        planning = Planning(database, store, models, metrics, finishing, endpoints, dispatcher, rules)
        service.add_servicer(
            experiment_service_pb2_grpc.add_ExperimentServiceServicer_to_server,
            ExperimentServicer(
                planning,
                Lifecycle(database, store, lifecycle_store, clips, listening, planning, dispatcher, rules.max_running),
                reading,
                watching,
                Recomputing(database, store, votes, reading),
                Exporting(database, store, reading, votes, export_limits),
                Reporting(database, store, reading, audio, links, export_limits),
                endpoints,
                links,
                Painter(),
            ),
        )
        tokens, subject = ListeningTokens(secret), ExperimentSubject(store, link_store, finishing)
        closing = Closing(database, listening, subject)
        rendered_clips = Clips(database, listening, subject, audio, secret)
        listening_servicer = ListeningServicer(
            Links(database, store, link_store, votes, tokens, Pages(secret)),
            Listeners(
                database,
                link_store,
                Comparing(database, listening, votes, subject),
                tokens,
                AuthSessions(auth_service_pb2_grpc.AuthServiceStub(service.channel(settings.auth_address))),
                # The hash differs per experiment, so nobody can be recognized in another experiment.
                address_of=lambda experiment_id: AddressHash(secret, f"listeners of {experiment_id}").of_client(),
            ),
            rendered_clips,
            CloseListening(database, store, closing),
            settings.public_url,
        )
        listening_service = listening_service_pb2.DESCRIPTOR.services_by_name["ListeningService"]
        service.add_servicer(listening_service_pb2_grpc.add_ListeningServiceServicer_to_server, listening_servicer)
        service.serve_bytes(
            settings.http_address,
            listening_service.methods_by_name["GetListeningClip"],
            partial(clip_responses.find, rendered_clips),
        )
        service.add_unlisted(
            access_log_pb2_grpc.add_AccessLogServiceServicer_to_server,
            await service.enter("access log", AccessLog(ClipTransfers(database, listening))),
        )
        owners: dict[str, OwnerCheck] = {
            EXPERIMENT: OwnerOfExperiments(database, store),
            EVALUATION: OwnerOfEvaluations(scoring),
            BATTLE: OwnerOfBattles(battle_service_pb2_grpc.BattleServiceStub(elo)),
        }
        service.add_servicer(
            webhook_service_pb2_grpc.add_WebhookServiceServicer_to_server,
            WebhookServicer(endpoints, DeliveryLog(database, owners, webhook_store, Pages(secret))),
        )
        service.report(operational_metrics.report)
        post = await service.enter("webhook connections", HttpPost(settings.ssrf_policy))
        service.background("webhooks", Sender(database, webhook_store, box, post).run)
        service.background("listening", lambda: periodic(closing.overdue, OVERDUE_CHECK_INTERVAL_SECONDS, batch=1))
        retention = Retention(database, lifecycle_store, listening)
        service.background(
            "retention", lambda: periodic(retention.sweep, settings.retention_sweep_seconds, batch=BATCH)
        )
        relay = OutboxRelay(database, bus)
        service.background("outbox", relay.run, relay.check)
        service.background("changes", changes.run)
        reconcile_after = timedelta(seconds=settings.reconcile_after_seconds)
        check_interval_seconds = settings.reconcile_after_seconds / CHECKS_PER_RECONCILE_PERIOD
        service.background(
            "reconciler",
            lambda: periodic(
                lambda: progress.reconcile(reconcile_after), check_interval_seconds, batch=RECONCILE_BATCH
            ),
        )
        service.background("free slots", lambda: periodic(dispatcher.release_all, check_interval_seconds))
        service.background(
            "events",
            lambda: bus.consume(
                {**consumers.handlers(progress, dispatcher), **publisher.handlers(), **publisher.deletion_handlers()},
                max_in_flight=settings.events_in_flight,
                on_dead=consumers.dead_handler(progress),
            ),
        )
        await service.run()


if __name__ == "__main__":
    event_loop.run(main())
