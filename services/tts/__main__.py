"""The tts service: `python -m services.tts`."""

from services.runtime import without_terminal  # noqa: F401

# isort: split
import secrets
from concurrent.futures import ThreadPoolExecutor

from voicearena.tts.v1 import tts_service_pb2, tts_service_pb2_grpc

from services.runtime import event_loop
from services.runtime.audio_store import AudioLinks, AudioStore
from services.runtime.bus import Bus
from services.runtime.pages import Pages
from services.runtime.periodic import periodic
from services.runtime.server import Service
from services.runtime.settings import load_settings
from services.tts import consumers, operational_metrics, status
from services.tts.facts import FactPublisher
from services.tts.providers.configured import configured_engines
from services.tts.providers.limits import SynthesisLimits
from services.tts.providers.registry import ProviderRegistry
from services.tts.servicer import StoredAudio, TtsServicer
from services.tts.settings import TtsSettings
from services.tts.store import AudioResults, RequestLedger
from services.tts.usecases.audio import Audio
from services.tts.usecases.jobs import Jobs
from services.tts.usecases.speech import Speech
from services.tts.usecases.voices import Voices

TTS = tts_service_pb2.DESCRIPTOR.services_by_name["TtsService"]

DISCOVERY_INTERVAL_SECONDS = 600.0
# A provider that lists its voices more slowly must not delay the other providers.
DISCOVERY_TIMEOUT_SECONDS = 5.0
# A request can find that a provider is down, or up again. The change is published within this time.
CHANGES_INTERVAL_SECONDS = 5.0
# A new process reads the cancellations of this time, because jobs of cancelled runs may still be queued.
CANCELLATIONS_REPLAY_SECONDS = 3600.0


async def main() -> None:
    """Runs the tts service until it is stopped."""
    settings = load_settings(TtsSettings)
    with ThreadPoolExecutor(1, thread_name_prefix="measure") as measuring:
        async with Service("tts", settings) as service:
            store = await service.enter("audio store", AudioStore(settings.audio_storage_path))
            bus = await service.enter("bus", Bus.connect(settings.nats_url, "tts"))
            providers = await service.enter(
                "providers", ProviderRegistry(configured_engines(settings), settings.speech_queue)
            )
            # New at each start, so that a catalogue that was emptied receives the voices again.
            process_id = secrets.token_hex(8)
            secret = settings.audio_url_secret.get_secret_value()
            results = AudioResults(store)
            publish = FactPublisher(bus, started=process_id).publish
            limits = SynthesisLimits(settings.first_byte_timeout_seconds, settings.synthesis_timeout_seconds)
            jobs = Jobs(providers, results, RequestLedger(store), publish, limits, measuring)
            voices = Voices(providers, publish, Pages(secret))
            audio = Audio(store, results, AudioLinks(secret, settings.public_url, settings.audio_url_ttl_seconds))
            operational_metrics.export_gauges(providers, jobs.in_progress)
            service.report(status.reporter(providers))
            # Before the first request, so that the state of every provider is known.
            await providers.refresh(DISCOVERY_TIMEOUT_SECONDS)

            servicer = TtsServicer(voices, Speech(providers, limits), audio)
            service.add_servicer(tts_service_pb2_grpc.add_TtsServiceServicer_to_server, servicer)
            service.serve_bytes(settings.http_address, TTS.methods_by_name["GetAudio"], StoredAudio(audio, store).find)
            service.background(
                "voice discovery",
                lambda: periodic(lambda: voices.discover(DISCOVERY_TIMEOUT_SECONDS), DISCOVERY_INTERVAL_SECONDS),
            )
            service.background("changes of voices", lambda: periodic(voices.publish_changes, CHANGES_INTERVAL_SECONDS))
            service.background(
                "jobs",
                lambda: bus.consume(
                    consumers.handlers(jobs),
                    max_in_flight=settings.synthesis_jobs_in_hand,
                    on_dead=consumers.on_dead(jobs),
                ),
            )
            service.background(
                "cancellations",
                lambda: bus.consume(
                    consumers.broadcast_handlers(jobs),
                    max_in_flight=1,
                    broadcast=process_id,
                    replay_seconds=CANCELLATIONS_REPLAY_SECONDS,
                ),
            )
            await service.run()


if __name__ == "__main__":
    event_loop.run(main())
