"""Makes libraries use one thread, which can be told only by environment variables."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def loading_with(**variables: str) -> Iterator[None]:
    """Sets environment variables while a library loads.

    Libraries for such small models lose most of their time when threads wait for each other: measured on two cores,
    Silero needed ten times the processor time, and Moonshine twice, also on a machine with nothing else to do.
    """
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
