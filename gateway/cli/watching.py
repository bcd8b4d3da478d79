"""Follows an experiment or an evaluation to its end, and connects again when the connection drops."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from gateway.cli.errors import CliError, ExitCode

if TYPE_CHECKING:
    from voicearena.experiments.v1.experiment_service_pb2 import WatchExperimentResponse
    from voicearena.scoring.v1.evaluation_service_pb2 import WatchEvaluationResponse

    from gateway.cli.client import ArenaClient

FIRST_DELAY_SECONDS = 0.5
MAX_DELAY_SECONDS = 8.0
# With the delays this is about half a minute without a message.
MAX_FAILED_ATTEMPTS = 7


class Watched(Protocol):
    """A message of a stream, whose kind is `end` in the last one."""

    kind: Any
    end: Any


M = TypeVar("M", bound=Watched)


def follow(
    client: ArenaClient,
    experiment_id: str,
    timeout_seconds: float,
    *,
    on_drop: Callable[[float], None] = lambda delay: None,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[WatchExperimentResponse]:
    """Yields the messages of the experiment's stream up to and including the message of kind `end`. See `_follow`."""
    yield from _follow(
        lambda left: client.watch_experiment(experiment_id, left),
        "experiment",
        f"Watch it again with `arena experiment watch {experiment_id}`.",
        timeout_seconds,
        on_drop,
        sleep,
        clock,
    )


def follow_evaluation(
    client: ArenaClient,
    evaluation_id: str,
    timeout_seconds: float,
    *,
    on_drop: Callable[[float], None] = lambda delay: None,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[WatchEvaluationResponse]:
    """Yields the messages of the evaluation's stream up to and including the message of kind `end`. See `_follow`."""
    yield from _follow(
        lambda left: client.watch_evaluation(evaluation_id, left),
        "evaluation",
        f"Read it later at /api/v1/evaluations/{evaluation_id}.",
        timeout_seconds,
        on_drop,
        sleep,
        clock,
    )


def _follow(
    open_stream: Callable[[float], Iterator[M]],
    name: str,
    hint: str,
    timeout_seconds: float,
    on_drop: Callable[[float], None],
    sleep: Callable[[float], None],
    clock: Callable[[], float],
) -> Iterator[M]:
    """Yields the messages of a stream. `open_stream` takes the number of seconds that are left.

    Opens a broken stream again after a delay, which doubles up to MAX_DELAY_SECONDS. Calls `on_drop` with the delay
    first. Each new stream begins with a message of kind `state`. Raises CliError after MAX_FAILED_ATTEMPTS failures in
    a row, after `timeout_seconds`, or at once if the error is not retryable.
    """
    end_time = clock() + timeout_seconds
    failures = 0
    while True:
        left = end_time - clock()
        if left <= 0:
            raise CliError(
                f"The {name} did not end within {timeout_seconds:g} s. It goes on.", ExitCode.UNAVAILABLE, hint=hint
            )
        cause: CliError | None = None
        try:
            with closing(open_stream(left)) as messages:  # type: ignore[type-var]
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
        if failures >= MAX_FAILED_ATTEMPTS:
            raise CliError(
                f"The {name} can't be watched: {cause.message if cause else 'the stream ended early'}",
                ExitCode.UNAVAILABLE,
                hint=f"The {name} goes on. {hint}",
            ) from cause
        delay = min(FIRST_DELAY_SECONDS * 2 ** (failures - 1), MAX_DELAY_SECONDS, max(end_time - clock(), 0.0))
        on_drop(delay)
        sleep(delay)
