"""Builds the facts that the elo service publishes. One function for each."""

from voicearena.elo.v1.events_pb2 import VoiceModelRegistered

from services.elo.catalogue import convert
from services.elo.catalogue.domain import VoiceModel


def voice_model_registered(model: VoiceModel, *, awaits_approval: bool = False) -> VoiceModelRegistered:
    """Returns the fact that the catalogue has a new model."""
    return VoiceModelRegistered(model=convert.voice_model(model, awaits_approval=awaits_approval))
