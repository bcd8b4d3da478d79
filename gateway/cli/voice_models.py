"""Finds voice models by id, PROVIDER:VOICE or name, and names them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from gateway.cli.errors import CliError, ExitCode

if TYPE_CHECKING:
    from voicearena.elo.v1.elo_pb2 import VoiceModel

    from gateway.cli.client import ArenaClient


def voice_of(model: VoiceModel) -> str:
    """Returns `provider:voice_id`, or the name of a model without a voice."""
    from services.shared.reporting.formats import model_name

    return model_name(model.provider, model.config.voice_id) if model.config.voice_id else model.name


def find_model_id(client: ArenaClient, text: str) -> str:
    """Returns the id of the model with this id or name, or PROVIDER:VOICE.

    The caller's own models come first, then those of the installation, as in experiments. Raises CliError unless there
    is exactly one.
    """
    if text.startswith("mdl_"):
        return text
    named = [model for model in client.voice_models() if text in (voice_of(model), model.name)]
    found = _nearest(client, named)
    if not found:
        raise CliError(
            f"There is no voice model {text}.",
            ExitCode.NOT_FOUND,
            hint="Give an id, or PROVIDER:VOICE. `arena model list` lists the models.",
        )
    if len(found) > 1:
        details = [f"{model.id}  {model.name} {model.version}".rstrip() for model in found]
        raise CliError(
            f"{len(found)} voice models are called {text}.", ExitCode.USAGE, hint="Give the id of one.", details=details
        )
    return found[0].id


def _nearest(client: ArenaClient, named: Sequence[VoiceModel]) -> Sequence[VoiceModel]:
    """Returns the caller's models, or those of the installation if there are none, or else those of all others."""
    if len(named) < 2:
        return named
    caller = client.current_developer().id if client.has_key else ""
    # Models of the installation have no developer.
    for owner in (caller, ""):
        if found := [model for model in named if model.developer_id == owner]:
            return found
    return named


def model_names(client: ArenaClient, ids: Iterable[str]) -> dict[str, str]:
    """Returns the names of models by id, as far as the caller can see them."""
    names = {}
    for id_ in dict.fromkeys(filter(None, ids)):
        try:
            names[id_] = voice_of(client.voice_model(id_))
        except CliError:
            # Another developer's private model has no name here. The id says which it is.
            continue
    return names
