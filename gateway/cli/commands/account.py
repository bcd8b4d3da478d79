"""`arena register` and `arena login`: get an API key and store it."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from gateway.cli.client import ArenaClient
from gateway.cli.credentials import Credential, credentials_path, store_credential
from gateway.cli.errors import CliError, ExitCode
from gateway.cli.session import CliSession, checked_key, with_session

MAX_KEY_CHARACTERS = 1000


@with_session
def register(
    session: CliSession,
    name: Annotated[str, typer.Option(help="Your name.")],
    email: Annotated[str, typer.Option(help="Your e-mail address. Each address can register once.")],
) -> None:
    """Register as a developer. Prints your API key, which is shown only once, and stores it."""
    with ArenaClient(session.address, None) as client:
        developer = client.register_developer(name, email)
    # Printed before it is stored, so that it is not lost if storing fails.
    text = f"Welcome, {developer.name}. This is your API key. It is shown only once:"
    session.print_secret(developer, text, developer.api_key)
    _store(session, Credential(developer.api_key, developer.id, developer.email))


@with_session
def login(session: CliSession) -> None:
    """Check an API key and store it. The key is read from --key, ARENA_API_KEY, a prompt or stdin."""
    key = session.given_key or _read_key()
    from gateway.cli.rendering import plain

    with ArenaClient(session.address, key) as client:
        developer = client.current_developer()
    if session.json:
        session.print_message(developer)
    else:
        session.out.print(plain(f"You are {developer.name} <{developer.email}>."))
    _store(session, Credential(key, developer.id, developer.email))


def _read_key() -> str:
    if sys.stdin.isatty():
        return checked_key(typer.prompt("API key", hide_input=True, err=True))
    line = sys.stdin.readline(MAX_KEY_CHARACTERS)
    if not line.strip():
        raise CliError(
            "No API key was given.", ExitCode.USAGE, hint="Give it with --key, in ARENA_API_KEY or on stdin."
        )
    return checked_key(line)


def _store(session: CliSession, credential: Credential) -> None:
    path = credentials_path(os.environ)
    replaced = store_credential(path, str(session.address), credential)
    session.note(f"The API key for {session.address} is stored in {path}.")
    if replaced is not None and replaced.developer_id != credential.developer_id:
        session.note(f"It replaces the API key of {replaced.email}.")
