"""The suite that the clip stores of every user must pass."""

import asyncio
import dataclasses
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from services.runtime.clock import now
from services.shared.clips.domain import Clip, ClipStatus, Failure, HeardSpeech, SpokenText
from services.shared.clips.queue_store import SHARE_DURATION, Provider, UnfinishedClips
from services.shared.clips.store import LockedRun, StepResult
from services.shared.metrics import Measurements
from tests.contract.stores.clip_users import MINUTE, NOON, ArenaRenders, ClipUserCase, Lines, Row, Trials
from tests.fakes.memory_database import MemoryDatabase

PENDING, SYNTHESIZING, SCORING = ClipStatus.PENDING, ClipStatus.SYNTHESIZING, ClipStatus.SCORING
COMPLETED, FAILED = ClipStatus.COMPLETED, ClipStatus.FAILED
TIMEOUT = timedelta(seconds=20)
NOTHING = Measurements()
SYNTHESIS = Measurements(
    duration_seconds=1.5,
    ttfb_ms=90.0,
    generation_time_ms=400.0,
    ttfa_ms=120.0,
    leading_silence_ms=30.0,
    real_time_factor=0.25,
    connect_ms=None,
    connection_reused=False,
    transport="process",
    sample_rate_hz=22050,
    region="local",
)
SIGNAL = Measurements(
    silence_ratio=0.0,
    trailing_silence_ms=5.0,
    peak=0.5,
    clipping_ratio=0.0,
    loudness_lufs=-23.5,
    dc_offset=-0.001,
    naturalness_mos=4.5,
    word_error_rate=0.0,
    prosody_score=0.5,
)
HOSTED = Provider(id="espeak", max_concurrency=3, local=False)


@pytest.fixture(params=["trials in memory", "trials", "lines", "renders"])
def kind(request: pytest.FixtureRequest) -> str:
    """Each user in turn."""
    value: str = request.param
    return value


@pytest.fixture
def service(kind: str) -> str:
    return {"lines": "lines", "renders": "elo"}.get(kind, "experiments")


@pytest.fixture
def user(request: pytest.FixtureRequest, kind: str) -> ClipUserCase:
    """The user, with nothing in its tables."""
    if kind == "trials in memory":
        return Trials(MemoryDatabase("experiments"))
    schema = request.getfixturevalue("emptied_schema")
    users: dict[str, type[Lines | ArenaRenders | Trials]] = {"lines": Lines, "renders": ArenaRenders}
    return users.get(kind, Trials)(schema)


async def test_locking_by_clip_returns_its_run(user: ClipUserCase) -> None:
    await user.add("clip_a")
    async with user.database.transaction() as connection:
        assert await user.clips.lock_run(connection, "clip_a") == held(user)
        assert await user.clips.lock_run(connection, "clip_x") is None
    await user.stop("clip_a")
    async with user.database.transaction() as connection:
        assert await user.clips.lock_run(connection, "clip_a") == held(user, running=False)


def held(user: ClipUserCase, *, running: bool = True) -> LockedRun:
    return LockedRun(user.run_of("clip_a"), "dev_a", running, "a trace", user.listens)


async def test_an_event_is_recorded_when_its_run_is_locked_first(user: ClipUserCase) -> None:
    await user.add("clip_a")
    for clip_id, found in (("clip_a", held(user)), ("clip_x", None)):
        for first_time in (True, False):
            async with user.database.transaction() as connection:
                event = {"consumer": "somebody", "event_id": f"evt_{clip_id}"}
                assert await user.clips.lock_run_for_event(connection, clip_id, **event) == (found, first_time)


async def test_an_event_is_not_recorded_if_the_transaction_fails(user: ClipUserCase) -> None:
    await user.add("clip_a")
    event = {"consumer": "somebody", "event_id": "evt_a"}

    async def break_off() -> None:
        async with user.database.transaction() as connection:
            await user.clips.lock_run_for_event(connection, "clip_a", **event)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await break_off()
    async with user.database.transaction() as connection:
        assert (await user.clips.lock_run_for_event(connection, "clip_a", **event))[1]


async def synthesized(
    user: ClipUserCase, connection: AsyncConnection, clip_id: str, attempt: int = 1
) -> StepResult | None:
    return await user.clips.synthesized(
        connection, clip_id, attempt, SYNTHESIS, audio_name="clip_a.wav", provider_requests=3, at=NOON
    )


