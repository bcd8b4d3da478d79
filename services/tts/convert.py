"""Converts between domain values and protos."""

from dataclasses import asdict
from datetime import datetime

from voicearena.tts.v1 import events_pb2, tts_pb2, tts_service_pb2

from services.tts.domain import Capabilities, Job, SpeechParameters, SynthesisMeasurements, Utterance, Voice


def provider(found: Capabilities, unavailable_reason: str | None) -> tts_pb2.Provider:
    """Returns the proto of a provider."""
    return tts_pb2.Provider(
        id=found.id,
        display_name=found.display_name,
        available=unavailable_reason is None,
        unavailable_reason=unavailable_reason,
        local=found.local,
        streaming=found.streaming,
        max_text_characters=found.max_text_characters,
        max_concurrency=found.max_concurrency,
        parameters=sorted(found.parameters),
        default_model=found.default_model,
        text_limits=[
            tts_pb2.TextLimit(model_prefix=prefix, max_text_characters=characters)
            for prefix, characters in found.text_limits
        ],
    )


def voice(found: Voice) -> tts_pb2.Voice:
    """Returns the proto of a voice."""
    return tts_pb2.Voice(
        provider=found.provider,
        voice_id=found.voice_id,
        display_name=found.display_name,
        languages=found.languages,
        model_id=found.model_id,
        sample_rate_hz=found.sample_rate_hz,
    )


def parameters(message: tts_pb2.SpeechParameters) -> SpeechParameters:
    """Returns the speech parameters. Absent fields are None."""
    return SpeechParameters(
        speed=message.speed if message.HasField("speed") else None,
        language=message.language if message.HasField("language") else None,
        seed=message.seed if message.HasField("seed") else None,
    )


def utterance(request: tts_service_pb2.SynthesizeSpeechRequest) -> Utterance:
    """Returns the utterance of a stream request."""
    return Utterance(request.text, request.voice_id, parameters=parameters(request.parameters))


def job(event: events_pb2.SynthesisRequested, requested_at: datetime) -> Job:
    """Returns the job that an event requests."""
    return Job(
        requester=event.requester,
        job_id=event.job_id,
        attempt=event.attempt,
        developer_id=event.developer_id,
        provider=event.provider,
        utterance=Utterance(event.text, event.voice_id, event.model_id, parameters(event.parameters)),
        run_id=event.run_id,
        requested_at=requested_at,
    )


def measurements(measured: SynthesisMeasurements) -> tts_pb2.SynthesisMeasurements:
    """Returns the proto of the measurements."""
    return tts_pb2.SynthesisMeasurements(**asdict(measured))
