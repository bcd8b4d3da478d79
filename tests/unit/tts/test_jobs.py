"""Jobs: each is spoken once and stored, and its outcome is always published."""

import asyncio
import json
import random
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import structlog
from voicearena.tts.v1.events_pb2 import SpeechSynthesized, SynthesisDelayed, SynthesisFailed

from services.runtime.errors import Unavailable
from services.tts import facts
from services.tts.domain import FailureKind, Job, SynthesisError
from tests.fakes.bodies import wav_of
from tests.fakes.engine import ScriptedEngine
from tests.fakes.openai_server import tone
from tests.unit.tts.use_cases import NOON, job, kept, use_cases


async def test_a_job_is_spoken_stored_and_published(tmp_path: Path) -> None:
    tts = await use_cases(tmp_path)
    await tts.jobs.synthesize(job())
    (fact,) = tts.facts
    assert isinstance(fact, SpeechSynthesized)
    assert (fact.requester, fact.job_id, fact.attempt) == ("experiments", "trl_1", 1)
    assert fact.audio_name == "trl_1.wav"
    assert (tmp_path / "trl_1.wav").read_bytes() == wav_of(tone(0.5, 0.1), 24000)
    assert fact.measurements.ttfb_ms == pytest.approx(100.0)
    assert fact.measurements.generation_time_ms == pytest.approx(600.0)
    assert fact.measurements.duration_seconds == 0.6


async def test_the_note_beside_the_audio_has_its_owner_and_measurements(tmp_path: Path) -> None:
    tts = await use_cases(tmp_path)
    await tts.jobs.synthesize(job(attempt=3))
    note = json.loads((tmp_path / "trl_1.json").read_text())
    measurements = note.pop("measurements")
    assert note == {"job_id": "trl_1", "developer_id": "dev_1", "provider": "fake", "voice_id": "ann", "attempt": 3}
    assert (measurements["transport"], measurements["sample_rate_hz"]) == ("test", 24000)


async def test_the_engine_gets_the_model_of_the_voice(tmp_path: Path) -> None:
    tts = await use_cases(tmp_path)
    await tts.jobs.synthesize(job(voice=""))
    assert [(each.voice_id, each.model_id) for each in tts.engine.utterances] == [("ann", "m1")]


async def test_a_repeated_job_gets_the_first_result_without_a_request(tmp_path: Path) -> None:
    tts = await use_cases(tmp_path)
    await tts.jobs.synthesize(job())
    await tts.jobs.synthesize(job(attempt=2))
    first, second = tts.facts
    assert isinstance(first, SpeechSynthesized)
    assert isinstance(second, SpeechSynthesized)
    assert second.measurements == first.measurements
    assert (first.attempt, second.attempt) == (1, 2)
    assert len(tts.engine.utterances) == 1


async def test_a_job_that_arrives_twice_at_once_is_spoken_once(tmp_path: Path) -> None:
    tts = await use_cases(tmp_path)
    await asyncio.gather(*(tts.jobs.synthesize(job()) for _ in range(3)))
    assert (len(tts.engine.utterances), len(tts.facts)) == (1, 3)


async def test_audio_without_its_note_is_made_again(tmp_path: Path) -> None:
    tts = await use_cases(tmp_path)
    await tts.store.put("trl_1.wav", b"half of it")
    await tts.jobs.synthesize(job())
    assert len(tts.engine.utterances) == 1


async def test_a_late_process_publishes_the_first_result(tmp_path: Path) -> None:
    """The process was suspended while another process did the job."""
    late = await use_cases(tmp_path)
    late.engine.hold.clear()
    suspended = asyncio.create_task(late.jobs.synthesize(job()))
    while not late.engine.running:  # noqa: ASYNC110
        await asyncio.sleep(0.001)
    other = await use_cases(tmp_path, [ScriptedEngine(audio=tone(0.75))])
    await other.jobs.synthesize(job())
    late.engine.hold.set()
    await suspended
    (first,), (second,) = other.facts, late.facts
    assert isinstance(first, SpeechSynthesized)
    assert isinstance(second, SpeechSynthesized)
    assert second.measurements == first.measurements
    assert (tmp_path / "trl_1.wav").read_bytes() == wav_of(tone(0.75))


async def test_a_provider_never_has_more_requests_than_its_slots(tmp_path: Path) -> None:
    tts = await use_cases(tmp_path, [ScriptedEngine(max_concurrency=3)])
    await asyncio.gather(*(tts.jobs.synthesize(job(f"trl_{n}")) for n in range(20)))
    assert (tts.engine.max_running, len(tts.facts)) == (3, 20)


