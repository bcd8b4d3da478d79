"""A service without RPCs, which runs as a process and reports on stdout what happens to it.

`python -m tests.contract.runtime.probe_service FOLDER`: its resources respond while there is a file `responds` in the
folder, and its background work fails once for a file named `fails`.
"""

import asyncio
import sys
from pathlib import Path

from services.runtime import background, event_loop, server
from services.runtime.backoff import Backoff
from services.runtime.server import Service
from services.runtime.settings import AudioSettings, DatabaseSettings, ServiceSettings, load_settings

FOLDER = Path(sys.argv[1])


def report(what: str) -> None:
    sys.stdout.write(what + "\n")
    sys.stdout.flush()


class Resource:
    """A resource that is open while the service runs."""

    def __init__(self, name: str) -> None:
        self._name = name

    @classmethod
    async def open(cls, name: str) -> "Resource":
        report(f"open {name}")
        return cls(name)

    async def ping(self) -> None:
        if not (FOLDER / "responds").exists():
            raise ConnectionRefusedError(f"{self._name} does not answer")

    async def close(self) -> None:
        report(f"close {self._name}")


class Source(Resource):
    """A resource that takes work in."""

    async def drain(self, seconds: float) -> None:
        report(f"drain {self._name} for {seconds:g} s")


class Spare(Resource):
    """A resource that never responds."""

    async def ping(self) -> None:
        raise ConnectionRefusedError(f"{self._name} does not answer")


async def work() -> None:
    report("work starts")
    if (FOLDER / "fails").exists():
        (FOLDER / "fails").unlink()
        raise ZeroDivisionError
    try:
        await asyncio.Event().wait()
    finally:
        report("work ends")


class ProbeSettings(ServiceSettings, DatabaseSettings, AudioSettings):
    """The settings of the probe."""


async def main() -> None:
    server.CHECK_INTERVAL_SECONDS = 0.05
    background.RESTARTS = Backoff(0.01, 10.0)
    async with Service("probe", load_settings(ProbeSettings)) as service:
        await service.enter("first", Resource.open("first"))
        await service.enter("second", Source.open("second"))
        await service.enter("third", Resource("third"))
        await service.enter("spare", Spare("spare"), needed=False)
        service.background("work", work)
        await service.run()
    report("stopped")


if __name__ == "__main__":
    event_loop.run(main())
