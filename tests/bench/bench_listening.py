"""Measures how many times faster than real time one core evaluates recordings, with all steps of the size `listening`.

The time is that of the processor, in all processes that evaluate, so other work on the machine changes it little.
Moonshine alone transcribes the same recordings in the same run.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from pathlib import Path

import psutil

from services.scoring.backends.choice import TRANSCRIPTION, Backends
from services.scoring.pipeline.decoding import decoded
from services.scoring.pipeline.step import RecordingEvaluation
from services.scoring.pipeline.steps import STEPS
from services.scoring.pipeline.work import Options
from services.scoring.workers.job import EvaluationJob
from services.scoring.workers.pool import WorkerPool
from tests.bench.result import BenchResult
from tests.fakes.spoken import speak

SENTENCES = (
    "Please call me back tomorrow morning at half past nine.",
    "Your order of twelve books will arrive on Monday.",
    "Thank you very much for your help.",
    "The train to the airport leaves from platform four in ten minutes.",
)
RECORDINGS = (SENTENCES[:2], SENTENCES[:3], SENTENCES, SENTENCES * 3)
"""About 6, 8, 12 and 36 s."""
ROUNDS = 3
TARGET = 5.0
TARGET_SHARE = 0.25
WITH_LISTENING = {
    "speech_activity",
    "transcription",
    "alignment",
    "word_errors",
    "pitch",
    "rhythm",
    "prosody",
    "quality",
}
IDLE_SECONDS = 600.0


async def run() -> list[BenchResult]:
    """Evaluates each recording a few times after a warm-up, and returns the medians."""
    allowed = os.sched_getaffinity(0)
    with tempfile.TemporaryDirectory() as folder:
        texts = [" ".join(sentences) for sentences in RECORDINGS]
        paths = [speak(text, Path(folder) / f"{index}.wav") for index, text in enumerate(texts)]
        # The processes that evaluate inherit it.
        os.sched_setaffinity(0, {max(allowed)})
        pool = WorkerPool(1, IDLE_SECONDS)
        try:
            warm_up = await _evaluate(pool, paths[0], texts[0])
            _check(warm_up)
            rounds = []
            for _ in range(ROUNDS):
                before = _processor_seconds()
                found = [await _evaluate(pool, path, text) for path, text in zip(paths, texts, strict=True)]
                rounds.append(_processor_seconds() - before)
            audio = sum(one.duration_seconds or 0.0 for one in found)
            alone = _moonshine_seconds(paths)
        finally:
            await pool.close()
            os.sched_setaffinity(0, allowed)
    seconds = statistics.median(rounds)
    lengths = ", ".join(f"{one.duration_seconds:.0f}" for one in found)
    return [
        BenchResult(
            name="all steps of recordings",
            value=audio / seconds,
            unit="x real time",
            target=TARGET,
            higher_is_better=True,
            detail=f"recordings of {lengths} s, one core, median of {ROUNDS}, decoding included; "
            f"Moonshine alone {audio / alone:.1f}",
        ),
        BenchResult(
            name="all steps and Moonshine alone",
            value=alone / seconds,
            unit="of its speed",
            target=TARGET_SHARE,
            higher_is_better=True,
            detail=f"{seconds:.2f} s and {alone:.2f} s of processor time",
        ),
    ]


async def _evaluate(pool: WorkerPool, path: Path, text: str) -> RecordingEvaluation:
    job = EvaluationJob(f"evl_{path.stem}", "dev_bench", path, Options(text), (), (), interactive=True)
    return await pool.run(job, lambda _: None)


def _check(found: RecordingEvaluation) -> None:
    """Raises RuntimeError if a step did not run that should have: it would cost nothing."""
    missing = [name for name in WITH_LISTENING if found.result(name) is None]
    if missing or len(found.outcomes) != len(STEPS):
        raise RuntimeError(f"{missing[0]}: {found.outcomes[missing[0]].reason}")


def _processor_seconds() -> float:
    """Returns the processor time of all processes that this one has started and that still run, and of theirs."""
    times = [child.cpu_times() for child in psutil.Process().children(recursive=True)]
    return sum(one.user + one.system + one.children_user + one.children_system for one in times)


def _moonshine_seconds(paths: list[Path]) -> float:
    """Returns the processor time in which Moonshine alone transcribes the recordings, a median."""
    model = Backends().get(TRANSCRIPTION)
    samples = []
    for path in paths:
        with decoded(path) as audio:
            samples.append(audio.mono())
    model.transcribe(samples[:1], "en")
    rounds = []
    for _ in range(ROUNDS):
        before = time.process_time()
        model.transcribe(samples, "en")
        rounds.append(time.process_time() - before)
    return statistics.median(rounds)
