"""Watching an experiment over connections that drop."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import pytest
from voicearena.experiments.v1.experiment_service_pb2 import WatchExperimentResponse as WatchResponse

from gateway.cli.client import ArenaClient
from gateway.cli.errors import CliError, ExitCode
from gateway.cli.watching import follow

STATE, PROGRESS, END = (
    WatchResponse(kind=kind) for kind in (WatchResponse.state, WatchResponse.progress, WatchResponse.end)
)
DROP = CliError("The connection broke.", ExitCode.UNAVAILABLE, retryable=True)


def dropping(times: int, *before: WatchResponse) -> list[list[WatchResponse | CliError]]:
    """Returns streams that break after these messages."""
    return [[*before, DROP] for _ in range(times)]


class Streams:
    """A client with given streams. Each has messages, and can end with the error that breaks it."""

    def __init__(self, *streams: list[WatchResponse | CliError]) -> None:
        self._streams = list(streams)
        self.now = 0.0
        self.slept: list[float] = []
        self.timeouts: list[float] = []

    def watch_experiment(self, experiment_id: str, timeout: float) -> Iterator[WatchResponse]:
        self.timeouts.append(timeout)
        for item in self._streams.pop(0):
            if isinstance(item, CliError):
                raise item
            yield item

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def follow(self, timeout_seconds: float = 1000.0) -> Iterator[WatchResponse]:
        client = cast(ArenaClient, self)
        return follow(client, "exp_1", timeout_seconds, sleep=self.sleep, clock=lambda: self.now)


def test_a_stream_is_followed_to_its_end() -> None:
    streams = Streams([STATE, PROGRESS, END])
    assert list(streams.follow()) == [STATE, PROGRESS, END]
    assert streams.slept == []


def test_a_dropped_stream_is_opened_again() -> None:
    streams = Streams([STATE, DROP], [STATE, PROGRESS], [STATE, END])
    assert list(streams.follow()) == [STATE, STATE, PROGRESS, STATE, END]
    assert streams.slept == [0.5, 0.5]


def test_the_delay_doubles_until_the_watch_gives_up() -> None:
    streams = Streams([STATE, DROP], *dropping(6))
    with pytest.raises(CliError) as caught:
        list(streams.follow())
    assert streams.slept == [0.5, 1.0, 2.0, 4.0, 8.0, 8.0]
    assert caught.value.lines() == [
        "arena: The experiment can't be watched: The connection broke.",
        "The experiment goes on. Watch it again with `arena experiment watch exp_1`.",
    ]
    assert caught.value.exit_code == ExitCode.UNAVAILABLE


def test_an_error_that_is_not_retryable_ends_the_watch() -> None:
    streams = Streams([CliError("There is no experiment exp_1.", ExitCode.NOT_FOUND)])
    with pytest.raises(CliError, match="no experiment"):
        list(streams.follow())
    assert streams.slept == []


def test_the_watch_ends_at_its_timeout() -> None:
    streams = Streams(*dropping(3, STATE))
    with pytest.raises(CliError, match=r"did not end within 1\.2 s\. It goes on") as caught:
        list(streams.follow(timeout_seconds=1.2))
    assert streams.timeouts == pytest.approx([1.2, 0.7, 0.2])
    assert streams.slept == pytest.approx([0.5, 0.5, 0.2])
    assert caught.value.exit_code == ExitCode.UNAVAILABLE