async def failed(
    user: ClipUserCase, connection: AsyncConnection, during: ClipStatus, attempt: int | None, clip_id: str = "clip_a"
) -> StepResult | None:
    return await user.clips.failed(connection, clip_id, attempt, Failure(during, "bad_audio", "no audio"), at=NOON)


async def test_a_completed_clip_has_the_measurements_of_synthesis_and_evaluation(user: ClipUserCase) -> None:
    await user.add("clip_a", attempts=4, attempts_before=2)
    async with user.database.transaction() as connection:
        assert await synthesized(user, connection, "clip_a", 4) == StepResult("espeak", False)
    spoken = Row(SCORING, provider_requests=3, audio_name="clip_a.wav", measurements=SYNTHESIS)
    assert await user.read("clip_a") == spoken
    async with user.database.transaction() as connection:
        moved = await user.clips.evaluated(connection, "clip_a", 1, SIGNAL, at=NOON + MINUTE)
    assert moved is not None
    assert moved.provider == "espeak"
    added = {name: value for name, value in dataclasses.asdict(SIGNAL).items() if value is not None}
    measurements = dataclasses.replace(SYNTHESIS, **added)
    ended = {"status": COMPLETED, "ended_at": NOON + MINUTE, "measurements": measurements}
    assert await user.read("clip_a") == dataclasses.replace(spoken, **ended)  # type: ignore[arg-type]


@pytest.mark.parametrize("during", [SYNTHESIZING, SCORING])
async def test_a_clip_can_fail_in_either_step(user: ClipUserCase, during: ClipStatus) -> None:
    await user.add("clip_a", status=during, provider_requests=2)
    async with user.database.transaction() as connection:
        assert await failed(user, connection, during, 1) is not None
    failure = {"error_kind": "bad_audio", "error_message": "no audio", "ended_at": NOON}
    assert await user.read("clip_a") == Row(FAILED, provider_requests=2, **failure)  # type: ignore[arg-type]


async def test_a_failure_stores_the_number_of_provider_requests(user: ClipUserCase) -> None:
    await user.add("clip_a")
    async with user.database.transaction() as connection:
        await user.clips.failed(connection, "clip_a", 1, Failure(SYNTHESIZING, "timed_out", "no", 3), at=NOON)
    assert (await user.read("clip_a")).provider_requests == 3


async def test_a_result_of_another_step_or_attempt_changes_nothing(user: ClipUserCase) -> None:
    await user.add("clip_a", attempts=2)
    before = await user.read("clip_a")
    async with user.database.transaction() as connection:
        for attempt in (1, 3):
            assert await synthesized(user, connection, "clip_a", attempt) is None
            assert await failed(user, connection, SYNTHESIZING, attempt) is None
            assert await user.clips.delayed(connection, "clip_a", attempt, NOON + MINUTE) is None
        assert await user.clips.evaluated(connection, "clip_a", 2, SIGNAL, at=NOON) is None
        assert await failed(user, connection, SCORING, None) is None
        assert await synthesized(user, connection, "clip_x") is None
    assert await user.read("clip_a") == before
    async with user.database.transaction() as connection:
        assert await failed(user, connection, SYNTHESIZING, None) is not None


async def test_one_of_several_simultaneous_results_counts(user: ClipUserCase) -> None:
    await user.add("clip_a")

    async def answer(event_id: str) -> StepResult | None:
        async with user.database.transaction() as connection:
            _, first_time = await user.clips.lock_run_for_event(
                connection, "clip_a", consumer="somebody", event_id=event_id
            )
            return await synthesized(user, connection, "clip_a") if first_time else None

    # The same event twice, and the same fact in two other events.
    moved = await asyncio.gather(*(answer(event_id) for event_id in ("evt_a", "evt_a", "evt_b", "evt_c")))
    assert [one for one in moved if one is not None] == [StepResult("espeak", False)]


async def notification(user: ClipUserCase, step: str) -> str:
    """Takes a step of clip_a and returns the notification that watchers receive."""
    notifications: asyncio.Queue[str] = asyncio.Queue()
    listening = asyncio.create_task(user.database.listen(user.channel, notifications.put))
    try:
        assert await notifications.get() == ""
        async with user.database.transaction() as connection:
            if step == "synthesized":
                await synthesized(user, connection, "clip_a")
            else:
                await user.queue.release(connection, "espeak", NOON, unknown_concurrency=1, local_lookahead=2)
        return await notifications.get()
    finally:
        listening.cancel()


