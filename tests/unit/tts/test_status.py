"""The status of the providers of tts."""

from pathlib import Path

import pytest
from voicearena.mesh.v1.mesh_pb2 import ProcessStatus, ProviderStatus

from services.tts import status
from services.tts.domain import FailureKind, SynthesisError
from tests.fakes.engine import ScriptedEngine
from tests.unit.tts.use_cases import UseCases, job, use_cases


def status_of(tts: UseCases) -> ProviderStatus:
    found = ProcessStatus()
    status.reporter(tts.providers)(found)
    (provider,) = found.providers
    return provider


async def test_the_status_of_a_provider_without_requests_is_empty(tmp_path: Path) -> None:
    assert status_of(await use_cases(tmp_path)) == ProviderStatus(id="fake", limit=2)


async def test_the_status_of_an_unavailable_provider_has_the_reason(tmp_path: Path) -> None:
    engine = ScriptedEngine(max_concurrency=4)
    engine.fault = "set FAKE_API_KEY"
    found = status_of(await use_cases(tmp_path, [engine]))
    assert (found.unavailable_reason, found.limit) == ("set FAKE_API_KEY", 4)


async def test_a_provider_is_failing_until_a_request_succeeds(tmp_path: Path) -> None:
    tts = await use_cases(tmp_path)
    tts.engine.failures = [SynthesisError(FailureKind.CREDENTIALS_REJECTED, "no")]
    await tts.jobs.synthesize(job("trl_1"))
    failing = status_of(tts)
    assert (failing.failing, failing.last_error_kind) == (True, "credentials_rejected")
    assert 0 <= failing.last_error_seconds < 5
    await tts.jobs.synthesize(job("trl_2"))
    well = status_of(tts)
    assert (well.failing, well.last_error_kind) == (False, "credentials_rejected")


@pytest.mark.parametrize("kind", [FailureKind.INVALID_REQUEST, FailureKind.TEXT_TOO_LONG, FailureKind.UNKNOWN_VOICE])
async def test_an_invalid_request_is_not_a_failure_of_the_provider(tmp_path: Path, kind: FailureKind) -> None:
    tts = await use_cases(tmp_path)
    tts.engine.failures = [SynthesisError(kind, "no")]
    await tts.jobs.synthesize(job("trl_1"))
    assert status_of(tts) == ProviderStatus(id="fake", limit=2)


async def test_the_status_has_the_slots_in_use(tmp_path: Path) -> None:
    tts = await use_cases(tmp_path)
    provider = tts.providers.get("fake")
    async with provider.slots.for_job("experiments"), provider.slots.for_job("experiments"):
        assert (status_of(tts).in_use, status_of(tts).limit, status_of(tts).waiting) == (2, 2, 0)