async def test_temporary_failures_are_tried_again_after_growing_delays(tmp_path: Path) -> None:
    tts = await use_cases(tmp_path)
    tts.engine.failures = [
        SynthesisError(FailureKind.PROVIDER_UNAVAILABLE, "down"),
        SynthesisError(FailureKind.RATE_LIMITED, "slower", retry_after=5.0),
    ]
    await tts.jobs.synthesize(job())
    assert isinstance(tts.facts[0], SpeechSynthesized)
    assert len(tts.engine.utterances) == 3
    assert 0.5 <= tts.sleeps[0] <= 1.0
    assert tts.sleeps[1] == 5.0


@pytest.mark.parametrize("asked", [30.0, 120.0])
async def test_a_job_waits_for_retry_after_and_notifies_its_requester(tmp_path: Path, asked: float) -> None:
    tts = await use_cases(tmp_path)
    tts.engine.failures = [SynthesisError(FailureKind.RATE_LIMITED, "slower", retry_after=asked)]
    waiting = asyncio.create_task(tts.jobs.synthesize(job()))
    provider = tts.providers.get("fake")
    while not tts.sleeps:  # noqa: ASYNC110
        await asyncio.sleep(0.001)
    # The sleep of the retry is faked, so only the pause of the provider is real. The job holds no slot during it.
    assert (tts.sleeps, provider.slots.in_use, len(tts.engine.utterances)) == ([asked], 0, 1)
    (delayed,) = tts.facts
    assert isinstance(delayed, SynthesisDelayed)
    assert delayed.job_id == "trl_1"
    assert abs((delayed.until.ToDatetime(UTC) - datetime.now(UTC)).total_seconds() - asked) < 5
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert provider.slots.waiting == 0


async def test_a_run_can_be_cancelled_while_its_job_waits(tmp_path: Path) -> None:
    tts = await use_cases(tmp_path)
    tts.engine.failures = [SynthesisError(FailureKind.RATE_LIMITED, "slower", retry_after=60.0)]
    waiting = asyncio.create_task(tts.jobs.synthesize(job(run_id="exp_1")))
    # The warm-up is refused, and the job waits for the end of the pause.
    while not tts.providers.get("fake").slots.waiting:  # noqa: ASYNC110
        await asyncio.sleep(0.001)
    async with asyncio.timeout(5):
        await tts.jobs.cancel_run("experiments", "exp_1", NOON)
        await waiting
    last = tts.facts[-1]
    assert isinstance(last, SynthesisFailed)
    assert last.kind == SynthesisFailed.cancelled


async def test_a_text_that_is_too_long_has_its_own_kind(tmp_path: Path) -> None:
    tts = await use_cases(tmp_path)
    await tts.jobs.synthesize(job(text="x" * 1001))
    message = "text: must be at most 1000 characters for fake, got 1001"
    assert tts.facts == [facts.synthesis_failed(job(text="x" * 1001), FailureKind.TEXT_TOO_LONG, message, 0, 2)]


async def test_the_third_failure_is_published(tmp_path: Path) -> None:
    tts = await use_cases(tmp_path)
    tts.engine.failures = [SynthesisError(FailureKind.TIMED_OUT, f"no {n}") for n in (1, 2, 3)]
    await tts.jobs.synthesize(job(attempt=2))
    assert tts.facts == [facts.synthesis_failed(job(attempt=2), FailureKind.TIMED_OUT, "no 3", 3, 2)]
    assert kept(tmp_path) == ["trl_1-try-1.json", "trl_1-try-2.json", "trl_1-try-3.json"]


async def test_a_permanent_failure_is_published_at_once(tmp_path: Path) -> None:
    tts = await use_cases(tmp_path)
    tts.engine.failures = [SynthesisError(FailureKind.QUOTA_EXCEEDED, "spent")]
    await tts.jobs.synthesize(job())
    assert tts.facts == [facts.synthesis_failed(job(), FailureKind.QUOTA_EXCEEDED, "spent", 1, 2)]
    assert tts.sleeps == []


