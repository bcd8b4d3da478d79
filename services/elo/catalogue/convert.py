"""Converts between domain objects and protos."""

from dataclasses import replace
from datetime import datetime

from voicearena.elo.v1 import elo_pb2, elo_service_pb2
from voicearena.tts.v1 import tts_pb2

from services.elo.catalogue.domain import (
    MAX_MODEL_CHARACTERS,
    MAX_NAME_CHARACTERS,
    MAX_VOICE_CHARACTERS,
    PARAMETERS,
    Provider,
    VoiceModel,
)
from services.elo.domain import LANGUAGE
from services.runtime.clock import now, timestamp
from services.runtime.outside_text import is_identifier, one_line


def voice_model(model: VoiceModel) -> elo_pb2.VoiceModel:
    """Returns a model as a message."""
    message = elo_pb2.VoiceModel(
        id=model.id,
        name=model.name,
        provider=model.provider,
        version=model.version,
        config=elo_pb2.VoiceModelConfig(voice_id=model.voice_id, model_id=model.model_id),
        rating=model.rating,
        developer_id=model.developer_id,
        active=model.active,
        created_at=timestamp(model.created_at),
        updated_at=timestamp(model.updated_at),
    )
    for name, value in model.parameters().items():
        setattr(message.config.parameters, name, value)
    return message


def from_create(request: elo_service_pb2.CreateVoiceModelRequest) -> VoiceModel:
    """Returns the model in a request, without id and owner."""
    return _draft(request.name, request.provider, request.version, request.config)


def from_update(request: elo_service_pb2.UpdateVoiceModelRequest) -> tuple[VoiceModel, list[str]]:
    """Returns the new values and the paths to change: those in the mask, else the fields that are present."""
    draft = _draft(request.name, "", request.version, request.config, id_=request.id, active=request.active)
    paths = list(request.update_mask.paths)
    if not request.HasField("update_mask"):
        paths = [name for name in ("name", "version", "active", "config") if request.HasField(name)]
    return draft, paths


def from_voice(voice: tts_pb2.Voice, provider: tts_pb2.Provider) -> VoiceModel | None:
    """Returns the model for a discovered voice. None if its ids are not valid identifiers."""
    if not is_identifier(voice.voice_id, MAX_VOICE_CHARACTERS):
        return None
    if voice.model_id and not is_identifier(voice.model_id, MAX_MODEL_CHARACTERS):
        return None
    config = elo_pb2.VoiceModelConfig(voice_id=voice.voice_id, model_id=voice.model_id)
    name = one_line(f"{provider.display_name} {voice.display_name or voice.voice_id}", MAX_NAME_CHARACTERS)
    language = next((tag for tag in voice.languages if LANGUAGE.fullmatch(tag)), "")
    return replace(_draft(name, provider.id, "", config), voice_language=language)


def from_provider(provider: tts_pb2.Provider, reported_at: datetime) -> Provider:
    """Returns what the catalogue needs to know about a provider, as of `reported_at`."""
    reason = "" if provider.available else one_line(provider.unavailable_reason) or "it is not available"
    return Provider(
        provider.id,
        reported_at,
        reason,
        tuple(name for name in PARAMETERS if name in provider.parameters),
        provider.max_text_characters,
        tuple((limit.model_prefix, limit.max_text_characters) for limit in provider.text_limits),
    )


def _draft(
    name: str, provider: str, version: str, config: elo_pb2.VoiceModelConfig, *, id_: str = "", active: bool = True
) -> VoiceModel:
    moment = now()
    given = {field.name: value for field, value in config.parameters.ListFields()}
    return VoiceModel(
        id=id_,
        developer_id="",
        name=name,
        provider=provider,
        version=version,
        voice_id=config.voice_id,
        model_id=config.model_id,
        speed=given.get("speed"),
        language=given.get("language"),
        seed=given.get("seed"),
        rating=0.0,
        active=active,
        created_at=moment,
        updated_at=moment,
    )
