"""How an audit runs: one at a time, with progress, and safe to leave."""

import asyncio
import io
import wave
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

import numpy as np
import pytest

from services.runtime.errors import Busy, InvalidInput, NotFound, Unavailable, WrongState
from services.runtime.identity import Caller, Identity, set_caller
from services.scoring.audit.clips import SENTENCES, VOICES, GivenClip, Sentence
from services.scoring.audit.domain import OUT_OF_DATE
from services.scoring.audit.expectations import AUDITED
from services.scoring.audit.judging import AuditStatus
from services.scoring.audit.perturbations import PERTURBATIONS, Clip
from services.scoring.audit.usecases import MAX_AT_A_TIME, AuditUpdate, MetricAudits
from services.scoring.pipeline.steps import STEPS
from services.scoring.workers.job import EvaluationFailed
from tests.fakes.audited_clips import FULL, AuditRunner, perturbation_of
from tests.fakes.memory_audit_store import MemoryAuditStore
from tests.fakes.memory_database import MemoryDatabase, table

SOON_SECONDS = 5.0
TOTAL = len(SENTENCES) * len(PERTURBATIONS)
INSTALLED = {step.name: f"{step.name}/1" for step in STEPS}


class ToneSpeaker:
    """Speaks every sentence as a short tone."""

    def __init__(self) -> None:
        self.error: Exception | None = None

    async def speak(self, sentences: Sequence[Sentence]) -> list[Clip]:
        if self.error is not None:
            raise self.error
        samples = 0.2 * np.sin(np.arange(16_000) / 10)
        return [Clip(samples, 16_000, sentence.text) for sentence in sentences]


@dataclass
class World:
    """The use cases with what they use."""

    runner: AuditRunner = field(default_factory=AuditRunner)
    speaker: ToneSpeaker = field(default_factory=ToneSpeaker)
    database: MemoryDatabase = field(default_factory=lambda: MemoryDatabase("scoring"))
    heartbeat_seconds: float = 60.0

    def audits(self, **changed: str) -> MetricAudits:
        """Returns the use cases in an installation where some steps are measured by something else."""
        return MetricAudits(
            self.database,
            MemoryAuditStore(),
            self.runner,
            self.speaker,
            {**INSTALLED, **changed},
            self.heartbeat_seconds,
        )

    async def in_progress(self) -> bool:
        """Returns whether an audit holds the place."""
        async with self.database.reading() as connection:
            return bool(table(connection, "audit_claims"))


@pytest.fixture
def world() -> World:
    set_caller(Caller(Identity("dev_a", frozenset()), "token"))
    return World()


async def following(updates: AsyncGenerator[AuditUpdate, None]) -> AuditUpdate:
    return await asyncio.wait_for(anext(updates), SOON_SECONDS)


async def whole(world: World, clips: Sequence[GivenClip] = (), language: str = "") -> list[AuditUpdate]:
    """Runs an audit to its end."""
    async with asyncio.timeout(SOON_SECONDS), aclosing(world.audits().run(clips, language)) as updates:
        return [update async for update in updates]