@pytest.mark.parametrize(
    ("audio", "message"),
    [
        (b"", "The provider returned no audio"),
        (bytes(48000), "The audio is silent from beginning to end"),
        (tone(0.01), "The audio lasts 0.01 s, but 6 characters need at least 0.05 s"),
        (tone(22.5), "The audio is longer than 22.00 s, the maximum for 6 characters"),
        (random.Random(1).randbytes(24000), "The audio is white noise at full scale, as compressed data is when read"),
        (np.frombuffer(tone(0.5), "<i2").byteswap().tobytes(), "The samples are big-endian, not little-endian"),
    ],
)
async def test_unusable_audio_fails_the_job(audio: bytes, message: str, tmp_path: Path) -> None:
    tts = await use_cases(tmp_path, [ScriptedEngine(audio=audio)])
    await tts.jobs.synthesize(job())
    (fact,) = tts.facts
    assert isinstance(fact, SynthesisFailed)
    assert (fact.kind, fact.provider_requests) == (SynthesisFailed.bad_audio, 1)
    assert fact.message.startswith(message)
    assert kept(tmp_path) == ["trl_1-try-1.json"]


async def test_half_a_sample_at_the_end_is_dropped_and_logged(tmp_path: Path) -> None:
    tts = await use_cases(tmp_path, [ScriptedEngine(audio=tone(0.5) + b"\x01")])
    with structlog.testing.capture_logs() as logs:
        await tts.jobs.synthesize(job())
    assert isinstance(tts.facts[0], SpeechSynthesized)
    assert (tmp_path / "trl_1.wav").read_bytes() == wav_of(tone(0.5))
    assert [each["provider"] for each in logs if each["event"].startswith("half a sample")] == ["fake"]


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (job(provider="nobody"), "provider: must be one of fake"),
        (job(text=" "), "text: must not be only white space"),
        (job(job_id="../trl_1"), "job_id must be 1 to 100 letters, digits, _ or -"),
        (job(job_id="trl_1-try-1"), "job_id must be 1 to 100 letters, digits, _ or -"),
        (job(run_id="r" * 101), "run_id must be at most 100 characters, got 101"),
        (
            job(text="", voice="eve"),
            "text: must be 1 to 5000 characters, got 0; voice_id: must be a voice of fake, such as ann, bob, cleo; "
            "/api/v1/voices?provider=fake lists all",
        ),
    ],
    ids=["provider", "only whitespace", "path", "the name of a record", "run", "several fields"],
)
async def test_an_invalid_job_fails_with_every_violation(bad: Job, message: str, tmp_path: Path) -> None:
    tts = await use_cases(tmp_path)
    await tts.jobs.synthesize(bad)
    share = 2 if bad.provider == "fake" else 0
    assert tts.facts == [facts.synthesis_failed(bad, FailureKind.INVALID_REQUEST, message, 0, share)]
    assert tts.engine.utterances == []


async def test_the_result_of_another_developers_job_is_not_published(tmp_path: Path) -> None:
    tts = await use_cases(tmp_path)
    await tts.jobs.synthesize(job())
    other = replace(job(), developer_id="dev_2")
    await tts.jobs.synthesize(other)
    assert tts.facts[1] == facts.synthesis_failed(
        other, FailureKind.INVALID_REQUEST, "Job trl_1 belongs to another developer", 1, 2
    )


async def test_a_provider_that_is_down_fails_the_job_with_the_reason(tmp_path: Path) -> None:
    engine = ScriptedEngine()
    engine.fault = "set FAKE_KEY"
    tts = await use_cases(tmp_path, [engine])
    await tts.jobs.synthesize(job())
    assert tts.facts == [
        facts.synthesis_failed(job(), FailureKind.PROVIDER_UNAVAILABLE, "fake can't be used: set FAKE_KEY", 0, 2)
    ]


async def test_a_provider_that_recovers_is_used_again(tmp_path: Path) -> None:
    engine = ScriptedEngine()
    engine.fault = "down"
    tts = await use_cases(tmp_path, [engine])
    engine.fault = None
    await tts.jobs.synthesize(job())
    assert isinstance(tts.facts[0], SynthesisFailed)  # It has not listed its voices yet.
    tts.providers.get("fake").refreshed_at = float("-inf")
    engine.fault = "down"
    engine.start = lambda: _recover(engine)  # type: ignore[method-assign]
    await tts.jobs.synthesize(job())
    assert isinstance(tts.facts[1], SpeechSynthesized)


async def _recover(engine: ScriptedEngine) -> None:
    engine.fault = None


async def test_a_job_is_not_failed_while_the_store_is_unavailable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tts = await use_cases(tmp_path)

    async def away(name: str) -> dict[str, object] | None:
        raise Unavailable("the audio store can't be read")

    monkeypatch.setattr(tts.store, "get_json", away)
    with pytest.raises(Unavailable):
        await tts.jobs.synthesize(job())
    assert tts.facts == []