async def test_watchers_are_notified_of_a_step(user: ClipUserCase) -> None:
    await user.add("clip_a")
    assert await notification(user, "synthesized") == user.run_of("clip_a")


async def test_watchers_are_notified_of_a_release(user: ClipUserCase) -> None:
    await user.add("clip_a", status=PENDING, attempts=0)
    assert await notification(user, "released") == user.run_of("clip_a")


async def stale(user: ClipUserCase, seconds: float, limit: int = 9) -> Sequence[Clip]:
    """Returns the clips that are stale so many seconds after noon."""
    async with user.database.reading() as connection:
        return await user.clips.stale(connection, NOON + timedelta(seconds=seconds), TIMEOUT, limit)


async def test_an_unfinished_clip_is_stale_after_the_timeout(user: ClipUserCase) -> None:
    await user.add("clip_a")
    await user.add("clip_b", 1, status=SCORING)
    await user.add("clip_c", 2, status=COMPLETED, ended_at=NOON)
    await user.add("clip_d", 3, status=PENDING)
    assert await stale(user, 20) == []
    assert sorted(clip.id for clip in await stale(user, 20.001)) == ["clip_a", "clip_b"]
    assert len(await stale(user, 20.001, limit=1)) == 1


async def test_a_stale_clip_has_everything_that_a_request_needs(user: ClipUserCase) -> None:
    spoken = {"attempts": 3, "attempts_before": 2, "audio_name": "clip_a.wav"}
    spoken |= {"speed": 1.25, "language": "de", "seed": 7, "spoken_language": "en-GB"}
    await user.add("clip_a", status=SCORING, **spoken)  # type: ignore[arg-type]
    assert await stale(user, 30) == [
        Clip(
            id="clip_a",
            run_id=user.run_of("clip_a"),
            developer_id="dev_a",
            traceparent="a trace",
            text="Hello.",
            provider="espeak",
            voice_id="en",
            model_id="",
            status=SCORING,
            listen=user.listens,
            **spoken,  # type: ignore[arg-type]
        )
    ]


@pytest.mark.parametrize(("language", "spoken"), [(None, "en-GB"), ("de", "de")])
async def test_what_a_clip_says_has_the_language_of_the_request_or_of_the_voice(
    user: ClipUserCase, language: str | None, spoken: str
) -> None:
    await user.add("clip_a", language=language, spoken_language="en-GB")
    async with user.database.transaction() as connection:
        assert await user.clips.spoken_text(connection, "clip_a") == SpokenText("Hello.", spoken)


async def test_what_was_heard_is_stored_with_the_clip(user: ClipUserCase) -> None:
    await user.add("clip_a", status=SCORING)
    await user.add("clip_b", 1, status=SCORING)
    heard = HeardSpeech("Hello?", {"word_error_rate": 0.0, "alignment": []}, {"word_error_rate": "words/1"})
    measured = Measurements(word_error_rate=0.0, signal_quality_mos=3.5, hard_word_accuracy=0.5, speech_failures=2)
    async with user.database.transaction() as connection:
        assert await user.clips.evaluated(connection, "clip_a", 1, measured, heard, at=NOON)
        assert await user.clips.evaluated(connection, "clip_b", 1, Measurements(peak=0.5), at=NOON)
    row = await user.read("clip_a")
    assert (row.status, row.measurements, row.heard_speech) == (ClipStatus.COMPLETED, measured, heard)
    assert (await user.read("clip_b")).heard_speech is None


async def test_the_timeout_doubles_with_each_attempt_since_the_last_retry(user: ClipUserCase) -> None:
    await user.add("clip_a", attempts=8, attempts_before=5)
    assert await stale(user, 80) == []
    assert [clip.id for clip in await stale(user, 80.001)] == ["clip_a"]


async def test_the_oldest_request_comes_first(user: ClipUserCase) -> None:
    await user.add("clip_b", 1)
    await user.add("clip_a", requested_at=NOON - MINUTE)
    assert [clip.id for clip in await stale(user, 30)] == ["clip_a", "clip_b"]


