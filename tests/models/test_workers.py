"""The large models in the processes of the service: together as alone, killed in each step, and damaged."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import soundfile
import torch

from services.scoring.backends.backend import BackendSettings, Samples
from services.scoring.backends.choice import Backends
from services.scoring.pipeline.evaluating import Request, evaluate
from services.scoring.pipeline.outcome_json import to_json
from services.scoring.pipeline.step import StepOutcome, StepStatus
from services.scoring.pipeline.work import Options
from services.scoring.workers.job import EvaluationJob
from services.scoring.workers.pool import WorkerPool
from tests.models.conftest import MINILM

REFERENCE = "Hello. Hello. Oh hello, I didn't know you were there."
STEPS = ("alignment", "meaning", "bert_score", "naturalness", "diarization")

NewPool = Callable[[BackendSettings], WorkerPool]


@pytest.fixture
async def new_pool() -> AsyncIterator[NewPool]:
    """Makes pools and closes them at the end."""
    pools: list[WorkerPool] = []

    def make(settings: BackendSettings) -> WorkerPool:
        pools.append(WorkerPool(2, 600.0, settings))
        return pools[-1]

    yield make
    for pool in pools:
        await pool.close()


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory, clips: list[Samples]) -> list[Path]:
    folder = tmp_path_factory.mktemp("recordings")
    for index, clip in enumerate(clips[:2]):
        soundfile.write(folder / f"{index}.wav", clip, 16_000, subtype="PCM_16")
    return sorted(folder.iterdir())


def job(recording: Path, *steps: str) -> EvaluationJob:
    return EvaluationJob(f"evl_{recording.stem}", "dev_a", recording, Options(REFERENCE), steps, (), interactive=True)


def close(value: Any) -> Any:
    """Returns what compares equal to a result whose numbers differ by less than 0.001."""
    if isinstance(value, dict):
        return {key: close(one) for key, one in value.items()}
    if isinstance(value, list):
        return [close(one) for one in value]
    return pytest.approx(value, abs=1e-3) if isinstance(value, float) else value


async def test_recordings_together_have_the_results_of_each_one_alone(
    new_pool: NewPool, settings: BackendSettings, recordings: list[Path]
) -> None:
    pool = new_pool(settings)
    together = await asyncio.gather(*[pool.run(job(path, *STEPS), lambda _: None) for path in recordings])
    backends = Backends(settings)
    for path, found in zip(recordings, together, strict=True):
        alone = evaluate(Request(path, Options(REFERENCE)), backends, lambda _: None)
        for step in STEPS:
            assert found.outcomes[step].status is StepStatus.completed, found.outcomes[step].reason
            assert found.outcomes[step].backend == alone.outcomes[step].backend
            assert to_json(found.result(step)) == close(to_json(alone.result(step)))


@pytest.mark.parametrize("step", ["transcription", "meaning", "naturalness", "diarization"])
async def test_a_model_that_is_killed_in_a_step_is_started_again(
    step: str, new_pool: NewPool, settings: BackendSettings, recordings: list[Path]
) -> None:
    pool = new_pool(settings)
    killed: list[int] = []
    ended: list[str] = []

    def kill_once(outcome: StepOutcome) -> None:
        if outcome.status is not StepStatus.started:
            ended.append(outcome.step)
        elif outcome.step == step and not killed:
            assert pool._models.pid is not None
            killed.append(pool._models.pid)
            os.kill(killed[0], signal.SIGKILL)

    found = await pool.run(job(recordings[0], step), kill_once)
    assert killed
    assert found.outcomes[step].status is StepStatus.completed, found.outcomes[step].reason
    assert len(ended) == len(set(ended))


@pytest.mark.parametrize(
    ("damaged", "skipped"),
    [
        ("whisper/tiny.en.pt", {"transcription": "The weights of Whisper tiny.en in "}),
        (f"{MINILM}/model.safetensors", {"meaning": f"The weights of {MINILM} in ", "bert_score": "The weights of "}),
    ],
)
async def test_damaged_weights_skip_their_steps_and_no_others(
    damaged: str,
    skipped: dict[str, str],
    new_pool: NewPool,
    settings: BackendSettings,
    recordings: list[Path],
    tmp_path: Path,
) -> None:
    assert settings.model_dir is not None
    folder = tmp_path / "models"
    shutil.copytree(settings.model_dir, folder)
    (folder / damaged).write_bytes((folder / damaged).read_bytes()[:1000])
    found = await new_pool(replace(settings, model_dir=folder)).run(
        job(recordings[0], "transcription", "meaning", "bert_score", "naturalness"), lambda _: None
    )
    for step, reason in skipped.items():
        assert found.outcomes[step].status is StepStatus.skipped
        assert found.outcomes[step].reason.startswith(reason)
        assert "cannot be loaded" in found.outcomes[step].reason
    assert found.outcomes["naturalness"].status is StepStatus.completed
    if "transcription" not in skipped:
        assert found.outcomes["transcription"].status is StepStatus.completed


async def test_a_gpu_that_is_not_there_skips_the_large_models_only(
    new_pool: NewPool, settings: BackendSettings, recordings: list[Path]
) -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    found = await new_pool(replace(settings, device="cuda:0")).run(
        job(recordings[0], "transcription", "naturalness", "diarization", "quality", "pitch"), lambda _: None
    )
    for step in ("transcription", "naturalness", "diarization"):
        assert found.outcomes[step].status is StepStatus.skipped
        assert found.outcomes[step].reason.startswith("SCORING_DEVICE is cuda:0, but torch cannot use it")
    for step in ("quality", "pitch"):
        assert found.outcomes[step].status is StepStatus.completed
