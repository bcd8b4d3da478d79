"""Jobs: spoken once, kept, answered whatever happens."""

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
from tests.unit.tts.scene import NOON, job, kept, scene


async def test_a_job_is_spoken_kept_and_told(tmp_path: Path) -> None:
    here = await scene(tmp_path)
    await here.jobs.synthesize(job())
    (fact,) = here.facts
    assert isinstance(fact, SpeechSynthesized)
    assert (fact.requester, fact.job_id, fact.attempt) == ("experiments", "trl_1", 1)
    assert fact.audio_name == "trl_1.wav"
    assert (tmp_path / "trl_1.wav").read_bytes() == wav_of(tone(0.5, 0.1), 24000)
    assert fact.measurements.ttfb_ms == pytest.approx(100.0)
    assert fact.measurements.generation_time_ms == pytest.approx(600.0)
    assert fact.measurements.duration_seconds == 0.6


async def test_the_note_beside_the_audio_says_whose_and_how_it_is(tmp_path: Path) -> None:
    here = await scene(tmp_path)
    await here.jobs.synthesize(job(attempt=3))
    note = json.loads((tmp_path / "trl_1.json").read_text())
    measurements = note.pop("measurements")
    assert note == {"job_id": "trl_1", "developer_id": "dev_1", "provider": "fake", "voice_id": "ann", "attempt": 3}
    assert (measurements["transport"], measurements["sample_rate_hz"]) == ("test", 24000)


async def test_the_engine_is_asked_with_the_model_of_the_voice(tmp_path: Path) -> None:
    here = await scene(tmp_path)
    await here.jobs.synthesize(job(voice=""))
    assert [(each.voice_id, each.model_id) for each in here.engine.asked] == [("ann", "m1")]


async def test_a_job_that_comes_again_is_answered_alike_and_asks_nobody(tmp_path: Path) -> None:
    here = await scene(tmp_path)
    await here.jobs.synthesize(job())
    await here.jobs.synthesize(job(attempt=2))
    first, second = here.facts
    assert isinstance(first, SpeechSynthesized)
    assert isinstance(second, SpeechSynthesized)
    assert second.measurements == first.measurements
    assert (first.attempt, second.attempt) == (1, 2)
    assert len(here.engine.asked) == 1


async def test_a_job_that_comes_twice_at_once_is_spoken_once(tmp_path: Path) -> None:
    here = await scene(tmp_path)
    await asyncio.gather(*(here.jobs.synthesize(job()) for _ in range(3)))
    assert (len(here.engine.asked), len(here.facts)) == (1, 3)


async def test_audio_without_its_note_is_made_again(tmp_path: Path) -> None:
    here = await scene(tmp_path)
    await here.store.put("trl_1.wav", b"half of it")
    await here.jobs.synthesize(job())
    assert len(here.engine.asked) == 1


async def test_who_comes_late_with_another_result_answers_with_the_first(tmp_path: Path) -> None:
    """As a process does that stood still while another did its job."""
    late = await scene(tmp_path)
    late.engine.hold.clear()
    standing = asyncio.create_task(late.jobs.synthesize(job()))
    while not late.engine.running:  # noqa: ASYNC110
        await asyncio.sleep(0.001)
    other = await scene(tmp_path, [ScriptedEngine(audio=tone(0.75))])
    await other.jobs.synthesize(job())
    late.engine.hold.set()
    await standing
    (first,), (second,) = other.facts, late.facts
    assert isinstance(first, SpeechSynthesized)
    assert isinstance(second, SpeechSynthesized)
    assert second.measurements == first.measurements
    assert (tmp_path / "trl_1.wav").read_bytes() == wav_of(tone(0.75))


async def test_a_provider_never_has_more_requests_than_its_slots(tmp_path: Path) -> None:
    here = await scene(tmp_path, [ScriptedEngine(max_concurrency=3)])
    await asyncio.gather(*(here.jobs.synthesize(job(f"trl_{n}")) for n in range(20)))
    assert (here.engine.most_at_once, len(here.facts)) == (3, 20)


