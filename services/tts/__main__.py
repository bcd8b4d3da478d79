"""The tts service: `python -m services.tts`."""

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
from services.tts import consumers, metrics, status
from services.tts.facts import FactPublisher
from services.tts.providers.catalogue import engines_of
from services.tts.providers.deadline import Patience
from services.tts.providers.registry import Providers
from services.tts.servicer import StoredAudio, TtsServicer
from services.tts.settings import TtsSettings
from services.tts.store import AudioResults, RequestLedger
from services.tts.usecases.audio import Audio
from services.tts.usecases.jobs import Jobs
from services.tts.usecases.speech import Speech
from services.tts.usecases.voices import Voices

TTS = tts_service_pb2.DESCRIPTOR.services_by_name["TtsService"]

DISCOVERY_SECONDS = 600.0
# A provider that takes longer to tell its voices does not keep the others from being used meanwhile.
FIRST_LOOK_SECONDS = 5.0
# A provider that is found to be down, or up again, by who asks it is made known this soon.
CHANGES_SECONDS = 5.0
# A process that starts hears of what was cancelled before: jobs of it may be waiting.
CANCELLATIONS_REPLAYED_SECONDS = 3600.0


async def main() -> None:
    """Runs the tts service until it is told to stop."""
    settings = load_settings(TtsSettings)
    with ThreadPoolExecutor(1, thread_name_prefix="measure") as measuring:
        async with Service("tts", settings) as service:
            store = await service.enter("audio store", AudioStore(settings.audio_storage_path))
            bus = await service.enter("bus", Bus.connect(settings.nats_url, "tts"))
            providers = await service.enter("providers", Providers(engines_of(settings), settings.speech_queue))
            # Of this run of the process, so that a catalogue that was emptied hears of voices again.
            process_id = secrets.token_hex(8)
            secret = settings.audio_url_secret.get_secret_value()
            results = AudioResults(store)
            publish = FactPublisher(bus, started=process_id).publish
            patience = Patience(settings.first_byte_timeout_seconds, settings.synthesis_timeout_seconds)
            jobs = Jobs(providers, results, RequestLedger(store), publish, patience, measuring)
            voices = Voices(providers, publish, Pages(secret))
            audio = Audio(store, results, AudioLinks(secret, settings.public_url, settings.audio_url_ttl_seconds))
            metrics.watch(providers, jobs.in_hand)
            service.report(status.reporter(providers))
            # Before the first request, so that none meets a provider that was not looked at yet.
            await providers.refresh(FIRST_LOOK_SECONDS)

            servicer = TtsServicer(voices, Speech(providers, patience), audio)
            service.add_servicer(tts_service_pb2_grpc.add_TtsServiceServicer_to_server, servicer)
            service.serve_bytes(settings.http_address, TTS.methods_by_name["GetAudio"], StoredAudio(audio, store).find)
            service.background(
                "voice discovery", lambda: periodic(lambda: voices.discover(FIRST_LOOK_SECONDS), DISCOVERY_SECONDS)
            )
            service.background("changes of voices", lambda: periodic(voices.publish_changes, CHANGES_SECONDS))
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
                    replay_seconds=CANCELLATIONS_REPLAYED_SECONDS,
                ),
            )
            await service.run()


if __name__ == "__main__":
    event_loop.run(main())
