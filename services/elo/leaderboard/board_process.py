"""A process that publishes boards: `python -m services.elo.leaderboard.board_process`.

It has the settings of the elo service in its environment. It prints a line whenever it is alive. It ends when it had
nothing to compute for a while, and when its standard input ends, so it never outlives the service.
"""

from services.runtime import without_terminal  # noqa: F401

# isort: split
import os
import signal
import sys
from datetime import timedelta
from threading import Thread

import sqlalchemy as sa

from services.elo.leaderboard.board_keeper import NOTHING_TO_DO
from services.elo.leaderboard.publishing import TRY_LOCK, Publishing
from services.elo.leaderboard.store import BoardStore
from services.elo.settings import EloSettings
from services.runtime import event_loop, telemetry
from services.runtime.db import Database
from services.runtime.event_loop import Stopwatch
from services.runtime.periodic import periodic
from services.runtime.settings import load_settings

POLL_SECONDS = 2.0
LOCK_POLL_SECONDS = 5.0
MAX_IDLE_SECONDS = 15.0
POOL_SIZE = 2
# Calls come first where processors are few. Nobody notices a board that comes a second later.
NICENESS = 10


async def main() -> None:
    """Publishes boards until there is nothing to do. Only the process with the lock does anything."""
    os.nice(NICENESS)
    settings = load_settings(EloSettings)
    telemetry.start_logging("elo", settings.log_level)
    # A terminal interrupts all processes of a service. The parent decides when this one ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_end_with_parent, daemon=True).start()
    url = settings.database_url.get_secret_value()
    database = await Database.connect(url, "elo", pool_size=POOL_SIZE)
    idle = Stopwatch()
    await periodic(lambda: _publish(database, settings, idle), LOCK_POLL_SECONDS, until=lambda: _is_idle(idle))
    await database.close()
    # At once: the thread that reads the standard input never ends.
    os._exit(NOTHING_TO_DO)


def _is_idle(since: Stopwatch) -> bool:
    return since.seconds() > MAX_IDLE_SECONDS


async def _publish(database: Database, settings: EloSettings, idle: Stopwatch) -> None:
    """Publishes boards while this process has the lock and something to do. Returns if another process has it."""
    _alive()
    async with database.reading() as connection:
        try:
            if not (await connection.execute(TRY_LOCK)).scalar_one():
                return
            interval = timedelta(seconds=settings.board_interval_seconds)
            publishing = Publishing(database, BoardStore(), settings.live_elo, interval, _alive)

            async def once() -> None:
                # Fails if the connection was lost, and the lock with it.
                await connection.execute(sa.text("SELECT 1"))
                if await publishing.round() or publishing.waiting:
                    idle.restart()

            await periodic(once, POLL_SECONDS, outages=(), until=lambda: _is_idle(idle))
        finally:
            # Back in the pool it would keep the lock.
            await connection.invalidate()


def _alive() -> None:
    os.write(sys.stdout.fileno(), b"\n")


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    # At once, whatever the event loop does.
    os._exit(0)


if __name__ == "__main__":
    event_loop.run(main())