async def test_what_may_pass_is_tried_again_after_growing_delays(tmp_path: Path) -> None:
    here = await scene(tmp_path)
    here.engine.failures = [
        SynthesisError(FailureKind.PROVIDER_UNAVAILABLE, "down"),
        SynthesisError(FailureKind.RATE_LIMITED, "slower", retry_after=5.0),
    ]
    await here.jobs.synthesize(job())
    assert isinstance(here.facts[0], SpeechSynthesized)
    assert len(here.engine.asked) == 3
    assert 0.5 <= here.sleeps[0] <= 1.0
    assert here.sleeps[1] == 5.0


@pytest.mark.parametrize("asked", [30.0, 120.0])
async def test_a_provider_that_asks_for_patience_is_waited_for_and_who_asked_is_told(
    tmp_path: Path, asked: float
) -> None:
    here = await scene(tmp_path)
    here.engine.failures = [SynthesisError(FailureKind.RATE_LIMITED, "slower", retry_after=asked)]
    waiting = asyncio.create_task(here.jobs.synthesize(job()))
    provider = here.providers.get("fake")
    while not here.sleeps:  # noqa: ASYNC110
        await asyncio.sleep(0.001)
    # The retry does not sleep, so that only the pause of the provider is real; its slot is free meanwhile.
    assert (here.sleeps, provider.slots.in_use, len(here.engine.asked)) == ([asked], 0, 1)
    (delayed,) = here.facts
    assert isinstance(delayed, SynthesisDelayed)
    assert delayed.job_id == "trl_1"
    assert abs((delayed.until.ToDatetime(UTC) - datetime.now(UTC)).total_seconds() - asked) < 5
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert provider.slots.waiting == 0


async def test_a_run_can_be_cancelled_while_its_job_waits_for_the_provider(tmp_path: Path) -> None:
    here = await scene(tmp_path)
    here.engine.failures = [SynthesisError(FailureKind.RATE_LIMITED, "slower", retry_after=60.0)]
    waiting = asyncio.create_task(here.jobs.synthesize(job(run_id="exp_1")))
    # It is the warm-up that is refused; the job waits for the end of the pause.
    while not here.providers.get("fake").slots.waiting:  # noqa: ASYNC110
        await asyncio.sleep(0.001)
    async with asyncio.timeout(5):
        await here.jobs.cancel_run("experiments", "exp_1", NOON)
        await waiting
    last = here.facts[-1]
    assert isinstance(last, SynthesisFailed)
    assert last.kind == SynthesisFailed.cancelled


async def test_a_text_that_is_too_long_has_its_own_kind(tmp_path: Path) -> None:
    here = await scene(tmp_path)
    await here.jobs.synthesize(job(text="x" * 1001))
    message = "text: must be at most 1000 characters for fake, got 1001"
    assert here.facts == [facts.synthesis_failed(job(text="x" * 1001), FailureKind.TEXT_TOO_LONG, message, 0, 2)]


async def test_the_third_failure_is_told(tmp_path: Path) -> None:
    here = await scene(tmp_path)
    here.engine.failures = [SynthesisError(FailureKind.TIMED_OUT, f"no {n}") for n in (1, 2, 3)]
    await here.jobs.synthesize(job(attempt=2))
    assert here.facts == [facts.synthesis_failed(job(attempt=2), FailureKind.TIMED_OUT, "no 3", 3, 2)]
    assert kept(tmp_path) == ["trl_1-try-1.json", "trl_1-try-2.json", "trl_1-try-3.json"]


async def test_what_would_fail_again_is_told_at_once(tmp_path: Path) -> None:
    here = await scene(tmp_path)
    here.engine.failures = [SynthesisError(FailureKind.QUOTA_EXCEEDED, "spent")]
    await here.jobs.synthesize(job())
    assert here.facts == [facts.synthesis_failed(job(), FailureKind.QUOTA_EXCEEDED, "spent", 1, 2)]
    assert here.sleeps == []


