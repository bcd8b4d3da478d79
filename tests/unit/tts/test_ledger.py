"""Every request to a provider is recorded before it is made, and no other request is."""

import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any, cast

import pytest

from services.runtime.errors import Unavailable
from services.tts.domain import FailureKind, SynthesisError, Timing, Utterance
from services.tts.store import Purpose, RequestLedger
from tests.fakes.engine import ScriptedEngine
from tests.unit.tts.use_cases import UseCases, job, kept, use_cases


class RecordingEngine(ScriptedEngine):
    """Lists the records in the store at each request."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder
        self.records: list[list[str]] = []

    async def synthesize(self, utterance: Utterance, timing: Timing) -> AsyncGenerator[bytes, None]:
        self.records.append(kept(self._folder))
        async for piece in super().synthesize(utterance, timing):
            yield piece


def reported_requests(tts: UseCases) -> list[int]:
    return [fact.provider_requests for fact in tts.facts]


async def test_each_try_is_recorded_before_its_request(tmp_path: Path) -> None:
    engine = RecordingEngine(tmp_path)
    engine.failures = [SynthesisError(FailureKind.TIMED_OUT, "no")]
    tts = await use_cases(tmp_path, [engine])
    await tts.jobs.synthesize(job())
    assert engine.records == [["trl_1-try-1.json"], ["trl_1-try-1.json", "trl_1-try-2.json"]]
    assert reported_requests(tts) == [2]


async def test_a_record_has_provider_attempt_and_purpose(tmp_path: Path) -> None:
    tts = await use_cases(tmp_path)
    await tts.jobs.synthesize(job(attempt=3, run_id="exp_1"))
    notes = [json.loads((tmp_path / f"trl_1-try-{n}.json").read_text()) for n in (1, 2)]
    assert [(note["provider"], note["attempt"], note["purpose"]) for note in notes] == [
        ("fake", 3, "warm_up"),
        ("fake", 3, "speech"),
    ]


async def test_the_requests_of_a_repeated_job_add_up(tmp_path: Path) -> None:
    tts = await use_cases(tmp_path)
    tts.engine.failures = [SynthesisError(FailureKind.TIMED_OUT, "no") for _ in range(3)]
    await tts.jobs.synthesize(job())
    await tts.jobs.synthesize(job(attempt=2))
    await tts.jobs.synthesize(job(attempt=3))
    assert reported_requests(tts) == [3, 4, 4]
    assert len(tts.engine.utterances) == 4


async def test_two_processes_with_the_same_job_never_share_a_record(tmp_path: Path) -> None:
    one, other = await use_cases(tmp_path), await use_cases(tmp_path)
    first, second = RequestLedger(one.store).of(job()), RequestLedger(other.store).of(job())
    for requests in (first, second, first, second):
        await requests.record(Purpose.SPEECH)
    assert kept(tmp_path) == [f"trl_1-try-{n}.json" for n in (1, 2, 3, 4)]
    assert await RequestLedger(one.store).of(job()).total() == 4


async def test_no_request_is_made_without_a_record(tmp_path: Path) -> None:
    class Away:
        def check_free_space(self) -> None:
            return

        async def create_json(self, name: str, value: dict[str, object]) -> bool:
            raise Unavailable("the audio store can't be written")

    tts = await use_cases(tmp_path, ledger=RequestLedger(cast(Any, Away())))
    with pytest.raises(Unavailable):
        await tts.jobs.synthesize(job())
    assert (tts.engine.utterances, tts.facts) == ([], [])
    assert tts.providers.get("fake").slots.in_use == 0


async def test_a_dead_job_reports_its_earlier_requests(tmp_path: Path) -> None:
    tts = await use_cases(tmp_path)
    tts.engine.failures = [SynthesisError(FailureKind.QUOTA_EXCEEDED, "spent")]
    await tts.jobs.synthesize(job())
    await tts.jobs.give_up(job(attempt=2), FailureKind.PROVIDER_UNAVAILABLE, "why")
    await tts.jobs.give_up(job("../trl_1"), FailureKind.PROVIDER_UNAVAILABLE, "why")
    assert reported_requests(tts) == [1, 1, 0]


async def test_streams_store_nothing(tmp_path: Path) -> None:
    tts = await use_cases(tmp_path)
    async for _ in tts.speech.speak("fake", Utterance("Hello.", "ann"), "dev_1"):
        pass
    assert kept(tmp_path) == []