def wav(seconds: float = 1.5) -> bytes:
    """Returns a tone as a WAV."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(16_000)
        writer.writeframes((8000 * np.sin(np.arange(round(seconds * 16_000)) / 10)).astype("<i2").tobytes())
    return file.getvalue()


async def test_every_clip_is_evaluated_with_every_change_and_the_result_counts_from_then_on(world: World) -> None:
    updates = await whole(world)
    assert (updates[0], len(updates)) == (AuditUpdate(total=TOTAL), TOTAL + 2)
    assert [update.evaluated for update in updates] == [*range(TOTAL + 1), TOTAL]
    assert {update.change for update in updates[1:-1]} == {one.description for one in PERTURBATIONS.values()}
    audit = updates[-1].audit
    assert audit is not None
    assert (audit.passed, audit.clips, audit.voices) == (True, len(SENTENCES), VOICES)
    assert {one.status for one in audit.metrics} == {AuditStatus.passed}
    assert await world.audits().latest() == audit
    jobs = [(perturbation_of(job), job.options.reference_text) for job in world.runner.jobs]
    texts = [sentence.text for sentence in SENTENCES]
    expected = dict.fromkeys(PERTURBATIONS, texts) | {"swapped_text": [*texts[1:], texts[0]]}
    assert sorted(jobs) == sorted((name, text) for name, spoken in expected.items() for text in spoken)
    assert {(job.developer_id, job.interactive) for job in world.runner.jobs} == {("dev_a", False)}
    assert not any(job.audio_path.exists() for job in world.runner.jobs)


async def test_the_runner_gets_the_changed_clips(world: World) -> None:
    await whole(world)
    sizes: dict[str, set[int]] = {}
    for job, size in zip(world.runner.jobs, world.runner.sizes, strict=True):
        sizes.setdefault(perturbation_of(job), set()).add(size)
    assert sizes["original"] == sizes["level_minus_10_db"] == {44 + 2 * 16_000}
    assert sizes["rate_48_khz"] == {44 + 2 * 48_000}
    assert max(sizes["end_removed"]) < 44 + 2 * 16_000 < min(sizes["part_repeated"])


async def test_a_broken_metric_fails_and_the_others_pass(world: World) -> None:
    world.runner.broken = {"overall_mos": 3.2}
    audit = (await whole(world))[-1].audit
    assert audit is not None
    assert not audit.passed
    assert [one.name for one in audit.metrics if one.status is AuditStatus.failed] == ["overall_mos"]


async def test_a_clip_that_ends_its_process_fails_the_metrics_that_need_it(world: World) -> None:
    world.runner.errors = {"end_removed": EvaluationFailed("The process ended twice.")}
    audit = (await whole(world))[-1].audit
    assert audit is not None
    failed = {one.step for one in audit.metrics if one.status is AuditStatus.failed}
    assert failed == {"word_errors", "meaning", "bert_score"}


async def test_an_audit_is_out_of_date_once_a_metric_is_measured_otherwise(world: World) -> None:
    await whole(world)
    current = await world.audits(quality="quality/2").latest()
    assert {one.name: one.status for one in current.metrics if one.status is not AuditStatus.passed} == {
        metric.name: AuditStatus.not_run for metric in AUDITED if metric.step == "quality"
    }
    assert {one.reason for one in current.metrics} == {"", OUT_OF_DATE}


async def test_there_is_no_audit_at_first(world: World) -> None:
    assert await world.audits().current() is None
    with pytest.raises(NotFound, match="arena metrics audit"):
        await world.audits().latest()


async def test_only_one_audit_runs_at_a_time_and_leaving_it_ends_it(world: World) -> None:
    held: asyncio.Queue[str] = asyncio.Queue()
    cancelled: list[str] = []

    async def hold() -> None:
        held.put_nowait("held")
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append("cancelled")
            raise

    world.runner.hold = hold
    async with aclosing(world.audits().run((), "")) as updates:
        await following(updates)
        for _ in range(MAX_AT_A_TIME):
            await asyncio.wait_for(held.get(), SOON_SECONDS)
        assert len(world.runner.jobs) == MAX_AT_A_TIME
        with pytest.raises(WrongState, match="in progress"):
            await whole(world)
    assert len(cancelled) == MAX_AT_A_TIME
    assert not any(job.audio_path.exists() for job in world.runner.jobs)
    assert await world.audits().current() is None
    world.runner.hold = None
    assert (await whole(world))[-1].audit is not None


async def test_an_earlier_audit_stays_when_a_later_one_is_left(world: World) -> None:
    first = (await whole(world))[-1].audit
    async with aclosing(world.audits().run((), "")) as updates:
        await following(updates)
    assert await world.audits().latest() == first


async def test_heartbeats_show_that_a_long_evaluation_goes_on(world: World) -> None:
    world.heartbeat_seconds = 0.01
    world.runner.hold = asyncio.Event().wait
    async with aclosing(world.audits().run((), "")) as updates:
        await following(updates)
        assert await following(updates) == AuditUpdate()


async def test_a_full_queue_ends_the_audit_and_frees_its_place(world: World) -> None:
    world.runner.errors = {"noise_alone": FULL}
    with pytest.raises(Busy):
        await whole(world)
    world.runner.errors = {}
    assert (await whole(world))[-1].audit is not None


async def test_without_the_voices_of_the_mesh_nothing_begins(world: World) -> None:
    world.speaker.error = Unavailable("espeak is down")
    with pytest.raises(Unavailable):
        await whole(world)
    assert not world.runner.jobs
    assert not await world.in_progress()


async def test_an_audit_of_own_clips_is_only_returned(world: World) -> None:
    audit = (await whole(world, [GivenClip(wav(), "Guten Tag"), GivenClip(wav(2), "Bis morgen")], "de"))[-1].audit
    assert audit is not None
    assert (audit.clips, audit.voices, audit.passed) == (2, (), True)
    assert {job.options.language for job in world.runner.jobs} == {"de"}
    assert await world.audits().current() is None
    assert not await world.in_progress()


@pytest.mark.parametrize(
    ("clips", "language", "fields"),
    [
        ([GivenClip(wav(), "One.")], "", ["clips"]),
        ([GivenClip(wav(), "One.")] * 9, "", ["clips"]),
        ([GivenClip(b"", "One."), GivenClip(wav(), "")], "e", ["clips[0].audio", "clips[1].text", "language"]),
        ([GivenClip(wav(), "x" * 501), GivenClip(wav(), "Two.")], "", ["clips[0].text"]),
        ([], "de", ["language"]),
        ([GivenClip(b"no audio", "One."), GivenClip(wav(16), "Two.")], "", ["clips[0].audio", "clips[1].audio"]),
        ([GivenClip(wav(0.5), "One."), GivenClip(wav(), "Two.")], "", ["clips[0].audio"]),
    ],
)
async def test_bad_clips_are_named(world: World, clips: list[GivenClip], language: str, fields: list[str]) -> None:
    with pytest.raises(InvalidInput) as error:
        await whole(world, clips, language)
    assert [one.field for one in error.value.violations] == fields
    assert not world.runner.jobs
