"""`arena model`: list, show, add, change and withdraw voice models."""

from __future__ import annotations

import secrets
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.commands.options import parse_model
from gateway.cli.errors import CliError, ExitCode
from gateway.cli.session import CliSession, with_session

if TYPE_CHECKING:
    from voicearena.elo.v1.elo_pb2 import VoiceModel

app = typer.Typer(no_args_is_help=True, help="List, show, add, change and withdraw the voice models that are compared.")

MAX_LISTED = 1000


class Kind(StrEnum):
    """Where speech comes from. The names are those of the API."""

    TTS = "tts"
    RECORDED = "recorded"


ModelArgument = Annotated[
    str, typer.Argument(metavar="MODEL", help="The voice model: its id, or PROVIDER:VOICE.", show_default=False)
]
NameOption = Annotated[str | None, typer.Option(help="A name for people to read.", show_default=False)]
VersionOption = Annotated[str | None, typer.Option(help="Your version of it, such as 2.", show_default=False)]
CostOption = Annotated[
    float | None, typer.Option(min=0, max=1000, help="US dollars for 1,000 characters.", show_default=False)
]
ArenaOption = Annotated[
    bool | None,
    typer.Option("--arena/--no-arena", help="Whether it takes part in battles that are drawn.", show_default=False),
]
PrivateOption = Annotated[
    bool | None,
    typer.Option("--private/--public", help="Whether only you can see it and its battles.", show_default=False),
]