async def test_a_repeated_request_starts_the_next_attempt(user: ClipUserCase) -> None:
    await user.add("clip_a")
    (clip,) = await stale(user, 30)
    async with user.database.transaction() as connection:
        assert await user.clips.requested_again(connection, clip, now()) is not None
        # Another process has read the clip at the same time.
        assert await user.clips.requested_again(connection, clip, now()) is None
    assert await user.read("clip_a") == Row(SYNTHESIZING, attempts=2)
    assert await stale(user, 60) == []


async def test_a_delayed_request_times_out_later(user: ClipUserCase) -> None:
    await user.add("clip_a")
    until = now() + MINUTE
    async with user.database.transaction() as connection:
        assert await user.clips.delayed(connection, "clip_a", 1, until) == StepResult("espeak", False)
    assert await user.read("clip_a") == Row(SYNTHESIZING)
    async with user.database.reading() as connection:
        assert await user.clips.stale(connection, until + TIMEOUT, TIMEOUT, 9) == []
        later = await user.clips.stale(connection, until + TIMEOUT + timedelta(seconds=1), TIMEOUT, 9)
    assert [clip.id for clip in later] == ["clip_a"]


async def test_no_clip_of_a_stopped_run_is_stale(user: ClipUserCase) -> None:
    await user.add("clip_a")
    await user.stop("clip_a")
    assert await stale(user, 3600) == []


async def test_cancelling_a_run_returns_clips_that_are_evaluated_and_leaves_ended_ones_unchanged(
    user: ClipUserCase,
) -> None:
    await user.add("clip_a", status=SCORING, audio_name="clip_a.wav", attempts=2)
    await user.add("clip_b", 1, status=COMPLETED, ended_at=NOON)
    await user.add("clip_c", 2)
    cancelled = []
    async with user.database.transaction() as connection:
        for clip_id in ("clip_a", "clip_b", "clip_c"):
            cancelled += await user.clips.cancel(connection, user.run_of(clip_id), NOON + MINUTE)
    assert [(clip.id, clip.attempts, clip.audio_name, clip.text) for clip in cancelled] == [
        ("clip_a", 2, "clip_a.wav", "Hello.")
    ]
    assert await user.read("clip_a") == Row(
        ClipStatus.CANCELLED, attempts=2, audio_name="clip_a.wav", ended_at=NOON + MINUTE
    )
    assert (await user.read("clip_c")).status is ClipStatus.CANCELLED
    assert await user.read("clip_b") == Row(COMPLETED, ended_at=NOON)


@pytest.mark.parametrize("audio", ["clip_a.wav", None])
async def test_a_retried_clip_keeps_counting_its_requests(user: ClipUserCase, audio: str | None) -> None:
    await user.add("clip_a", attempts=8, attempts_before=1, audio_name=audio, audio_deleted_at=None if audio else NOON)
    async with user.database.transaction() as connection:
        await user.clips.failed(connection, "clip_a", 8, Failure(SYNTHESIZING, "timed_out", "no", 2), at=NOON)
        (clip,) = await user.clips.retry(connection, user.run_of("clip_a"), NOON + MINUTE)
        assert await user.clips.retry(connection, user.run_of("clip_a"), NOON + MINUTE) == []
    wanted = (SCORING, 9) if audio else (PENDING, 8)
    assert (clip.status, clip.attempts) == wanted
    assert (clip.id, clip.attempts_before, clip.audio_name) == ("clip_a", 8, audio)
    assert await user.read("clip_a") == Row(*wanted, attempts_before=8, provider_requests=2, audio_name=audio)


async def record_provider(user: ClipUserCase, provider: Provider, at: datetime = NOON) -> bool:
    async with user.database.transaction() as connection:
        return await user.queue.record_provider(connection, provider, at)


async def released(
    user: ClipUserCase, provider: str = "espeak", at: datetime = NOON, share: int | None = None
) -> Sequence[Clip]:
    async with user.database.transaction() as connection:
        return await user.queue.release(connection, provider, at, unknown_concurrency=1, local_lookahead=2, share=share)


async def ids(user: ClipUserCase, provider: str = "espeak", at: datetime = NOON, share: int | None = None) -> list[str]:
    return [clip.id for clip in await released(user, provider, at, share)]


