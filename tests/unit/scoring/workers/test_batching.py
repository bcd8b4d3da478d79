from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import CancelledError, Future
from dataclasses import replace
from threading import Event
from typing import Any

import numpy as np
import pytest

from services.scoring.backends.backend import (
    BackendMissing,
    BackendSettings,
    ModelCapabilities,
    QualityScores,
    Samples,
    Transcript,
    is_out_of_memory,
)
from services.scoring.backends.choice import Backends
from services.scoring.workers.batching import Call, ModelQueues
from services.scoring.workers.fair_queue import AGED_AFTER_SECONDS
from services.scoring.workers.model_calls import DESCRIBE

TIMEOUT_SECONDS = 10.0


class FakeModel:
    """Transcribes samples as their first value, in batches, and scores them. Negative values are errors."""

    name = "fake"
    backend = "fake/1"
    capabilities = ModelCapabilities(licence="none", languages=frozenset({"en"}), max_batch=4, window_seconds=30.0)
    frame_seconds = 0.016

    def __init__(self, settings: BackendSettings) -> None:
        self.batches: list[list[float]] = []
        self.max_items = 100
        self.running = Event()
        self.go_on = Event()
        self.go_on.set()

    def transcribe(self, recordings: Sequence[Samples], language: str | None) -> list[Transcript]:
        values = [float(one[0]) for one in recordings]
        self.batches.append(values)
        self.running.set()
        self.go_on.wait(TIMEOUT_SECONDS)
        if len(values) > self.max_items:
            raise MemoryError
        if min(values) < 0:
            raise ValueError("a bad recording")
        return [Transcript(str(value), language or "?", ()) for value in values]

    def score(self, samples: Samples) -> QualityScores:
        value = float(samples[0])
        self.batches.append([value])
        self.running.set()
        self.go_on.wait(TIMEOUT_SECONDS)
        return QualityScores(value, 0.0, 0.0, 0.0)


class FakeBackends(Backends):
    """One model for all names."""

    def __init__(self) -> None:
        super().__init__()
        self.model = FakeModel(BackendSettings())

    def named(self, name: str) -> Any:
        return FakeModel

    def load(self, chosen: Any) -> Any:
        return self.model

    def capabilities(self, name: str) -> ModelCapabilities:
        return self.model.capabilities


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def call(
    value: float,
    *,
    seconds: float = 1.0,
    language: str = "en",
    developer_id: str = "d1",
    interactive: bool = True,
    alone: bool = False,
    wanted: bool = True,
) -> Call:
    return Call(
        model="transcriber",
        method="transcribe",
        arguments=[[np.full(round(seconds * 16_000), value, np.float32)], language],
        developer_id=developer_id,
        interactive=interactive,
        alone=alone,
        begin=lambda: wanted,
    )


def score(value: float, *, interactive: bool = True) -> Call:
    return Call(
        model="scorer",
        method="score",
        arguments=[np.full(10, value, np.float32)],
        developer_id="d1",
        interactive=interactive,
        alone=False,
        begin=lambda: True,
    )


def run(queues: ModelQueues, *calls: Call) -> list[str]:
    """Adds calls before the threads start, and returns their texts."""
    for one in calls:
        queues.submit(one)
    queues.start()
    return [one.result.result(TIMEOUT_SECONDS)[0].text for one in calls]


def test_calls_of_several_recordings_share_a_batch_and_get_their_own_results() -> None:
    backends = FakeBackends()
    assert run(ModelQueues(backends), *[call(value, developer_id=f"d{value}") for value in (1, 2, 3)]) == [
        "1.0",
        "2.0",
        "3.0",
    ]
    assert backends.model.batches == [[1.0, 2.0, 3.0]]


def test_a_full_batch_starts_at_once_and_another_one_when_its_oldest_call_has_waited() -> None:
    backends, clock = FakeBackends(), Clock()
    queues = ModelQueues(backends, clock=clock)
    calls = [call(value) for value in range(1, 6)]
    for one in calls:
        queues.submit(one)
    queues.start()
    calls[3].result.result(TIMEOUT_SECONDS)
    assert not calls[4].result.done()
    clock.now += 0.03
    assert calls[4].result.result(TIMEOUT_SECONDS)[0].text == "5.0"
    assert backends.model.batches == [[1.0, 2.0, 3.0, 4.0], [5.0]]


def test_long_recordings_take_a_place_for_each_window() -> None:
    backends = FakeBackends()
    run(ModelQueues(backends), call(1, seconds=61), call(2, seconds=29), call(3))
    assert backends.model.batches == [[1.0, 2.0], [3.0]]


def test_calls_in_different_languages_do_not_share_a_batch() -> None:
    backends = FakeBackends()
    run(ModelQueues(backends), call(1), call(2, language="de"), call(3))
    assert backends.model.batches == [[1.0, 3.0], [2.0]]


def test_an_interactive_call_waits_for_at_most_one_batch_of_a_thousand_bulk_calls() -> None:
    backends, clock = FakeBackends(), Clock()
    queues = ModelQueues(backends, clock=clock)
    for value in range(1000):
        queues.submit(call(value, interactive=False))
    clock.now += AGED_AFTER_SECONDS + 1
    backends.model.go_on.clear()
    queues.start()
    backends.model.running.wait(TIMEOUT_SECONDS)
    urgent = call(5000)
    queues.submit(urgent)
    backends.model.go_on.set()
    urgent.result.result(TIMEOUT_SECONDS)
    assert [5000.0 in batch for batch in backends.model.batches[:2]] == [False, True]


