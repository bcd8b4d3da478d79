"""The models of the size `listening`, with their real weights, in real processes."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from services.scoring.backends.backend import BackendSettings, missing_package
from services.scoring.backends.choice import Backends
from services.scoring.pipeline.evaluating import Request, evaluate
from services.scoring.pipeline.outcome_json import to_json
from services.scoring.pipeline.step import RecordingEvaluation, StepOutcome, StepStatus
from services.scoring.pipeline.work import Options
from services.scoring.workers.job import EvaluationJob
from services.scoring.workers.pool import WorkerPool
from tests.fakes.spoken import speak

pytestmark = pytest.mark.skipif(bool(missing_package("moonshine-voice")), reason=missing_package("moonshine-voice"))

TEXTS = (
    "Your order of twelve books will arrive on Monday.",
    "Please call me back tomorrow morning, thank you very much.",
)
TOLERANCE = 1e-3
SMALL = BackendSettings(model_dir=Path("/nonexistent"), offline=True)
"""Whisper and the other large models have no weights, also where they are installed."""


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("spoken")
    return [speak(text, folder / f"{index}.wav") for index, text in enumerate(TEXTS)]


@pytest.fixture
async def pool() -> AsyncIterator[WorkerPool]:
    pool = WorkerPool(2, 600.0, SMALL)
    yield pool
    await pool.close()


def job(recording: Path, reference: str = "", steps: tuple[str, ...] = ()) -> EvaluationJob:
    return EvaluationJob(f"evl_{recording.stem}", "dev_a", recording, Options(reference), steps, (), interactive=True)


def values(found: RecordingEvaluation) -> dict[str, Any]:
    """Returns all values of all results, by their path."""
    return dict(flat("", {name: to_json(one.result) for name, one in found.outcomes.items()}))


def flat(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if parts is None:
        yield path, value
    else:
        for key, one in parts:
            yield from flat(f"{path}.{key}", one)


async def test_recordings_together_have_the_results_of_each_one_alone(pool: WorkerPool, recordings: list[Path]) -> None:
    together = await asyncio.gather(
        *[pool.run(job(path, text), lambda _: None) for path, text in zip(recordings, TEXTS, strict=True)]
    )
    backends = Backends(SMALL)
    for path, text, found in zip(recordings, TEXTS, together, strict=True):
        alone = evaluate(Request(path, Options(text)), backends, lambda _: None)
        assert {name: one.status for name, one in found.outcomes.items()} == {
            name: one.status for name, one in alone.outcomes.items()
        }
        assert {name: one.backend for name, one in found.outcomes.items()} == {
            name: one.backend for name, one in alone.outcomes.items()
        }
        expected = values(alone)
        assert values(found) == {
            key: pytest.approx(value, abs=TOLERANCE) if isinstance(value, float) else value
            for key, value in expected.items()
        }
        assert len(expected) > 100


async def test_a_worker_that_is_killed_while_it_waits_for_a_model_is_replaced(
    pool: WorkerPool, recordings: list[Path]
) -> None:
    ended: list[str] = []
    killed: list[int] = []

    def kill_once(outcome: StepOutcome) -> None:
        if outcome.status is not StepStatus.started:
            ended.append(outcome.step)
        elif outcome.step == "transcription" and not killed:
            (worker,) = [one.pid for one in psutil.Process().children() if "evaluation_worker" in one.cmdline()[2]]
            killed.append(worker)
            os.kill(worker, signal.SIGKILL)

    found = await pool.run(job(recordings[0], steps=("word_errors", "pitch")), kill_once)
    assert len(ended) == len(set(ended)) == 6
    assert "order" in found.result("transcription").text