@pytest.mark.parametrize(
    ("audio", "message"),
    [
        (b"", "the provider answered without any audio"),
        (bytes(48000), "the audio is silent from beginning to end"),
        (tone(0.01), "the audio takes 0.01 s, but 6 characters take at least 0.05 s"),
        (tone(22.5), "the audio is longer than the 22.00 s that 6 characters can take"),
        (random.Random(1).randbytes(24000), "the audio is white noise at full scale, as compressed data are if taken"),
        (np.frombuffer(tone(0.5), "<i2").byteswap().tobytes(), "the bytes of each sample are in big-endian order"),
    ],
)
async def test_audio_that_can_not_be_heard_fails_the_job(audio: bytes, message: str, tmp_path: Path) -> None:
    here = await scene(tmp_path, [ScriptedEngine(audio=audio)])
    await here.jobs.synthesize(job())
    (fact,) = here.facts
    assert isinstance(fact, SynthesisFailed)
    assert (fact.kind, fact.provider_requests) == (SynthesisFailed.bad_audio, 1)
    assert fact.message.startswith(message)
    assert kept(tmp_path) == ["trl_1-try-1.json"]


async def test_half_a_sample_at_the_end_is_left_out_and_noted(tmp_path: Path) -> None:
    here = await scene(tmp_path, [ScriptedEngine(audio=tone(0.5) + b"\x01")])
    with structlog.testing.capture_logs() as logs:
        await here.jobs.synthesize(job())
    assert isinstance(here.facts[0], SpeechSynthesized)
    assert (tmp_path / "trl_1.wav").read_bytes() == wav_of(tone(0.5))
    assert [each["provider"] for each in logs if each["event"].startswith("half a sample")] == ["fake"]


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (job(provider="nobody"), "provider: must be one of fake"),
        (job(text=" "), "text: must not be only white space"),
        (job(job_id="../trl_1"), "job_id must be letters, digits, _ and -, at most 100"),
        (job(job_id="trl_1-try-1"), "job_id must be letters, digits, _ and -, at most 100"),
        (job(run_id="r" * 101), "run_id must be at most 100 characters"),
        (
            job(text="", voice="eve"),
            "text: must be 1 to 5000 characters, got 0; voice_id: must be a voice of fake, such as ann, bob, cleo; "
            "/api/v1/voices?provider=fake lists all",
        ),
    ],
    ids=["provider", "blank", "path", "a record", "run", "several"],
)
async def test_a_job_that_can_not_be_done_fails_with_what_is_wrong(bad: Job, message: str, tmp_path: Path) -> None:
    here = await scene(tmp_path)
    await here.jobs.synthesize(bad)
    share = 2 if bad.provider == "fake" else 0
    assert here.facts == [facts.synthesis_failed(bad, FailureKind.INVALID_REQUEST, message, 0, share)]
    assert here.engine.asked == []


async def test_somebody_elses_job_is_not_answered_with(tmp_path: Path) -> None:
    here = await scene(tmp_path)
    await here.jobs.synthesize(job())
    other = replace(job(), developer_id="dev_2")
    await here.jobs.synthesize(other)
    assert here.facts[1] == facts.synthesis_failed(
        other, FailureKind.INVALID_REQUEST, "job trl_1 is another developer's", 1, 2
    )


async def test_a_provider_that_is_down_fails_the_job_with_the_reason(tmp_path: Path) -> None:
    engine = ScriptedEngine()
    engine.fault = "set FAKE_KEY"
    here = await scene(tmp_path, [engine])
    await here.jobs.synthesize(job())
    assert here.facts == [
        facts.synthesis_failed(job(), FailureKind.PROVIDER_UNAVAILABLE, "fake can't be used: set FAKE_KEY", 0, 2)
    ]


async def test_a_provider_that_came_back_is_found_out(tmp_path: Path) -> None:
    engine = ScriptedEngine()
    engine.fault = "down"
    here = await scene(tmp_path, [engine])
    engine.fault = None
    await here.jobs.synthesize(job())
    assert isinstance(here.facts[0], SynthesisFailed)  # its voices were never told
    here.providers.get("fake").refreshed_at = float("-inf")
    engine.fault = "down"
    engine.start = lambda: _recover(engine)  # type: ignore[method-assign]
    await here.jobs.synthesize(job())
    assert isinstance(here.facts[1], SpeechSynthesized)


async def _recover(engine: ScriptedEngine) -> None:
    engine.fault = None


async def test_a_store_that_is_away_leaves_the_job_to_come_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = await scene(tmp_path)

    async def away(name: str) -> dict[str, object] | None:
        raise Unavailable("the audio store can't be read")

    monkeypatch.setattr(here.store, "get_json", away)
    with pytest.raises(Unavailable):
        await here.jobs.synthesize(job())
    assert here.facts == []
