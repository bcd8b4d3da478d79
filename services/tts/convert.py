"""Between the domain of tts and its messages."""

from dataclasses import asdict
from datetime import datetime

from voicearena.tts.v1 import events_pb2, tts_pb2, tts_service_pb2

from services.tts.domain import Capabilities, Job, Measurements, SpeechParameters, Utterance, Voice


def provider_to_proto(provider: Capabilities, unavailable_reason: str | None) -> tts_pb2.Provider:
    """Returns a provider as it is listed."""
    return tts_pb2.Provider(
        id=provider.id,
        display_name=provider.display_name,
        available=unavailable_reason is None,
        unavailable_reason=unavailable_reason,
        local=provider.local,
        streaming=provider.streaming,
        max_text_characters=provider.max_text_characters,
        max_concurrency=provider.max_concurrency,
        parameters=sorted(provider.parameters),
        default_model=provider.default_model,
        text_limits=[
            tts_pb2.TextLimit(model_prefix=begin, max_text_characters=longest)
            for begin, longest in provider.text_limits
        ],
    )


def voice_to_proto(voice: Voice) -> tts_pb2.Voice:
    """Returns a voice as it is listed."""
    return tts_pb2.Voice(
        provider=voice.provider,
        voice_id=voice.voice_id,
        display_name=voice.display_name,
        languages=voice.languages,
        model_id=voice.model_id,
        sample_rate_hz=voice.sample_rate_hz,
    )


def parameters_from_proto(parameters: tts_pb2.SpeechParameters) -> SpeechParameters:
    """Returns how to speak; what is absent is None."""
    return SpeechParameters(
        speed=parameters.speed if parameters.HasField("speed") else None,
        language=parameters.language if parameters.HasField("language") else None,
        seed=parameters.seed if parameters.HasField("seed") else None,
    )


def utterance_from_request(request: tts_service_pb2.SynthesizeSpeechRequest) -> Utterance:
    """Returns what a stream is to say."""
    return Utterance(request.text, request.voice_id, parameters=parameters_from_proto(request.parameters))


def job_from_event(event: events_pb2.SynthesisRequested, requested_at: datetime) -> Job:
    """Returns the job that is asked for."""
    return Job(
        requester=event.requester,
        job_id=event.job_id,
        attempt=event.attempt,
        developer_id=event.developer_id,
        provider=event.provider,
        utterance=Utterance(event.text, event.voice_id, event.model_id, parameters_from_proto(event.parameters)),
        run_id=event.run_id,
        requested_at=requested_at,
    )


def measurements_to_proto(measurements: Measurements) -> tts_pb2.SynthesisMeasurements:
    """Returns the measurements as they travel."""
    return tts_pb2.SynthesisMeasurements(**asdict(measurements))
