"""What every command has: the gateway it calls, the key it sends, and where its output goes."""

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

URL_HELP = f"The gateway, {DEFAULT_URL} by default. Also ARENA_URL."
KEY_HELP = "The API key. Also ARENA_API_KEY, or what `arena login` stored."
JSON_HELP = "Print one JSON document on stdout instead of text."

UrlOption = Annotated[str | None, typer.Option("--url", help=URL_HELP, show_default=False)]
KeyOption = Annotated[str | None, typer.Option("--key", help=KEY_HELP, show_default=False)]
JsonOption = Annotated[bool, typer.Option("--json", help=JSON_HELP)]


@dataclass
class Session:
    """One run of `arena`.

    Data goes to `out` (stdout), progress and messages to `err` (stderr), so that the output can be piped.
    """

    url: str | None = None
    key: str | None = None
    json: bool = False
    out: Console = field(default_factory=lambda: _console(stderr=False))
    err: Console = field(default_factory=lambda: _console(stderr=True))

    @property
    def address(self) -> GatewayAddress:
        """The gateway of --url, ARENA_URL or the default."""
        return GatewayAddress.parse(self.url or os.environ.get("ARENA_URL") or DEFAULT_URL)

    @property
    def given_key(self) -> str | None:
        """The key of --key or ARENA_API_KEY."""
        key = self.key or os.environ.get("ARENA_API_KEY")
        return checked_key(key) if key else None

    def api_key(self) -> str | None:
        """The given key, or else the one stored for the gateway."""
        if self.given_key:
            return self.given_key
        stored = load_credential(credentials_path(os.environ), str(self.address))
        return checked_key(stored.api_key) if stored else None

    def client(self) -> ArenaClient:
        """A client of the gateway with the caller's key, if there is one."""
        from gateway.cli.client import ArenaClient

        return ArenaClient(self.address, self.api_key())

    def note(self, message: str) -> None:
        """Says something on stderr."""
        from gateway.cli.rendering import plain

        for line in message.splitlines():
            self.err.print(plain(line), soft_wrap=True)

    def metrics(self, client: ArenaClient) -> Sequence[Metric]:
        """The metrics of trials; none, with a note that says why, where they can't be listed. A verdict stands without
        its figures."""
        try:
            return client.metrics()
        except CliError as error:
            self.note(f"Without measurements: {error}")
            return ()

    def print_message(self, message: Message) -> None:
        """Prints a message as the JSON that the API's own JSON face would give."""
        self.print_document(message_document(message))

    def print_list(self, name: str, messages: Sequence[Message]) -> None:
        """Prints all pages of a list as one document, `{name: [...]}`."""
        self.print_document({name: [message_document(message) for message in messages]})

    def print_done(self, message: Message, text: str) -> None:
        """Prints an answer as JSON if that is wanted, else says on stderr what it means."""
        if self.json:
            self.print_message(message)
        else:
            self.note(text)

    def print_secret(self, message: Message, text: str, secret: str) -> None:
        """Like `print_done`, for an answer with a secret that is shown once. It goes to stdout by itself."""
        self.print_done(message, text)
        if not self.json:
            self.out.print(secret, markup=False, highlight=False, soft_wrap=True)

    def print_document(self, document: object) -> None:
        """Prints one JSON document."""
        text = json.dumps(document, indent=2, ensure_ascii=False)
        self.out.file.write("".join(c if c.isprintable() or c == "\n" else _escaped(c) for c in text) + "\n")


def with_session(command: Callable[Concatenate[Session, Parameters], None]) -> Callable[..., None]:
    """Gives a command its session and the options --url, --key and --json, which count before and after its name."""

    @functools.wraps(command)
    def run(context: typer.Context, url: UrlOption, key: KeyOption, as_json: JsonOption, **arguments: Any) -> None:
        outer = context.find_object(Session) or Session()
        session = Session(url or outer.url, key or outer.key, as_json or outer.json, outer.out, outer.err)
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
    """A message as the gateway would write it in JSON: names as in the proto, zero values there, absent ones not."""
    from google.protobuf.json_format import MessageToDict

    return MessageToDict(message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)


def checked_key(key: str) -> str:
    """The key without the white space around it. Raises if it can't be sent in a header."""
    key = key.strip()
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        raise CliError("That API key has characters that no key has.", ExitCode.USAGE, hint="Copy it again, whole.")
    return key


def _console(*, stderr: bool) -> Console:
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    # Bars and ticks on a terminal that speaks no Unicode become question marks, not a crash.
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(errors="replace")
    return Console(file=stream, highlight=False)


def _escaped(character: str) -> str:
    """Returns a character of a JSON text as JSON escapes it, which json leaves to whoever prints to a terminal."""
    return json.dumps(character)[1:-1]
