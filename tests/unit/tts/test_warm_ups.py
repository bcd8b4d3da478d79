"""Each provider is warmed up once per run, before anything is measured."""

import asyncio
from pathlib import Path

from voicearena.tts.v1.events_pb2 import SpeechSynthesized

from services.tts.domain import FailureKind, SynthesisError
from services.tts.warm_ups import WarmUps
from tests.fakes.engine import ScriptedEngine
from tests.unit.tts.use_cases import job, use_cases

LONG = "A text that is longer than that of a warm-up."


async def test_the_first_job_of_a_run_is_preceded_by_a_warm_up_with_the_same_voice(tmp_path: Path) -> None:
    tts = await use_cases(tmp_path)
    await tts.jobs.synthesize(job(text=LONG, voice="bob", run_id="exp_1"))
    assert [(each.text, each.voice_id, each.model_id) for each in tts.engine.utterances] == [
        ("Hello.", "bob", "m1"),
        (LONG, "bob", "m1"),
    ]
    (fact,) = tts.facts
    assert isinstance(fact, SpeechSynthesized)
    assert fact.provider_requests == 2


async def test_each_provider_is_warmed_up_once_per_run_and_other_jobs_wait(tmp_path: Path) -> None:
    one, other = ScriptedEngine("one", max_concurrency=8), ScriptedEngine("other", max_concurrency=8)
    tts = await use_cases(tmp_path, [one, other])
    one.hold.clear()
    jobs = [
        job(f"trl_{run}_{provider}_{n}", text=LONG, provider=provider, run_id=run)
        for run in ("exp_1", "exp_2")
        for provider in ("one", "other")
        for n in range(4)
    ]
    tasks = [asyncio.create_task(tts.jobs.synthesize(each)) for each in jobs]
    while len(tts.facts) < 8:  # noqa: ASYNC110
        await asyncio.sleep(0.001)
    assert [each.text for each in one.utterances] == ["Hello."] * 2
    one.hold.set()
    await asyncio.gather(*tasks)
    for engine in (one, other):
        assert [each.text for each in engine.utterances].count("Hello.") == 2
        assert len(engine.utterances) == 10
        assert {each.text for each in engine.utterances[:1]} == {"Hello."}


async def test_jobs_without_a_run_and_finished_jobs_have_no_warm_up(tmp_path: Path) -> None:
    tts = await use_cases(tmp_path)
    await tts.jobs.synthesize(job(text=LONG))
    await tts.jobs.synthesize(job(text=LONG, attempt=2, run_id="exp_1"))
    assert [each.text for each in tts.engine.utterances] == [LONG]


async def test_a_failed_warm_up_does_not_fail_the_job(tmp_path: Path) -> None:
    tts = await use_cases(tmp_path)
    tts.engine.failures = [SynthesisError(FailureKind.TIMED_OUT, "no audio")]
    await tts.jobs.synthesize(job(text=LONG, run_id="exp_1"))
    await tts.jobs.synthesize(job("trl_2", text=LONG, run_id="exp_1"))
    assert [each.text for each in tts.engine.utterances] == ["Hello.", LONG, LONG]
    assert all(isinstance(fact, SpeechSynthesized) for fact in tts.facts)
    assert tts.sleeps == []


async def test_a_cancelled_warm_up_is_done_by_the_next_task() -> None:
    warm_ups, never, ran = WarmUps(), asyncio.Event(), []

    async def warm_up(name: str) -> None:
        ran.append(name)
        if name == "first":
            await never.wait()

    async def once(name: str) -> None:
        await warm_ups.once(("exp_1", "p"), lambda: warm_up(name))

    first, second, third = (asyncio.create_task(once(name)) for name in ("first", "second", "third"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    second.cancel()
    await asyncio.wait([second])
    assert not third.done()
    first.cancel()
    await third
    await once("fourth")
    assert ran == ["first", "third"]


async def test_old_runs_are_forgotten() -> None:
    warm_ups, ran = WarmUps(max_remembered=2), []

    async def once(run: str) -> None:
        async def warm_up() -> None:
            ran.append(run)

        await warm_ups.once((run,), warm_up)

    for run in ("a", "b", "a", "c", "a", "b"):
        await once(run)
    assert ran == ["a", "b", "c", "b"]
