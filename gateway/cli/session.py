"""What every command needs: the gateway that it calls, the API key that it sends, and where its output goes."""

from __future__ import annotations

import functools
import inspect
import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Concatenate, ParamSpec

import typer

from gateway.cli.address import DEFAULT_URL, GatewayAddress
from gateway.cli.credentials import credentials_path, load_credential
from gateway.cli.errors import CliError, ExitCode

if TYPE_CHECKING:
    from google.protobuf.message import Message
    from rich.console import Console
    from voicearena.scoring.v1.scoring_pb2 import Metric

    from gateway.cli.client import ArenaClient

Parameters = ParamSpec("Parameters")

URL_HELP = f"The URL of the gateway. Default: ARENA_URL, or {DEFAULT_URL}."
KEY_HELP = "The API key. Default: ARENA_API_KEY, or the key that `arena login` stored."
JSON_HELP = "Print one JSON document on stdout instead of text."

UrlOption = Annotated[str | None, typer.Option("--url", help=URL_HELP, show_default=False)]
KeyOption = Annotated[str | None, typer.Option("--key", help=KEY_HELP, show_default=False)]
JsonOption = Annotated[bool, typer.Option("--json", help=JSON_HELP)]


@dataclass
class CliSession:
    """One run of `arena`.

    Data goes to `out` (stdout). Progress and messages go to `err` (stderr), so that data can be piped.
    """

    url: str | None = None
    key: str | None = None
    json: bool = False
    out: Console = field(default_factory=lambda: _console(stderr=False))
    err: Console = field(default_factory=lambda: _console(stderr=True))

    @property
    def address(self) -> GatewayAddress:
        """The address of the gateway, from --url, ARENA_URL or the default."""
        return GatewayAddress.parse(self.url or os.environ.get("ARENA_URL") or DEFAULT_URL)

    @property
    def given_key(self) -> str | None:
        """The API key from --key or ARENA_API_KEY."""
        key = self.key or os.environ.get("ARENA_API_KEY")
        return checked_key(key) if key else None

    def api_key(self) -> str | None:
        """Returns the given API key, or else the key stored for the gateway."""
        if self.given_key:
            return self.given_key
        stored = load_credential(credentials_path(os.environ), str(self.address))
        return checked_key(stored.api_key) if stored else None

    def client(self) -> ArenaClient:
        """Returns a client of the gateway that sends the caller's API key, if there is one."""
        from gateway.cli.client import ArenaClient

        return ArenaClient(self.address, self.api_key())

    def note(self, message: str) -> None:
        """Prints a message on stderr."""
        from gateway.cli.rendering import plain

        for line in message.splitlines():
            self.err.print(plain(line), soft_wrap=True)

    def metrics(self, client: ArenaClient) -> Sequence[Metric]:
        """Returns the metrics of trials. If they can't be listed, prints the reason and returns none: a verdict can be
        shown without measurements."""
        try:
            return client.metrics()
        except CliError as error:
            self.note(f"Measurements are not shown: {error}")
            return ()

    def print_message(self, message: Message) -> None:
        """Prints a message as the JSON that the API would return."""
        self.print_document(message_document(message))

    def print_list(self, name: str, messages: Sequence[Message]) -> None:
        """Prints all pages of a list as one document, `{name: [...]}`."""
        self.print_document({name: [message_document(message) for message in messages]})

    def print_done(self, message: Message, text: str) -> None:
        """Prints a response: with --json as JSON on stdout, otherwise `text` on stderr."""
        if self.json:
            self.print_message(message)
        else:
            self.note(text)

    def print_secret(self, message: Message, text: str, secret: str) -> None:
        """Like `print_done`, for a response with a secret that is shown only once. The secret goes to stdout."""
        self.print_done(message, text)
        if not self.json:
            self.out.print(secret, markup=False, highlight=False, soft_wrap=True)

    def print_document(self, document: object) -> None:
        """Prints one JSON document."""
        text = json.dumps(document, indent=2, ensure_ascii=False)
        self.out.file.write("".join(c if c.isprintable() or c == "\n" else _escaped(c) for c in text) + "\n")


def with_session(command: Callable[Concatenate[CliSession, Parameters], None]) -> Callable[..., None]:
    """Gives a command its session and the options --url, --key and --json, before and after the command's name."""

    @functools.wraps(command)
    def run(context: typer.Context, url: UrlOption, key: KeyOption, as_json: JsonOption, **arguments: Any) -> None:
        outer = context.find_object(CliSession) or CliSession()
        session = CliSession(url or outer.url, key or outer.key, as_json or outer.json, outer.out, outer.err)
        context.obj = session
        # A group has an action of its own only if no command of it is named.
        if context.invoked_subcommand is None:
            command(session, **arguments)  # type: ignore[call-arg]

    own = list(inspect.signature(command, eval_str=True).parameters.values())[1:]
    added = inspect.Parameter.KEYWORD_ONLY
    shared = [
        inspect.Parameter("context", added, annotation=typer.Context),
        inspect.Parameter("url", added, annotation=UrlOption, default=None),
        inspect.Parameter("key", added, annotation=KeyOption, default=None),
        inspect.Parameter("as_json", added, annotation=JsonOption, default=False),
    ]
    parameters = [parameter.replace(kind=added) for parameter in own] + shared
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run


def message_document(message: Message) -> dict[str, Any]:
    """Returns a message as the gateway writes it in JSON: field names of the proto, with zero values, without absent
    fields."""
    from google.protobuf.json_format import MessageToDict

    return MessageToDict(message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)


def checked_key(key: str) -> str:
    """Returns the API key without surrounding white space. Raises CliError if it can't be sent in a header."""
    key = key.strip()
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        raise CliError(
            "The API key has characters that no API key has.", ExitCode.USAGE, hint="Copy the whole key again."
        )
    return key


def _console(*, stderr: bool) -> Console:
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    # On a terminal without Unicode, bars and ticks become question marks. Without this the command would crash.
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(errors="replace")
    return Console(file=stream, highlight=False)


def _escaped(character: str) -> str:
    """Returns a character escaped as in JSON. `json.dumps` leaves some characters as they are that can steer a
    terminal."""
    return json.dumps(character)[1:-1]
