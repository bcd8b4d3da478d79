"""`arena register` and `arena login`: getting a key, and keeping it."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from gateway.cli.client import ArenaClient
from gateway.cli.credentials import Credential, credentials_path, store_credential
from gateway.cli.errors import CliError, ExitCode
from gateway.cli.session import Session, checked_key, with_session

MAX_KEY_CHARACTERS = 1000


@with_session
def register(
    session: Session,
    name: Annotated[str, typer.Option(help="How you want to be called.")],
    email: Annotated[str, typer.Option(help="Your e-mail address; each can register once.")],
) -> None:
    """Register as a developer, store the API key, and print it. It is shown this once."""
    with ArenaClient(session.address, None) as client:
        developer = client.register_developer(name, email)
    # The key comes first: should storing fail, it has been seen.
    text = f"Welcome, {developer.name}. This is your API key, shown this once:"
    session.print_secret(developer, text, developer.api_key)
    _store(session, Credential(developer.api_key, developer.id, developer.email))


@with_session
def login(session: Session) -> None:
    """Check an API key and store it. It comes from --key, ARENA_API_KEY, a prompt, or a line on stdin."""
    key = session.given_key or _asked_key()
    from gateway.cli.rendering import plain

    with ArenaClient(session.address, key) as client:
        developer = client.current_developer()
    if session.json:
        session.print_message(developer)
    else:
        session.out.print(plain(f"You are {developer.name} <{developer.email}>."))
    _store(session, Credential(key, developer.id, developer.email))


def _asked_key() -> str:
    if sys.stdin.isatty():
        return checked_key(typer.prompt("API key", hide_input=True, err=True))
    line = sys.stdin.readline(MAX_KEY_CHARACTERS)
    if not line.strip():
        raise CliError("There is no key.", ExitCode.USAGE, hint="Give it with --key, in ARENA_API_KEY, or on stdin.")
    return checked_key(line)


def _store(session: Session, credential: Credential) -> None:
    path = credentials_path(os.environ)
    replaced = store_credential(path, str(session.address), credential)
    session.note(f"The key for {session.address} is in {path}.")
    if replaced is not None and replaced.developer_id != credential.developer_id:
        session.note(f"It took the place of the key of {replaced.email}.")
