"""The tournament of the demo ends in time, with a board that has votes."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from voicearena.elo.v1.leaderboard_pb2 import Leaderboard
from voicearena.elo.v1.leaderboard_service_pb2 import WatchLeaderboardResponse

from gateway.cli.errors import CliError, ExitCode
from gateway.cli.tournament import (
    MAX_FIRST_VOTES_SECONDS,
    MAX_TOURNAMENT_SECONDS,
    TOURNAMENT_VOTES,
    tournament_board,
)

Seen = tuple[float, int | None]
"""When a message arrives, and the votes of its board. None is a heartbeat."""
DROPPED = CliError("The connection broke.", ExitCode.UNAVAILABLE, retryable=True)


class ScriptedBoard:
    """A client whose streams of the leaderboard are scripted, and the clock by which their messages arrive."""

    leaderboard_stub = SimpleNamespace(WatchLeaderboard=None)

    def __init__(self, *streams: list[Seen]) -> None:
        self.now = 0.0
        self.timeouts: list[float] = []
        self._streams = list(streams)

    def clock(self) -> float:
        return self.now

    def stream(self, method: object, request: object, timeout: float) -> Iterator[Any]:
        """Yields the messages of one stream. After the last, the stream breaks."""
        self.timeouts.append(timeout)
        end = self.now + timeout
        for at, votes in self._streams.pop(0) if self._streams else ():
            self.now = at
            board = None if votes is None else Leaderboard(votes=votes)
            yield WatchLeaderboardResponse(leaderboard=board)
        if not self._streams:
            self.now = end
        raise DROPPED


def votes_of(client: ScriptedBoard) -> int:
    return tournament_board(client, client.clock).votes  # type: ignore[arg-type]


def test_it_ends_as_soon_as_there_are_enough_votes() -> None:
    client = ScriptedBoard([(0, 0), (3, 4), (9, TOURNAMENT_VOTES), (12, 99)])
    assert (votes_of(client), client.now) == (TOURNAMENT_VOTES, 9)


def test_a_slow_machine_shows_the_board_that_it_has_reached() -> None:
    client = ScriptedBoard([(0, 0), (5, 3), (MAX_TOURNAMENT_SECONDS + 1, None)])
    assert (votes_of(client), client.now) == (3, MAX_TOURNAMENT_SECONDS + 1)


def test_the_first_votes_are_waited_for_longer() -> None:
    late = MAX_TOURNAMENT_SECONDS + 40
    client = ScriptedBoard([(0, 0), (late, 2)])
    assert (votes_of(client), client.now) == (2, late)


def test_a_broken_stream_is_opened_again() -> None:
    client = ScriptedBoard([(1, 2)], [(4, TOURNAMENT_VOTES)])
    assert votes_of(client) == TOURNAMENT_VOTES
    assert client.timeouts == [MAX_FIRST_VOTES_SECONDS, MAX_TOURNAMENT_SECONDS - 1]


def test_an_arena_without_votes_is_an_error() -> None:
    client = ScriptedBoard([(0, 0)])
    with pytest.raises(CliError, match="No battle was voted in within 120 s"):
        votes_of(client)
    assert client.now == MAX_FIRST_VOTES_SECONDS
