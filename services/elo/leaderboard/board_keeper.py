"""Runs the process that publishes boards, so that computing them delays no call.

The process ends when there is nothing to compute, because it takes 60 MB. It is started again for new votes, and when
the boards are due anyway.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Awaitable, Callable, Sequence

import sqlalchemy as sa

from services.elo.tables import BATTLE_VOTES
from services.runtime.db import Database
from services.runtime.statements import Statement

PROCESS = (sys.executable, "-m", "services.elo.leaderboard.board_process")
MAX_SILENT_SECONDS = 180.0
"""A process that reports nothing for so long hangs. The longest step is the first read of all votes."""
END_TIMEOUT_SECONDS = 5.0
NOTHING_TO_DO = 75
"""The exit status of a process that has had nothing to compute for a while."""
POLL_SECONDS = 1.0

_LAST_VOTE = Statement(sa.select(sa.func.coalesce(sa.func.max(BATTLE_VOTES.c.seq), 0).label("seq")))


class BoardProcessEnded(Exception):
    """The process that publishes boards has ended or hangs. It is started again."""


class BoardKeeper:
    """Keeps the process running while there are boards to compute."""

    def __init__(
        self,
        wait_for_work: Callable[[], Awaitable[None]],
        command: Sequence[str] = PROCESS,
        max_silent_seconds: float = MAX_SILENT_SECONDS,
    ) -> None:
        """`wait_for_work` returns when the process is needed."""
        self._wait_for_work = wait_for_work
        self._command = command
        self._max_silent_seconds = max_silent_seconds
        self.pid: int | None = None
        """The id of the process, None while none runs."""

    async def run(self) -> None:
        """Runs the process whenever it is needed, until it is cancelled.

        Raises BoardProcessEnded if the process fails, or hangs and was killed.
        """
        while True:
            await self._wait_for_work()
            if (status := await self._run_once()) != NOTHING_TO_DO:
                raise BoardProcessEnded(f"status {status}")

    async def _run_once(self) -> int | None:
        """Runs the process and returns its exit status. Kills it when cancelled."""
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
        return process.returncode


class NewVotes:
    """Waits for votes that were cast since the last call, and at most for an interval."""

    def __init__(self, database: Database, interval_seconds: float) -> None:
        self._database = database
        self._interval_seconds = interval_seconds
        self._seen: int | None = None

    async def wait(self) -> None:
        """Returns when there is a new vote, or when the interval has passed and there are votes at all."""
        began = time.monotonic()
        while True:
            async with self._database.reading() as connection:
                last = (await _LAST_VOTE.execute(connection)).one().seq
            # The process has seen all votes that were there when it began to wait for more.
            if last != (self._seen or 0) or (last and time.monotonic() - began > self._interval_seconds):
                self._seen = last
                return
            await asyncio.sleep(POLL_SECONDS)
