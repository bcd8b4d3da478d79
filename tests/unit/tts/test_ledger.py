"""Every request to a provider is on record before it is made, and none more than that."""

import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any, cast

import pytest

from services.runtime.errors import Unavailable
from services.tts.domain import FailureKind, SynthesisError, Timing, Utterance
from services.tts.store import Purpose, RequestLedger
from tests.fakes.engine import ScriptedEngine
from tests.unit.tts.scene import Scene, job, kept, scene


class Witness(ScriptedEngine):
    """Notes at each request what is on record at that moment."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder
        self.seen: list[list[str]] = []

    async def synthesize(self, utterance: Utterance, timing: Timing) -> AsyncGenerator[bytes, None]:
        self.seen.append(kept(self._folder))
        async for piece in super().synthesize(utterance, timing):
            yield piece


def requests_told(here: Scene) -> list[int]:
    return [fact.provider_requests for fact in here.facts]


async def test_each_try_is_on_record_when_it_is_made(tmp_path: Path) -> None:
    engine = Witness(tmp_path)
    engine.failures = [SynthesisError(FailureKind.TIMED_OUT, "no")]
    here = await scene(tmp_path, [engine])
    await here.jobs.synthesize(job())
    assert engine.seen == [["trl_1-try-1.json"], ["trl_1-try-1.json", "trl_1-try-2.json"]]
    assert requests_told(here) == [2]


async def test_a_record_says_of_whom_what_was_asked_and_for_which_request(tmp_path: Path) -> None:
    here = await scene(tmp_path)
    await here.jobs.synthesize(job(attempt=3, run_id="exp_1"))
    notes = [json.loads((tmp_path / f"trl_1-try-{n}.json").read_text()) for n in (1, 2)]
    assert [(note["provider"], note["attempt"], note["purpose"]) for note in notes] == [
        ("fake", 3, "warm_up"),
        ("fake", 3, "speech"),
    ]


async def test_a_job_that_failed_and_is_asked_for_again_is_counted_on(tmp_path: Path) -> None:
    here = await scene(tmp_path)
    here.engine.failures = [SynthesisError(FailureKind.TIMED_OUT, "no") for _ in range(3)]
    await here.jobs.synthesize(job())
    await here.jobs.synthesize(job(attempt=2))
    await here.jobs.synthesize(job(attempt=3))
    assert requests_told(here) == [3, 4, 4]
    assert len(here.engine.asked) == 4


async def test_two_processes_that_have_the_same_job_never_use_one_record(tmp_path: Path) -> None:
    one, other = await scene(tmp_path), await scene(tmp_path)
    first, second = RequestLedger(one.store).of(job()), RequestLedger(other.store).of(job())
    for requests in (first, second, first, second):
        await requests.record(Purpose.SPEECH)
    assert kept(tmp_path) == [f"trl_1-try-{n}.json" for n in (1, 2, 3, 4)]
    assert await RequestLedger(one.store).of(job()).total() == 4


async def test_without_a_record_no_provider_is_asked(tmp_path: Path) -> None:
    class Away:
        def check_room(self) -> None:
            return

        async def create_json(self, name: str, value: dict[str, object]) -> bool:
            raise Unavailable("the audio store can't be written")

    here = await scene(tmp_path, ledger=RequestLedger(cast(Any, Away())))
    with pytest.raises(Unavailable):
        await here.jobs.synthesize(job())
    assert (here.engine.asked, here.facts) == ([], [])
    assert here.providers.get("fake").slots.in_use == 0


async def test_a_job_that_is_given_up_tells_what_was_asked_before(tmp_path: Path) -> None:
    here = await scene(tmp_path)
    here.engine.failures = [SynthesisError(FailureKind.QUOTA_EXCEEDED, "spent")]
    await here.jobs.synthesize(job())
    await here.jobs.give_up(job(attempt=2), FailureKind.PROVIDER_UNAVAILABLE, "why")
    await here.jobs.give_up(job("../trl_1"), FailureKind.PROVIDER_UNAVAILABLE, "why")
    assert requests_told(here) == [1, 1, 0]


async def test_streams_leave_nothing_behind(tmp_path: Path) -> None:
    here = await scene(tmp_path)
    async for _ in here.speech.speak("fake", Utterance("Hello.", "ann"), "dev_1"):
        pass
    assert kept(tmp_path) == []