async def add_pending(user: ClipUserCase, clips: int, provider: str = "espeak", name: str = "a") -> None:
    """Adds pending clips a0, a1 and so on, to be requested in this order."""
    for order in reversed(range(clips)):
        await user.add(f"{name}{order}", order, provider=provider, status=PENDING, attempts=0)


async def finish(user: ClipUserCase, clip_id: str) -> None:
    """Frees the slot of a clip at its provider."""
    async with user.database.transaction() as connection:
        assert await synthesized(user, connection, clip_id) is not None


async def test_a_provider_is_updated_unless_something_later_is_stored(user: ClipUserCase) -> None:
    larger = Provider(id="espeak", max_concurrency=5, local=False)
    assert await record_provider(user, HOSTED)
    assert not await record_provider(user, HOSTED, NOON + MINUTE)
    assert not await record_provider(user, larger, NOON)
    assert await record_provider(user, larger, NOON + 2 * MINUTE)
    assert await record_provider(user, Provider(id="espeak", max_concurrency=5, local=True), NOON + 3 * MINUTE)


async def test_clips_are_released_in_order_while_the_provider_has_free_slots(user: ClipUserCase) -> None:
    await add_pending(user, 5)
    await record_provider(user, HOSTED)
    first = await released(user)
    assert [clip.id for clip in first] == ["a0", "a1", "a2"]
    assert {(clip.status, clip.attempts, clip.developer_id, clip.traceparent, clip.text) for clip in first} == {
        (SYNTHESIZING, 1, "dev_a", "a trace", "Hello.")
    }
    assert [await user.read(clip.id) for clip in first] == [Row(SYNTHESIZING)] * 3
    assert await user.read("a3") == Row(PENDING, attempts=0)
    assert await ids(user) == []
    await finish(user, "a1")
    assert await ids(user) == ["a3"]


async def test_a_local_provider_gets_extra_clips(user: ClipUserCase) -> None:
    await add_pending(user, 9)
    await record_provider(user, Provider(id="espeak", max_concurrency=3, local=True))
    assert len(await ids(user)) == 5
    assert await ids(user) == []


async def test_an_unknown_provider_gets_few_clips(user: ClipUserCase) -> None:
    await add_pending(user, 9)
    assert await ids(user) == ["a0"]
    assert await ids(user) == []


async def test_a_provider_whose_limit_was_lowered_gets_nothing_until_it_has_a_free_slot(user: ClipUserCase) -> None:
    await add_pending(user, 9)
    await record_provider(user, HOSTED)
    assert await ids(user) == ["a0", "a1", "a2"]
    await record_provider(user, Provider(id="espeak", max_concurrency=1, local=False), NOON + MINUTE)
    for done in ("a0", "a1"):
        await finish(user, done)
        assert await ids(user) == []
    await finish(user, "a2")
    assert await ids(user) == ["a3"]


async def test_each_provider_has_its_own_slots(user: ClipUserCase) -> None:
    await add_pending(user, 2, "flite")
    await add_pending(user, 2, name="b")
    assert await ids(user, "flite") == ["a0"]
    assert await ids(user) == ["b0"]
    assert await ids(user, "nobody") == []


async def test_a_user_gets_its_share_while_others_wait_and_all_slots_afterwards(
    user: ClipUserCase,
) -> None:
    await add_pending(user, 9)
    await record_provider(user, HOSTED)
    assert await ids(user) == ["a0", "a1", "a2"]
    # The results say that another service waits: the share is two of the three slots.
    await finish(user, "a0")
    assert await ids(user, share=2) == []
    await finish(user, "a1")
    assert await ids(user, share=2) == ["a3"]
    # A release without a result respects the share too.
    await finish(user, "a2")
    assert await ids(user) == ["a4"]
    await finish(user, "a3")
    assert await ids(user, share=3) == ["a5", "a6"]
    await finish(user, "a4")
    assert await ids(user) == ["a7"]


