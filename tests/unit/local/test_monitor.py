"""The monitor of a running mesh."""

import asyncio
from contextlib import suppress
from pathlib import Path

import pytest

from deploy.local.data_dir import DataDir
from deploy.local.monitor import Monitor


class LosingCancellations(Monitor):
    """A monitor whose check loses the first cancellation, as `asyncio.wait_for` does now and then."""

    checking: asyncio.Event

    async def _check_disk(self) -> bool:
        if not self.checking.is_set():
            self.checking.set()
            with suppress(asyncio.CancelledError):
                await asyncio.Event().wait()
        return True


async def test_a_monitor_ends_although_a_check_loses_its_cancellation(tmp_path: Path) -> None:
    data_dir = DataDir(tmp_path)
    monitor = LosingCancellations(data_dir, {}, None, print)
    monitor.checking = asyncio.Event()
    running = asyncio.create_task(monitor.run())
    await monitor.checking.wait()
    running.cancel()
    _, left = await asyncio.wait([running], timeout=10)
    data_dir.release()
    assert not left
    with pytest.raises(asyncio.CancelledError):
        await running
