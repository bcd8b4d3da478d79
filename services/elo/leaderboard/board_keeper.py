"""Runs the process that publishes boards, so that computing them delays no call."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence

PROCESS = (sys.executable, "-m", "services.elo.leaderboard.board_process")
MAX_SILENT_SECONDS = 180.0
"""A process that reports nothing for so long hangs. The longest step is the first read of all votes."""
END_TIMEOUT_SECONDS = 5.0


class BoardProcessEnded(Exception):
    """The process that publishes boards has ended or hangs. It is started again."""


class BoardKeeper:
    """Keeps the process running."""

    def __init__(self, command: Sequence[str] = PROCESS, max_silent_seconds: float = MAX_SILENT_SECONDS) -> None:
        self._command = command
        self._max_silent_seconds = max_silent_seconds
        self.pid: int | None = None
        """The id of the process, None while none runs."""

    async def run(self) -> None:
        """Runs the process. Kills it when cancelled. Raises BoardProcessEnded if it ends, or hangs and was killed."""
        process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            # Two threads make the matrices of a board no faster.
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        )
        self.pid = process.pid
        assert process.stdout is not None
        ended = False
        try:
            while not ended:
                async with asyncio.timeout(self._max_silent_seconds):
                    ended = not await process.stdout.readline()
        except TimeoutError:
            raise BoardProcessEnded(f"it reported nothing for {self._max_silent_seconds:g} s") from None
        finally:
            self.pid = None
            # asyncio loses the exit status of a process that is killed while it ends.
            if not ended:
                process.kill()
            async with asyncio.timeout(END_TIMEOUT_SECONDS):
                await process.wait()
        raise BoardProcessEnded(f"status {process.returncode}")
