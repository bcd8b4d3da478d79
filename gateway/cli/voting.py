"""Votes in battles from the command line: fetches both clips, plays them, asks which is better, and votes."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from gateway.cli import speech
from gateway.cli.errors import CliError, ExitCode

if TYPE_CHECKING:
    from voicearena.elo.v1.battle_service_pb2 import NextBattleRequest, NextBattleResponse, VoteInBattleResponse

    from gateway.cli.session import CliSession
    from gateway.cli.voter_client import VoterClient
    from gateway.cli.voter_session import VoterSession

ANSWERS = {"a": "a", "b": "b", "t": "tie", "tie": "tie", "n": "both_bad", "both_bad": "both_bad"}
"""What a person can type, and the answer in the API."""
AGAIN, QUIT = "r", "q"
DEFAULT_RETRY_SECONDS = 2.0
# A voter who answers early waits once. Clocks that differ a little can make it twice.
MAX_EARLY_VOTES = 5
EARLY = ("not_fetched", "not_heard")
# The gateway reports that a clip was sent a moment after its last byte has arrived.
REPORT_SECONDS = 1.0
MAX_ANSWER_CHARACTERS = 100


@dataclass(frozen=True)
class Clip:
    """A clip of a battle in a file."""

    label: str
    path: Path
    seconds: float


@dataclass(frozen=True)
class Ballot:
    """How a vote is given."""

    request: NextBattleRequest
    answer: str | None = None
    """The answer in the API. None to ask."""
    save_to: Path | None = None
    """The folder that keeps the clips. None for one that is deleted."""
    quiet: bool = False
    """Whether no clip is played."""
    timeout_seconds: float = 60.0
    """The longest wait for a battle."""


@dataclass(frozen=True)
class CastVote:
    """A vote that the server has accepted."""

    answer: str
    response: VoteInBattleResponse


def vote_once(session: CliSession, voter: VoterSession, ballot: Ballot) -> CastVote | None:
    """Gets the next battle, lets the user hear it, and votes. Returns None if the user gives no vote.

    Raises CliError if there is no battle in time, or the vote is refused.
    """
    client, battle = _next_battle(session, voter, ballot)
    with client, _folder(ballot) as folder:
        clips = _fetch(client, battle, Path(folder))
        session.note(f"{battle.scenario_name} ({battle.category}): {battle.text}")
        if not battle.rated:
            session.note(f"Votes in this battle move no ratings: {battle.unrated_reason}")
        played = ballot.answer is None and not ballot.quiet and _play(session, clips)
        if not played and (ballot.answer is None or ballot.save_to is not None):
            for clip in clips:
                session.note(f"  clip {clip.label}, {clip.seconds:.1f} s: {clip.path}")
        answer = ballot.answer or _ask(session, clips, can_play=played)
        return None if answer is None else CastVote(answer, _vote(session, client, battle.battle_id, answer))


def _next_battle(session: CliSession, voter: VoterSession, ballot: Ballot) -> tuple[VoterClient, NextBattleResponse]:
    """Returns the next battle and the client that got it. Waits while none is ready."""
    client, renewed, waiting = voter.client(), False, False
    give_up_at = time.monotonic() + ballot.timeout_seconds
    while True:
        try:
            return client, client.next_battle(ballot.request)
        except CliError as error:
            wait = _retry_seconds(error)
            if error.reason in ("CREDENTIALS_INVALID", "CREDENTIALS_MISSING") and not renewed:
                client.__exit__()
                client, renewed = voter.renewed(), True
                continue
            if error.reason != "NOT_READY" or time.monotonic() + wait > give_up_at:
                client.__exit__()
                raise
            if not waiting:
                session.note("No battle is ready yet. Waiting for one ...")
                waiting = True
            time.sleep(wait)


def _retry_seconds(error: CliError) -> float:
    try:
        return max(float(error.metadata["retry_after_seconds"]), 0.1)
    except (KeyError, ValueError):
        return DEFAULT_RETRY_SECONDS


def _folder(ballot: Ballot) -> AbstractContextManager[str]:
    if ballot.save_to is None:
        return TemporaryDirectory(prefix="arena-battle-")
    try:
        ballot.save_to.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CliError(f"Can't make {ballot.save_to}: {error.strerror}.", ExitCode.USAGE) from None
    return nullcontext(str(ballot.save_to))


def _fetch(client: VoterClient, battle: NextBattleResponse, folder: Path) -> Sequence[Clip]:
    """Fetches both clips before either is heard, and writes them to files."""
    urls = (("A", battle.clip_a_url, battle.clip_a_seconds), ("B", battle.clip_b_url, battle.clip_b_seconds))
    fetched = [(label, client.clip(url), seconds) for label, url, seconds in urls]
    clips = []
    for label, wav, seconds in fetched:
        path = folder / f"{battle.battle_id}-{label.lower()}.wav"
        try:
            path.write_bytes(wav)
        except OSError as error:
            raise CliError(
                f"Can't write {path}: {error.strerror}.", ExitCode.USAGE, hint="Name another folder with --save."
            ) from None
        clips.append(Clip(label, path, seconds))
    return clips


def _play(session: CliSession, clips: Sequence[Clip]) -> bool:
    """Plays the clips one after the other. Returns whether that worked."""
    if speech.installed_player() is None:
        return False
    try:
        for clip in clips:
            session.note(f"  clip {clip.label}, {clip.seconds:.1f} s")
            speech.play(str(clip.path), clip.seconds)
    except CliError as error:
        session.note(f"  {error.message}")
        return False
    return True


def _ask(session: CliSession, clips: Sequence[Clip], *, can_play: bool) -> str | None:
    """Asks until there is an answer, and returns it as the API has it. Returns None if the user gives up."""
    again = f", {AGAIN} (play again)" if can_play else ""
    question = f"Which clip is better? a, b, t (tie), n (neither is good){again} or {QUIT} (quit): "
    while True:
        session.err.print(question, end="", markup=False, highlight=False, soft_wrap=True)
        line = sys.stdin.readline(MAX_ANSWER_CHARACTERS)
        if not line:
            raise CliError(
                "No answer was given, and the battle is kept for you.",
                ExitCode.USAGE,
                hint="Hear the clips with --save FOLDER, then answer with --answer a, b, tie or both_bad.",
            )
        typed = line.strip().lower()
        if typed == QUIT:
            return None
        if typed == AGAIN and can_play:
            _play(session, clips)
        elif typed in ANSWERS:
            return ANSWERS[typed]


def _vote(session: CliSession, client: VoterClient, battle_id: str, answer: str) -> VoteInBattleResponse:
    """Votes, and waits if the server says that the clips cannot have been heard yet."""
    from voicearena.elo.v1.battle_pb2 import Battle

    for _ in range(MAX_EARLY_VOTES):
        try:
            return client.vote(battle_id, Battle.Winner.Value(answer))
        except CliError as error:
            if error.metadata.get("status") not in EARLY:
                raise
            wait = float(error.metadata.get("wait_seconds", REPORT_SECONDS))
            if wait > REPORT_SECONDS:
                session.note(f"A vote is accepted once both clips can have been heard, in {wait:.0f} s.")
            time.sleep(wait)
    return client.vote(battle_id, Battle.Winner.Value(answer))
