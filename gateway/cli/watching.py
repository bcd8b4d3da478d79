"""Following an experiment to its end, over as many connections as that takes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import TYPE_CHECKING

from gateway.cli.errors import CliError, ExitCode

if TYPE_CHECKING:
    from voicearena.experiments.v1.experiment_service_pb2 import WatchExperimentResponse

    from gateway.cli.client import ArenaClient

FIRST_DELAY_SECONDS = 0.5
MAX_DELAY_SECONDS = 8.0
# About half a minute of trying without a single message.
ATTEMPTS_WITHOUT_NEWS = 7


def follow(
    client: ArenaClient,
    experiment_id: str,
    timeout_seconds: float,
    *,
    on_drop: Callable[[float], None] = lambda delay: None,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[WatchExperimentResponse]:
    """Yields the messages of the experiment's stream up to and including the one of kind `end`.

    A stream that breaks is opened again after a delay that doubles up to MAX_DELAY_SECONDS; `on_drop` is told
    it before. Each new stream begins with a message of kind `state`. Raises CliError when that has failed
    ATTEMPTS_WITHOUT_NEWS times in a row, when `timeout_seconds` are over, or at once when it can't get better.
    """
    end_time = clock() + timeout_seconds
    failures = 0
    while True:
        left = end_time - clock()
        if left <= 0:
            raise CliError(
                f"The experiment has not ended within {timeout_seconds:g} s; it goes on.",
                ExitCode.UNAVAILABLE,
                hint=f"Follow it again with `arena experiment watch {experiment_id}`.",
            )
        cause: CliError | None = None
        try:
            with closing(client.watch_experiment(experiment_id, left)) as messages:  # type: ignore[type-var]
                for message in messages:
                    failures = 0
                    yield message
                    if message.kind == message.end:
                        return
        except CliError as error:
            if not error.retryable:
                raise
            cause = error
        failures += 1
        if failures >= ATTEMPTS_WITHOUT_NEWS:
            raise CliError(
                f"Lost sight of the experiment: {cause.message if cause else 'the stream ended early'}",
                ExitCode.UNAVAILABLE,
                hint=f"It goes on without you. Follow it again with `arena experiment watch {experiment_id}`.",
            ) from cause
        delay = min(FIRST_DELAY_SECONDS * 2 ** (failures - 1), MAX_DELAY_SECONDS, max(end_time - clock(), 0.0))
        on_drop(delay)
        sleep(delay)