async def test_a_share_that_no_later_result_confirms_expires(user: ClipUserCase) -> None:
    await add_pending(user, 9)
    await record_provider(user, HOSTED)
    assert await ids(user, share=1) == ["a0"]
    assert await ids(user, at=NOON + SHARE_DURATION - timedelta(seconds=1)) == []
    assert await ids(user, at=NOON + SHARE_DURATION) == ["a1", "a2"]
    # A confirmed share stays.
    assert await ids(user, at=NOON + 2 * MINUTE, share=2) == []
    for done in ("a0", "a1", "a2"):
        await finish(user, done)
    later = NOON + 2 * MINUTE + SHARE_DURATION
    assert await ids(user, at=later - timedelta(seconds=1), share=2) == ["a3", "a4"]
    assert await ids(user, at=later) == []
    assert await ids(user, at=later + SHARE_DURATION) == ["a5"]


async def test_a_local_provider_gets_extra_clips_above_the_share(user: ClipUserCase) -> None:
    await add_pending(user, 9)
    await record_provider(user, Provider(id="espeak", max_concurrency=3, local=True))
    assert len(await ids(user, share=1)) == 3


async def test_a_share_belongs_to_one_provider_and_never_exceeds_its_limit(user: ClipUserCase) -> None:
    await add_pending(user, 9)
    await add_pending(user, 9, "flite", "b")
    for provider in ("espeak", "flite"):
        await record_provider(user, Provider(id=provider, max_concurrency=3, local=False))
    assert len(await ids(user, share=1)) == 1
    assert len(await ids(user, "flite")) == 3
    assert len(await ids(user, share=9)) == 2
    # An unknown provider gets few clips, whatever the share.
    await add_pending(user, 3, "kokoro", "c")
    assert await ids(user, "kokoro", share=3) == ["c0"]


async def test_simultaneous_releases_use_each_slot_once(user: ClipUserCase) -> None:
    await add_pending(user, 20)
    await record_provider(user, HOSTED)
    all_at_once = await asyncio.gather(*(ids(user) for _ in range(6)))
    assert sorted(one for some in all_at_once for one in some) == ["a0", "a1", "a2"]


async def test_cancelled_clips_and_clips_of_stopped_runs_are_not_released(user: ClipUserCase) -> None:
    await add_pending(user, 1)
    await add_pending(user, 1, "flite", "b")
    async with user.database.transaction() as connection:
        await user.clips.cancel(connection, user.run_of("a0"), NOON)
    await user.stop("b0")
    assert await ids(user) == []
    assert await ids(user, "flite") == []


async def test_clips_that_are_being_cancelled_are_skipped_without_waiting(user: ClipUserCase) -> None:
    if isinstance(user.database, MemoryDatabase):
        pytest.skip("transactions in memory run one after another")
    await record_provider(user, HOSTED)
    await add_pending(user, 1)
    async with user.database.transaction() as connection, asyncio.timeout(5):
        await user.clips.lock_run(connection, "a0")
        await user.clips.cancel(connection, user.run_of("a0"), NOON)
        assert await ids(user) == []


async def test_a_clip_requested_before_is_released_with_the_next_attempt(user: ClipUserCase) -> None:
    await user.add("clip_a", status=PENDING, attempts=2, attempts_before=2)
    (clip,) = await released(user)
    assert (clip.attempts, clip.attempts_before) == (3, 2)


async def test_unfinished_clips_are_counted_by_provider_and_status(user: ClipUserCase) -> None:
    await add_pending(user, 3)
    await user.add("b0", provider="flite", status=ClipStatus.CANCELLED, ended_at=NOON)
    await user.add("b1", 1, provider="flite", status=COMPLETED, ended_at=NOON)
    await user.add("c0", provider="kokoro", status=SCORING, requested_at=NOON + MINUTE)
    async with user.database.transaction() as connection:
        (clip,) = await user.queue.release(
            connection, "espeak", NOON + 5 * MINUTE, unknown_concurrency=1, local_lookahead=2
        )
    async with user.database.reading() as connection:
        found = sorted(await user.queue.unfinished(connection), key=lambda some: some.status)
    assert clip.id == "a0"
    assert found == [
        UnfinishedClips("espeak", PENDING, 2, NOON),
        UnfinishedClips("kokoro", SCORING, 1, NOON + MINUTE),
        UnfinishedClips("espeak", SYNTHESIZING, 1, NOON + 5 * MINUTE),
    ]
    providers = ["espeak", "flite", "kokoro", "nobody"]
    assert list(await user.queue.with_pending_clips(user.database.hot, providers)) == ["espeak"]
    assert not await user.queue.with_pending_clips(user.database.hot, [])
