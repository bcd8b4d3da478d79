"""`arena listen`: listening links, with which people compare the clips of an experiment blind."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from gateway.cli.commands.options import IdArgument
from gateway.cli.session import CliSession, with_session

app = typer.Typer(no_args_is_help=True, help="Let people vote in experiments whose --eval-mode is human or hybrid.")

DAY_SECONDS = 24 * 3600


@app.command("link")
@with_session
def link(
    session: CliSession,
    experiment_id: IdArgument,
    days: Annotated[float, typer.Option(min=0.001, max=90.0, help="Days for which the link works.")] = 14.0,
    max_listeners_per_address: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=1000,
            help="How many listeners at one IP address count. Default: 3. 0 is for a supervised panel in one place: "
            "all of its listeners count, and the results say so.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Create a listening link and print it. Anyone who has the link can vote."""
    from voicearena.experiments.v1.listening_service_pb2 import CreateListeningLinkRequest

    from gateway.cli.rendering import plain

    request = CreateListeningLinkRequest(
        experiment_id=experiment_id,
        expires_in_seconds=max(60, round(days * DAY_SECONDS)),
        max_listeners_per_address=max_listeners_per_address,
    )
    with session.client() as client:
        response = client.call(client.listening_stub.CreateListeningLink, request)
    if session.json:
        session.print_message(response)
    else:
        supervised = (
            "" if response.link.max_listeners_per_address else " The results will say that the panel was supervised."
        )
        session.note(f"{response.link.id}.{supervised} Anyone who has this link can vote:")
        session.out.print(plain(response.url), soft_wrap=True)


@app.command("links")
@with_session
def links(session: CliSession, experiment_id: IdArgument) -> None:
    """List the listening links of an experiment, newest first."""
    from voicearena.experiments.v1.listening_service_pb2 import ListListeningLinksRequest

    from gateway.cli.rendering import moment, new_table, plain

    request = ListListeningLinksRequest(experiment_id=experiment_id)
    with session.client() as client:
        found = client.list_all(client.listening_stub.ListListeningLinks, request, lambda page: page.links)
    if session.json:
        session.print_list("links", found)
        return
    numbers = ("Listeners", "Votes", "Left out")
    table = new_table("Id", "State", "Per address", *numbers, right=numbers)
    table.columns[0].no_wrap = True
    for one in found:
        if one.HasField("revoked_at"):
            state = f"revoked {moment(one.revoked_at)}"
        else:
            past = one.expires_at.ToDatetime(tzinfo=UTC) <= datetime.now(UTC)
            state = f"{'expired' if past else 'until'} {moment(one.expires_at)}"
        per_address = str(one.max_listeners_per_address or "supervised")
        table.add_row(plain(one.id), state, per_address, str(one.listeners), str(one.votes), str(one.excluded_votes))
    session.out.print(table)


@app.command("revoke")
@with_session
def revoke(
    session: CliSession,
    experiment_id: IdArgument,
    link_id: Annotated[str, typer.Argument(metavar="LINK", help="The id of the link.", show_default=False)],
) -> None:
    """Revoke a listening link at once. Votes already given with it still count."""
    from voicearena.experiments.v1.listening_service_pb2 import RevokeListeningLinkRequest

    request = RevokeListeningLinkRequest(experiment_id=experiment_id, link_id=link_id)
    with session.client() as client:
        revoked = client.call(client.listening_stub.RevokeListeningLink, request)
    session.print_done(revoked, f"{revoked.id} is revoked.")


@app.command("close")
@with_session
def close(session: CliSession, experiment_id: IdArgument) -> None:
    """End the listening test now, and compute the verdict from the votes so far."""
    from voicearena.experiments.v1.listening_service_pb2 import CloseListeningRequest

    from gateway.cli.commands.experiment import show_experiment

    with session.client() as client:
        request = CloseListeningRequest(experiment_id=experiment_id)
        show_experiment(session, client.call(client.listening_stub.CloseListening, request))
