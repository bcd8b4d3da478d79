"""`arena webhooks`, and `arena experiment deliveries` and `redeliver`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.commands.options import IdArgument
from gateway.cli.session import CliSession, with_session

if TYPE_CHECKING:
    from voicearena.experiments.v1.experiment_pb2 import Experiment
    from voicearena.experiments.v1.webhook_pb2 import WebhookDelivery
    from voicearena.experiments.v1.webhook_service_pb2 import WebhookEndpointWithSecret

app = typer.Typer(no_args_is_help=True, help="URLs that are notified when experiments end (Standard Webhooks).")

EndpointArgument = Annotated[
    str, typer.Argument(metavar="ID", help="The id of the webhook endpoint.", show_default=False)
]


def add_to(app: typer.Typer) -> None:
    """Adds `deliveries` and `redeliver` to `arena experiment`."""
    app.command("deliveries")(deliveries)
    app.command("redeliver")(redeliver)


def show_webhook_secret(session: CliSession, experiment: Experiment) -> None:
    """Prints the secret of a webhook endpoint that was created with an experiment. It is shown only once."""
    if experiment.webhook_secret and not session.json:
        session.note(f"Webhooks to {experiment.webhook_url} are signed with this secret. It is shown only once:")
        session.note(experiment.webhook_secret)


@app.command("create")
@with_session
def create(
    session: CliSession,
    endpoint_url: Annotated[
        str, typer.Argument(metavar="URL", help="The URL to notify, http or https.", show_default=False)
    ],
) -> None:
    """Create a webhook endpoint and print the secret that signs its messages. The secret is shown only once."""
    from voicearena.experiments.v1.webhook_service_pb2 import CreateWebhookEndpointRequest

    with session.client() as client:
        _show(
            session,
            client.call(client.webhook_stub.CreateWebhookEndpoint, CreateWebhookEndpointRequest(url=endpoint_url)),
        )


@app.command("list")
@with_session
def list_endpoints(session: CliSession) -> None:
    """List your webhook endpoints, newest first."""
    from gateway.cli.rendering import moment, new_table, plain

    with session.client() as client:
        endpoints = client.webhook_endpoints()
    if session.json:
        session.print_list("endpoints", endpoints)
        return
    table = new_table("Id", "URL", "State", "Created")
    table.columns[0].no_wrap = True
    for endpoint in endpoints:
        state = "enabled" if endpoint.enabled else f"disabled: {endpoint.disabled_reason}"
        table.add_row(plain(endpoint.id), plain(endpoint.url), plain(state), moment(endpoint.created_at))
    session.out.print(table)


@app.command("rotate")
@with_session
def rotate(
    session: CliSession,
    endpoint_id: EndpointArgument,
    overlap_hours: Annotated[
        float, typer.Option(min=0.0, max=168.0, help="Hours for which messages are signed with the old secret too.")
    ] = 24.0,
) -> None:
    """Give a webhook endpoint a new secret and print it."""
    from voicearena.experiments.v1.webhook_service_pb2 import RotateWebhookSecretRequest

    request = RotateWebhookSecretRequest(id=endpoint_id, overlap_seconds=round(overlap_hours * 3600))
    with session.client() as client:
        _show(session, client.call(client.webhook_stub.RotateWebhookSecret, request))


@app.command("enable")
@with_session
def enable(session: CliSession, endpoint_id: EndpointArgument) -> None:
    """Enable a disabled webhook endpoint."""
    from voicearena.experiments.v1.webhook_service_pb2 import EnableWebhookEndpointRequest

    with session.client() as client:
        endpoint = client.call(client.webhook_stub.EnableWebhookEndpoint, EnableWebhookEndpointRequest(id=endpoint_id))
    session.print_done(endpoint, f"{endpoint.url} is enabled.")


@app.command("delete")
@with_session
def delete(session: CliSession, endpoint_id: EndpointArgument) -> None:
    """Delete a webhook endpoint and its pending deliveries."""
    from voicearena.experiments.v1.webhook_service_pb2 import DeleteWebhookEndpointRequest

    with session.client() as client:
        response = client.call(client.webhook_stub.DeleteWebhookEndpoint, DeleteWebhookEndpointRequest(id=endpoint_id))
    session.print_done(response, f"Deleted {response.id}.")


@with_session
def deliveries(session: CliSession, experiment_id: IdArgument) -> None:
    """Show the webhook deliveries of an experiment, with each attempt."""
    from voicearena.experiments.v1.webhook_service_pb2 import ListWebhookDeliveriesRequest

    request = ListWebhookDeliveriesRequest(experiment_id=experiment_id)
    with session.client() as client:
        found = client.list_all(client.webhook_stub.ListWebhookDeliveries, request, lambda page: page.deliveries)
    if session.json:
        session.print_list("deliveries", found)
    elif not found:
        session.note("There are no deliveries. An experiment notifies its webhook_url when it ends.")
    for delivery in found if not session.json else ():
        _print_delivery(session, delivery)


@with_session
def redeliver(
    session: CliSession,
    experiment_id: IdArgument,
    delivery_id: Annotated[str, typer.Argument(metavar="DELIVERY", help="The id of the delivery.", show_default=False)],
) -> None:
    """Send a webhook delivery again at once, with the same webhook-id."""
    from voicearena.experiments.v1.webhook_service_pb2 import RedeliverWebhookRequest

    request = RedeliverWebhookRequest(experiment_id=experiment_id, delivery_id=delivery_id)
    with session.client() as client:
        delivery = client.call(client.webhook_stub.RedeliverWebhook, request)
    if session.json:
        session.print_message(delivery)
    else:
        _print_delivery(session, delivery)


def _print_delivery(session: CliSession, delivery: WebhookDelivery) -> None:
    from gateway.cli.rendering import moment, plain

    status = delivery.Status.Name(delivery.status)
    line = f"{delivery.id}  {delivery.type}  {status}"
    if delivery.HasField("next_attempt_at"):
        line += f", next attempt {moment(delivery.next_attempt_at)}"
    session.out.print(plain(line), soft_wrap=True)
    for attempt in delivery.attempts:
        outcome = f"HTTP {attempt.response_status}" if attempt.HasField("response_status") else "no response"
        by_hand = ", by hand" if attempt.by_hand else ""
        error = f": {attempt.error}" if attempt.error else ""
        text = f"  {moment(attempt.attempted_at)}  {outcome} after {attempt.duration_ms:.0f} ms{by_hand}{error}"
        session.out.print(plain(text), soft_wrap=True)


def _show(session: CliSession, response: WebhookEndpointWithSecret) -> None:
    text = f"{response.endpoint.url} ({response.endpoint.id}). The secret is shown only once:"
    session.print_secret(response, text, response.secret)
