"""A provider is warmed up once for a run, before anything is measured."""

import asyncio
from pathlib import Path

from voicearena.tts.v1.events_pb2 import SpeechSynthesized

from services.tts.domain import FailureKind, SynthesisError
from services.tts.warm_ups import WarmUps
from tests.fakes.engine import ScriptedEngine
from tests.unit.tts.scene import job, scene

LONG = "A text that is longer than what a warm-up says."


async def test_the_first_job_of_a_run_says_a_few_words_before_with_the_same_voice(tmp_path: Path) -> None:
    here = await scene(tmp_path)
    await here.jobs.synthesize(job(text=LONG, voice="bob", run_id="exp_1"))
    assert [(each.text, each.voice_id, each.model_id) for each in here.engine.asked] == [
        ("Hello.", "bob", "m1"),
        (LONG, "bob", "m1"),
    ]
    (fact,) = here.facts
    assert isinstance(fact, SpeechSynthesized)
    assert fact.provider_requests == 2


async def test_each_run_and_each_provider_is_warmed_up_once_and_the_others_wait_for_it(tmp_path: Path) -> None:
    one, other = ScriptedEngine("one", max_concurrency=8), ScriptedEngine("other", max_concurrency=8)
    here = await scene(tmp_path, [one, other])
    one.hold.clear()
    jobs = [
        job(f"trl_{run}_{provider}_{n}", text=LONG, provider=provider, run_id=run)
        for run in ("exp_1", "exp_2")
        for provider in ("one", "other")
        for n in range(4)
    ]
    going = [asyncio.create_task(here.jobs.synthesize(each)) for each in jobs]
    while len(here.facts) < 8:  # noqa: ASYNC110
        await asyncio.sleep(0.001)
    assert [each.text for each in one.asked] == ["Hello."] * 2
    one.hold.set()
    await asyncio.gather(*going)
    for engine in (one, other):
        assert [each.text for each in engine.asked].count("Hello.") == 2
        assert len(engine.asked) == 10
        assert {each.text for each in engine.asked[:1]} == {"Hello."}


async def test_a_job_without_a_run_and_one_that_is_done_are_not_warmed_up_for(tmp_path: Path) -> None:
    here = await scene(tmp_path)
    await here.jobs.synthesize(job(text=LONG))
    await here.jobs.synthesize(job(text=LONG, attempt=2, run_id="exp_1"))
    assert [each.text for each in here.engine.asked] == [LONG]


async def test_a_warm_up_that_fails_is_no_matter(tmp_path: Path) -> None:
    here = await scene(tmp_path)
    here.engine.failures = [SynthesisError(FailureKind.TIMED_OUT, "no audio")]
    await here.jobs.synthesize(job(text=LONG, run_id="exp_1"))
    await here.jobs.synthesize(job("trl_2", text=LONG, run_id="exp_1"))
    assert [each.text for each in here.engine.asked] == ["Hello.", LONG, LONG]
    assert all(isinstance(fact, SpeechSynthesized) for fact in here.facts)
    assert here.sleeps == []


async def test_who_breaks_off_a_warm_up_leaves_it_to_the_next() -> None:
    warm_ups, never, led = WarmUps(), asyncio.Event(), []

    async def warm_up(name: str) -> None:
        led.append(name)
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
    assert led == ["first", "third"]


async def test_runs_of_long_ago_are_forgotten() -> None:
    warm_ups, led = WarmUps(most_remembered=2), []

    async def once(run: str) -> None:
        async def warm_up() -> None:
            led.append(run)

        await warm_ups.once((run,), warm_up)

    for run in ("a", "b", "a", "c", "a", "b"):
        await once(run)
    assert led == ["a", "b", "c", "b"]
