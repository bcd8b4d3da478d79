"""The end of the demo: a small tournament. The local voices meet in battles by themselves, and the metrics vote."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from gateway.cli.errors import CliError, ExitCode

if TYPE_CHECKING:
    from voicearena.elo.v1.leaderboard_pb2 import Leaderboard

    from gateway.cli.client import ArenaClient

TOURNAMENT_SETTINGS = {"BATTLE_POOL": "1"}
"""The settings of the mesh of the demo: one battle for each category. With more, the experiment would take longer."""
TOURNAMENT_VOTES = 8
"""One for each category of the scenarios that come with the installation."""
MAX_TOURNAMENT_SECONDS = 25.0
MAX_FIRST_VOTES_SECONDS = 120.0
"""The time within which a fresh mesh must have a leaderboard with rows."""
RECONNECT_SECONDS = 0.2


def tournament_board(client: ArenaClient, clock: Callable[[], float] = time.monotonic) -> Leaderboard:
    """Watches the leaderboard until it has TOURNAMENT_VOTES, or for MAX_TOURNAMENT_SECONDS, and returns it.

    Raises CliError if it still has no votes after MAX_FIRST_VOTES_SECONDS.
    """
    from voicearena.elo.v1.leaderboard_pb2 import Leaderboard
    from voicearena.elo.v1.leaderboard_service_pb2 import WatchLeaderboardRequest

    start, board = clock(), Leaderboard()
    while True:
        limit = MAX_TOURNAMENT_SECONDS if board.votes else MAX_FIRST_VOTES_SECONDS
        left = start + limit - clock()
        if left <= 0:
            break
        try:
            for seen in client.stream(client.leaderboard_stub.WatchLeaderboard, WatchLeaderboardRequest(), left):
                if seen.HasField("leaderboard"):
                    board = seen.leaderboard
                if board.votes >= TOURNAMENT_VOTES or (board.votes and clock() - start > MAX_TOURNAMENT_SECONDS):
                    return board
        except CliError as error:
            if not error.retryable:
                raise
            time.sleep(RECONNECT_SECONDS)
    if not board.votes:
        raise CliError(
            f"No battle was voted in within {MAX_FIRST_VOTES_SECONDS:.0f} s.",
            ExitCode.UNAVAILABLE,
            hint="The logs of elo, tts and scoring say why.",
        )
    return board
