"""`python -m tests.e2e.cli.demo_mesh FIFO`: stands in for the runner of the mesh on the port API_PORT.

It writes its process id to FIFO, unless FIFO is `-`. With DEMO_MESH_DOWN=1 it never becomes healthy.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from voicearena.elo.v1.leaderboard_pb2 import Leaderboard
from voicearena.elo.v1.leaderboard_service_pb2 import WatchLeaderboardResponse
from voicearena.experiments.v1.experiment_pb2 import Experiment, Trial
from voicearena.experiments.v1.results_pb2 import Results
from voicearena.tts.v1.tts_pb2 import Voice

from gateway.cli.demo_plan import VOICES
from gateway.cli.tournament import TOURNAMENT_VOTES
from tests.unit.cli.stand_in import EXPERIMENT_ID, StandIn, WatchResponse, serve


class DemoMesh(StandIn):
    """A mesh whose metrics have voted in every battle of the tournament."""

    async def WatchLeaderboard(self, request: Any, context: Any) -> AsyncIterator[Any]:  # noqa: N802 - an RPC
        board = Leaderboard(board=Leaderboard.hybrid, votes=TOURNAMENT_VOTES, battles=TOURNAMENT_VOTES)
        board.rows.add(model_id="mdl_1", name="Croak", rating=1600, rating_low=1400, rating_high=1800)
        yield WatchLeaderboardResponse(leaderboard=board)


def scripted() -> StandIn:
    """Returns a mesh in which one experiment completes."""
    mesh = DemoMesh()
    mesh.voices = [Voice(provider="espeak", voice_id=voice.voice_id) for voice in VOICES]
    first = VOICES[0].voice_id
    mesh.trials = [Trial(id="trl_1", provider="espeak", voice_id=first, status=Trial.completed)]
    mesh.trials[0].audio_url = "http://localhost/api/v1/audio/trl_1.wav?signature=x"
    high, best = Results.high, f"espeak:{first}"
    mesh.results = Results(winner=best, leader=best, confidence=high, gap_level=high, evidence_level=high)
    done = Experiment(
        id=EXPERIMENT_ID, status=Experiment.completed, prompts=["Hello."], total_trials=1, completed_trials=1
    )
    done.models.add(provider="espeak", voice_id=first)
    mesh.streams = [
        [
            WatchResponse(kind=WatchResponse.state, experiment=done),
            WatchResponse(kind=WatchResponse.end, experiment=done),
        ]
    ]
    mesh.down = "tts" if os.environ.get("DEMO_MESH_DOWN") == "1" else None
    return mesh


async def run(fifo: str) -> None:
    """Serves until SIGTERM."""
    stop_requested = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop_requested.set)
    server, _ = await serve(scripted(), int(os.environ["API_PORT"]))
    if fifo != "-":
        await asyncio.to_thread(Path(fifo).write_text, str(os.getpid()))
    await stop_requested.wait()
    await server.stop(None)


if __name__ == "__main__":
    asyncio.run(run(sys.argv[1]))
