"""The anonymous voter's session of this user: made once for each gateway, and kept beside the API keys."""

from __future__ import annotations

import hashlib
import os
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from gateway.cli.client import ArenaClient
from gateway.cli.errors import CliError, ExitCode
from gateway.cli.private_file import PrivateFile, config_folder
from gateway.cli.voter_client import VoterClient

if TYPE_CHECKING:
    from gateway.cli.session import CliSession

FILE_NAME = "voters.json"
# A session that ends sooner could end while its user listens.
MIN_LEFT = timedelta(hours=1)
# Characters of the digest of an API key in the name of a session that was made with it.
DIGEST_CHARACTERS = 12


class VoterSession:
    """The token with which this user votes at a gateway.

    With `own_board`, it is the token of a session that was made with the user's API key, which can also hear battles of
    the user's own board.
    """

    def __init__(self, session: CliSession, *, own_board: bool) -> None:
        self._address = session.address
        self._key = session.api_key() if own_board else None
        if own_board and self._key is None:
            raise CliError(
                "Battles of your own board need your API key.",
                ExitCode.NOT_AUTHENTICATED,
                hint="Get a key with `arena register --name NAME --email ADDRESS`, or leave out --own-board.",
            )
        hint = "Set XDG_CONFIG_HOME to a writable folder."
        self._file = PrivateFile(config_folder(os.environ) / FILE_NAME, "a file of voter's sessions", hint)

    def client(self) -> VoterClient:
        """Returns a client that votes with the stored session, or with a new one if there is none that lasts."""
        entry = self._file.read().get(self._name, {})
        try:
            lasts = datetime.fromisoformat(entry["expires_at"]) > datetime.now(UTC) + MIN_LEFT
            token = entry["session_token"]
        except (KeyError, ValueError, TypeError):
            return self.renewed()
        return VoterClient(self._address, token) if lasts else self.renewed()

    def renewed(self) -> VoterClient:
        """Makes a new session, stores it and returns a client that votes with it."""
        with ArenaClient(self._address, self._key) as client:
            made = client.create_voter()
        expires_at = made.expires_at.ToDatetime(tzinfo=UTC).isoformat()
        entry = {"session_token": made.session_token, "voter_id": made.id, "expires_at": expires_at}
        self._file.write({**self._file.read(), self._name: entry})
        return VoterClient(self._address, made.session_token)

    @property
    def _name(self) -> str:
        """The name of the entry. Sessions that were made with different keys hear different boards."""
        digest = hashlib.sha256(self._key.encode()).hexdigest()[:DIGEST_CHARACTERS] if self._key else ""
        return f"{self._address} {digest}".strip()
