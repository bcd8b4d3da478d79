"""Converts between domain objects and protos."""

from dataclasses import asdict, replace
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
from services.elo.catalogue.standings import NEW, Standing, Stats
from services.elo.catalogue.store import Filters
from services.elo.domain import LANGUAGE, ModelKind, Visibility
from services.elo.enums import enum_of, required
from services.runtime.clock import now, timestamp
from services.runtime.errors import FieldViolation, InvalidInput
from services.runtime.outside_text import is_identifier, one_line

_KIND, _VISIBILITY = elo_pb2.VoiceModel.Kind, elo_pb2.Visibility
# A mask in JSON has names in camel case, from which libraries make another name if digits follow.
_PATHS = {"cost_per1000_characters": "cost_per_1000_characters"}


def voice_model(
    model: VoiceModel, *, awaits_approval: bool, standing: Standing = NEW, stats: Stats | None = None
) -> elo_pb2.VoiceModel:
    """Returns a model as a message."""
    message = elo_pb2.VoiceModel(
        id=model.id,
        name=model.name,
        provider=model.provider,
        version=model.version,
        rating=standing.elo_rating,
        developer_id=model.developer_id,
        active=model.active,
        created_at=timestamp(model.created_at),
        updated_at=timestamp(model.updated_at),
        kind=_KIND.Value(model.kind),
        visibility=_VISIBILITY.Value(model.visibility),
        arena=model.arena,
        awaits_approval=awaits_approval,
        language=model.spoken_language,
        elo_rating=standing.elo_rating,
        total_battles=standing.battles,
        win_rate=standing.win_rate,
        cost_per_1000_characters=model.cost_per_1000_characters,
        stats=_stats(standing, stats) if stats else None,
    )
    if model.kind is ModelKind.TTS:
        message.config.voice_id = model.voice_id
        message.config.model_id = model.model_id
        for name, value in model.parameters().items():
            setattr(message.config.parameters, name, value)
    return message


def _stats(standing: Standing, stats: Stats) -> elo_pb2.VoiceModelStats:
    votes = standing.wins + standing.losses + standing.ties + standing.both_bad
    return elo_pb2.VoiceModelStats(
        boards=[
            elo_pb2.VoiceModelStats.BoardRating(
                board=board,
                rating=row.rating,
                rating_low=row.rating_low if row.HasField("rating_low") else None,
                rating_high=row.rating_high if row.HasField("rating_high") else None,
                rank=row.rank,
                rank_worst=row.rank_worst,
                provisional=row.provisional,
            )
            for board, row in sorted(stats.boards.items())
        ],
        wins=standing.wins,
        losses=standing.losses,
        ties=standing.ties,
        both_bad=standing.both_bad,
        both_bad_share=standing.both_bad / votes if votes else None,
        **asdict(stats.averages),
    )


def from_create(request: elo_service_pb2.CreateVoiceModelRequest) -> VoiceModel:
    """Returns the model in a request, without id and owner.

    Raises InvalidInput for an unknown kind or visibility, and for a field that models of the kind do not have.
    """
    draft = _draft(request.name, request.provider, request.version, request.config)
    kind = enum_of(ModelKind, _KIND, request.kind, "kind") or ModelKind.TTS
    if kind is ModelKind.RECORDED and request.config.ByteSize():
        raise InvalidInput.of(FieldViolation("config", "must be absent for a recorded model"))
    if kind is not ModelKind.RECORDED and request.language:
        raise InvalidInput.of(
            FieldViolation("language", "must be absent unless the model is recorded: use config.parameters.language")
        )
    return replace(
        draft,
        kind=kind,
        visibility=enum_of(Visibility, _VISIBILITY, request.visibility, "visibility") or Visibility.PUBLIC,
        arena=request.arena,
        cost_per_1000_characters=_cost(request),
        language=request.language or draft.language,
    )


def from_list(request: elo_service_pb2.ListVoiceModelsRequest, reader: str) -> Filters:
    """Returns the filters in a request of a reader. Raises InvalidInput for an unknown kind."""
    return Filters(
        reader=reader,
        provider=request.provider,
        active_only=request.active_only,
        developer_id=reader if request.registered_by_me else "",
        kind=enum_of(ModelKind, _KIND, request.kind, "kind"),
        arena_only=request.arena_only,
        awaiting_approval=request.awaiting_approval,
    )


def from_update(request: elo_service_pb2.UpdateVoiceModelRequest) -> tuple[VoiceModel, list[str]]:
    """Returns the new values and the paths to change: those in the mask, else the fields that are present.

    Raises InvalidInput for an unknown visibility, and if the mask names it and it is absent.
    """
    paths = [_PATHS.get(path, path) for path in request.update_mask.paths]
    if not request.HasField("update_mask"):
        paths = [field.name for field, _ in request.ListFields() if field.name != "id"]
    visibility = enum_of(Visibility, _VISIBILITY, request.visibility, "visibility")
    if "visibility" in paths:
        visibility = required(visibility, Visibility, "visibility")
    draft = _draft(request.name, "", request.version, request.config, id_=request.id, active=request.active)
    changed = replace(
        draft,
        visibility=visibility or Visibility.PUBLIC,
        arena=request.arena,
        cost_per_1000_characters=_cost(request),
    )
    return changed, paths


def _cost(
    request: elo_service_pb2.CreateVoiceModelRequest | elo_service_pb2.UpdateVoiceModelRequest,
) -> float | None:
    return request.cost_per_1000_characters if request.HasField("cost_per_1000_characters") else None


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
        provider.local,
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
        active=active,
        created_at=moment,
        updated_at=moment,
    )