@app.command("list")
@with_session
def list_models(
    session: CliSession,
    provider: Annotated[str, typer.Option(help="Only models of this provider.", show_default=False)] = "",
    kind: Annotated[Kind | None, typer.Option(help="Only models of this kind.", show_default=False)] = None,
    mine: Annotated[bool, typer.Option("--mine", help="Only models that you have added.")] = False,
    arena: Annotated[
        bool, typer.Option("--arena", help="Only models that take part in battles that are drawn.")
    ] = False,
    withdrawn: Annotated[bool, typer.Option("--withdrawn", help="Withdrawn models, too.")] = False,
    awaiting_approval: Annotated[
        bool, typer.Option("--awaiting-approval", help="Only models that wait for an operator's approval.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, max=MAX_LISTED, help="The largest number of models.")] = 100,
) -> None:
    """List voice models in order of registration."""
    from voicearena.elo.v1.elo_pb2 import VoiceModel
    from voicearena.elo.v1.elo_service_pb2 import ListVoiceModelsRequest

    from gateway.cli.model_view import models_table

    request = ListVoiceModelsRequest(
        provider=provider,
        kind=VoiceModel.Kind.Value(kind.value) if kind else VoiceModel.kind_unspecified,
        registered_by_me=mine,
        arena_only=arena,
        active_only=not withdrawn,
        awaiting_approval=awaiting_approval,
    )
    with session.client() as client:
        found = client.list_all(client.elo_stub.ListVoiceModels, request, lambda page: page.models, limit)
    if session.json:
        session.print_list("models", found)
    else:
        session.out.print(models_table(found, session.out.width))


@app.command("show")
@with_session
def show(session: CliSession, model: ModelArgument) -> None:
    """Show a voice model with its ratings and what was measured."""
    from gateway.cli.model_view import model_card
    from gateway.cli.voice_models import find_model_id

    with session.client() as client:
        found = client.voice_model(find_model_id(client, model))
    if session.json:
        session.print_message(found)
    else:
        session.out.print(model_card(found))


@app.command("add")
@with_session
def add(
    session: CliSession,
    voice: Annotated[
        str, typer.Argument(metavar="[PROVIDER:VOICE]", help="The voice. Leave it out with --recorded.")
    ] = "",
    name: NameOption = None,
    version: VersionOption = None,
    model_id: Annotated[str, typer.Option(help="The provider's model. Default: its own.", show_default=False)] = "",
    speed: Annotated[
        float | None,
        typer.Option(min=0.5, max=2.0, help="The rate of speech relative to the voice's own.", show_default=False),
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, max=2**32 - 1, help="A seed, if the provider takes one.")] = None,
    language: Annotated[str, typer.Option(help="The language that it speaks, such as de.", show_default=False)] = "",
    recorded: Annotated[
        bool, typer.Option("--recorded", help="You upload its recordings, such as those of a voice agent.")
    ] = False,
    private: PrivateOption = None,
    arena: ArenaOption = None,
    cost_per_1000_characters: CostOption = None,
) -> None:
    """Add a voice model. With --arena it meets other models in battles."""
    from voicearena.elo.v1.elo_pb2 import VoiceModel, public
    from voicearena.elo.v1.elo_pb2 import private as private_value
    from voicearena.elo.v1.elo_service_pb2 import CreateVoiceModelRequest

    if recorded == bool(voice):
        raise CliError(
            "A model has a voice or is recorded.",
            ExitCode.USAGE,
            hint="Give PROVIDER:VOICE, or --recorded with --name.",
        )
    request = CreateVoiceModelRequest(
        name=name or voice,
        version=version or "",
        visibility=private_value if private else public,
        arena=bool(arena),
        cost_per_1000_characters=cost_per_1000_characters,
        request_id=secrets.token_hex(16),
    )
    if recorded:
        request.kind = VoiceModel.recorded
        request.language = language
    else:
        request.provider, request.config.voice_id = parse_model(voice)
        request.config.model_id = model_id
        parameters = request.config.parameters
        if speed is not None:
            parameters.speed = speed
        if seed is not None:
            parameters.seed = seed
        if language:
            parameters.language = language
    with session.client() as client:
        _show(session, client.create_voice_model(request), "was added")


@app.command("update")
@with_session
def update(
    session: CliSession,
    model: ModelArgument,
    name: NameOption = None,
    version: VersionOption = None,
    private: PrivateOption = None,
    arena: ArenaOption = None,
    cost_per_1000_characters: CostOption = None,
) -> None:
    """Change a voice model of yours. After its first battle the voice and the version stay: add another model."""
    from voicearena.elo.v1.elo_pb2 import private as private_value
    from voicearena.elo.v1.elo_pb2 import public, visibility_unspecified
    from voicearena.elo.v1.elo_service_pb2 import UpdateVoiceModelRequest

    from gateway.cli.voice_models import find_model_id

    request = UpdateVoiceModelRequest(
        name=name,
        version=version,
        arena=arena,
        cost_per_1000_characters=cost_per_1000_characters,
        visibility=visibility_unspecified if private is None else private_value if private else public,
    )
    with session.client() as client:
        request.id = find_model_id(client, model)
        _show(session, client.call(client.elo_stub.UpdateVoiceModel, request), "was changed")


@app.command("withdraw")
@with_session
def withdraw(session: CliSession, model: ModelArgument) -> None:
    """Withdraw a voice model of yours. It gets no new battles and experiments, and stays on the boards."""
    from voicearena.elo.v1.elo_service_pb2 import UpdateVoiceModelRequest

    from gateway.cli.voice_models import find_model_id

    with session.client() as client:
        request = UpdateVoiceModelRequest(id=find_model_id(client, model), active=False)
        _show(session, client.call(client.elo_stub.UpdateVoiceModel, request), "is withdrawn")


@app.command("approve")
@with_session
def approve(session: CliSession, model: ModelArgument) -> None:
    """Let public battles use a developer's voice model. Only operators can; see OPERATORS."""
    from voicearena.elo.v1.elo_service_pb2 import ApproveVoiceModelRequest

    from gateway.cli.voice_models import find_model_id

    with session.client() as client:
        request = ApproveVoiceModelRequest(id=find_model_id(client, model))
        _show(session, client.call(client.elo_stub.ApproveVoiceModel, request), "is approved")


def _show(session: CliSession, model: VoiceModel, done: str) -> None:
    session.print_done(model, f"{model.name} {done}: {model.id}")
    if model.awaits_approval:
        session.note("Public battles use it after an operator has approved it.")
