"""`arena keys`: create, list, rotate and revoke API keys."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer
from voicearena.auth.v1.options_pb2 import Scope

from gateway.cli.session import CliSession, with_session

if TYPE_CHECKING:
    from voicearena.auth.v1.auth_service_pb2 import CreateApiKeyResponse

app = typer.Typer(no_args_is_help=True, help="Create, list, rotate and revoke API keys.")

KeyArgument = Annotated[str, typer.Argument(metavar="ID", help="The id of the API key.", show_default=False)]
SCOPES = [name.replace("_", ":") for name in Scope.keys()[1:]]


def _scope(text: str) -> str:
    if text not in SCOPES:
        raise typer.BadParameter(f"{text!r} is not one of {', '.join(SCOPES)}.")
    return text


@app.command("create")
@with_session
def create(
    session: CliSession,
    name: Annotated[str, typer.Option(help="A name for the API key.", show_default=False)],
    scope: Annotated[
        list[str] | None,
        typer.Option(
            parser=_scope,
            metavar="SCOPE",
            help=f"A scope: {', '.join(SCOPES)}. Repeat the option for several. Default: the scopes of your own key.",
            show_default=False,
        ),
    ] = None,
    expires_in_days: Annotated[
        float | None, typer.Option(min=0.0, help="Days until the API key expires. Default: never.", show_default=False)
    ] = None,
) -> None:
    """Create another API key and print it. The key is shown only once."""
    from voicearena.auth.v1.auth_service_pb2 import CreateApiKeyRequest

    request = CreateApiKeyRequest(name=name, scopes=scope or [])
    if expires_in_days is not None:
        request.expires_at.FromDatetime(datetime.now(UTC) + timedelta(days=expires_in_days))
    with session.client() as client:
        _show(session, client.call(client.auth_stub.CreateApiKey, request))


@app.command("list")
@with_session
def list_keys(session: CliSession) -> None:
    """List your API keys, newest first. Revoked and expired keys are listed too."""
    from gateway.cli.rendering import moment, new_table, plain
    from services.shared.reporting.formats import ABSENT

    with session.client() as client:
        keys = client.api_keys()
    if session.json:
        session.print_list("api_keys", keys)
        return
    table = new_table("Id", "Name", "Key", "Scopes", "Last used", "State")
    table.columns[0].no_wrap = True
    for key in keys:
        if key.HasField("revoked_at"):
            state = f"revoked {moment(key.revoked_at)}"
        elif key.HasField("expires_at"):
            past = key.expires_at.ToDatetime(tzinfo=UTC) <= datetime.now(UTC)
            state = f"{'expired' if past else 'until'} {moment(key.expires_at)}"
        else:
            state = "valid"
        table.add_row(
            plain(key.id),
            plain(key.name),
            plain(f"{key.prefix}…"),
            plain(", ".join(key.scopes)),
            moment(key.last_used_at) if key.HasField("last_used_at") else ABSENT,
            state,
        )
    session.out.print(table)


@app.command("rotate")
@with_session
def rotate(
    session: CliSession,
    key_id: KeyArgument,
    overlap_hours: Annotated[
        float, typer.Option(min=0.0, max=720.0, help="Hours for which the old API key still works.")
    ] = 24.0,
) -> None:
    """Replace an API key by a new one and print it. The old key works until the overlap ends."""
    from voicearena.auth.v1.auth_service_pb2 import RotateApiKeyRequest

    request = RotateApiKeyRequest(id=key_id, overlap_seconds=round(overlap_hours * 3600))
    with session.client() as client:
        _show(session, client.call(client.auth_stub.RotateApiKey, request))


@app.command("revoke")
@with_session
def revoke(session: CliSession, key_id: KeyArgument) -> None:
    """Revoke an API key. It stops working everywhere within one second."""
    from voicearena.auth.v1.auth_service_pb2 import RevokeApiKeyRequest

    with session.client() as client:
        key = client.call(client.auth_stub.RevokeApiKey, RevokeApiKeyRequest(id=key_id))
    session.print_done(key, f"{key.name} ({key.prefix}…) is revoked.")


def _show(session: CliSession, response: CreateApiKeyResponse) -> None:
    text = f"{response.api_key.name} ({response.api_key.id}). The key is shown only once:"
    session.print_secret(response, text, response.key)