def test_interactive_calls_of_another_model_go_first_but_not_for_ever() -> None:
    backends, clock = FakeBackends(), Clock()
    queues = ModelQueues(backends, clock=clock)
    bulk = call(1, interactive=False)
    queues.submit(bulk)
    clock.now += AGED_AFTER_SECONDS
    for value in range(10, 15):
        queues.submit(score(value))
    queues.start()
    bulk.result.result(TIMEOUT_SECONDS)
    assert backends.model.batches[:4] == [[10.0], [11.0], [12.0], [1.0]]


def test_one_bad_recording_fails_alone() -> None:
    backends = FakeBackends()
    queues = ModelQueues(backends)
    calls = [call(1), call(-2), call(3)]
    for one in calls:
        queues.submit(one)
    queues.start()
    assert [isinstance(one.result.exception(TIMEOUT_SECONDS), ValueError) for one in calls] == [False, True, False]


def test_a_batch_that_needs_too_much_memory_is_repeated_in_halves() -> None:
    backends = FakeBackends()
    backends.model.max_items = 2
    queues = ModelQueues(backends)
    assert run(queues, *map(call, (1, 2, 3, 4))) == ["1.0", "2.0", "3.0", "4.0"]
    assert backends.model.batches == [[1.0, 2.0, 3.0, 4.0], [1.0, 2.0], [3.0, 4.0]]
    assert run(queues, *map(call, (5, 6))) == ["5.0", "6.0"]


def test_recordings_that_still_need_too_much_memory_fail() -> None:
    backends = FakeBackends()
    backends.model.max_items = 0
    queues = ModelQueues(backends)
    calls = [call(1), call(2)]
    for one in calls:
        queues.submit(one)
    queues.start()
    assert all(isinstance(one.result.exception(TIMEOUT_SECONDS), MemoryError) for one in calls)


def test_a_single_recording_that_needs_too_much_memory_is_repeated_with_smaller_batches() -> None:
    class Windows(FakeModel):
        """It makes batches of the windows of one recording."""

        def transcribe(self, recordings: Sequence[Samples], language: str | None) -> list[Transcript]:
            self.batches.append([float(self.capabilities.max_batch)])
            if self.capabilities.max_batch > self.max_items:
                raise MemoryError
            return super().transcribe(recordings, language)

    backends = FakeBackends()
    backends.model = Windows(BackendSettings())
    backends.model.max_items = 2
    assert run(ModelQueues(backends), call(1, seconds=120)) == ["1.0"]
    assert backends.model.batches == [[4.0], [2.0], [1.0]]


def test_while_a_model_is_loaded_others_answer() -> None:
    class Loading(FakeBackends):
        began, go_on = Event(), Event()

        def load(self, chosen: Any) -> Any:
            if not self.began.is_set():
                self.began.set()
                assert self.go_on.wait(TIMEOUT_SECONDS)
            return self.model

    backends = Loading()
    queues = ModelQueues(backends)
    described = replace(score(1), method=DESCRIBE, result=Future())
    queues.submit(described)
    assert backends.began.wait(TIMEOUT_SECONDS)
    assert run(queues, call(2)) == ["2.0"]
    assert not described.result.done()
    backends.go_on.set()
    assert described.result.result(TIMEOUT_SECONDS)["max_batch"] == 4


@pytest.mark.parametrize(("seconds", "places"), [(0.0, 1), (10.0, 1), (10.1, 2), (11.0, 2), (40.0, 31)])
def test_a_recording_takes_a_place_for_each_window_of_the_model(seconds: float, places: int) -> None:
    capabilities = ModelCapabilities(licence="none", window_seconds=10.0, hop_seconds=1.0)
    assert capabilities.places(np.zeros(round(seconds * 16_000), np.float32)) == places


def test_the_out_of_memory_error_of_torch_counts_as_one() -> None:
    assert is_out_of_memory(type("OutOfMemoryError", (RuntimeError,), {})())
    assert not is_out_of_memory(RuntimeError())


def test_a_call_that_must_run_alone_shares_no_batch_and_no_time() -> None:
    backends = FakeBackends()
    queues = ModelQueues(backends, threads=2)
    backends.model.go_on.clear()
    first, alone = score(1), call(2, alone=True)
    queues.submit(first)
    queues.start()
    backends.model.running.wait(TIMEOUT_SECONDS)
    queues.submit(alone)
    queues.submit(call(3))
    backends.model.go_on.set()
    alone.result.result(TIMEOUT_SECONDS)
    assert backends.model.batches[:2] == [[1.0], [2.0]]


def test_a_call_that_nobody_waits_for_does_not_run() -> None:
    backends = FakeBackends()
    queues = ModelQueues(backends)
    gone = call(1, wanted=False)
    queues.submit(gone)
    assert run(queues, call(2)) == ["2.0"]
    assert backends.model.batches == [[2.0]]
    with pytest.raises(CancelledError):
        gone.result.result(TIMEOUT_SECONDS)


def test_a_missing_model_fails_its_calls_with_the_reason() -> None:
    class NoBackends(FakeBackends):
        def load(self, chosen: Any) -> Any:
            raise BackendMissing("The package moonshine-voice is not installed.")

    queues = ModelQueues(NoBackends())
    missing = call(1)
    queues.submit(missing)
    queues.start()
    assert str(missing.result.exception(TIMEOUT_SECONDS)) == "The package moonshine-voice is not installed."
