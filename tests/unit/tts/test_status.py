"""What tts tells of its providers."""

from pathlib import Path

import pytest
from voicearena.mesh.v1.mesh_pb2 import ProcessStatus, ProviderStatus

from services.tts import status
from services.tts.domain import FailureKind, SynthesisError
from tests.fakes.engine import ScriptedEngine
from tests.unit.tts.scene import Scene, job, scene


def told(of: Scene) -> ProviderStatus:
    found = ProcessStatus()
    status.reporter(of.providers)(found)
    (provider,) = found.providers
    return provider


async def test_a_provider_that_was_not_asked_has_nothing_to_tell(tmp_path: Path) -> None:
    assert told(await scene(tmp_path)) == ProviderStatus(id="fake", limit=2)


async def test_a_provider_that_can_not_be_used_says_why(tmp_path: Path) -> None:
    engine = ScriptedEngine(max_concurrency=4)
    engine.fault = "set FAKE_API_KEY"
    found = told(await scene(tmp_path, [engine]))
    assert (found.unavailable_reason, found.limit) == ("set FAKE_API_KEY", 4)


async def test_a_provider_fails_until_a_request_goes_well(tmp_path: Path) -> None:
    of = await scene(tmp_path)
    of.engine.failures = [SynthesisError(FailureKind.CREDENTIALS_REJECTED, "no")]
    await of.jobs.synthesize(job("trl_1"))
    failing = told(of)
    assert (failing.failing, failing.last_error_kind) == (True, "credentials_rejected")
    assert 0 <= failing.last_error_seconds < 5
    await of.jobs.synthesize(job("trl_2"))
    well = told(of)
    assert (well.failing, well.last_error_kind) == (False, "credentials_rejected")


@pytest.mark.parametrize("kind", [FailureKind.INVALID_REQUEST, FailureKind.TEXT_TOO_LONG, FailureKind.UNKNOWN_VOICE])
async def test_what_was_asked_is_no_failure_of_the_provider(tmp_path: Path, kind: FailureKind) -> None:
    of = await scene(tmp_path)
    of.engine.failures = [SynthesisError(kind, "no")]
    await of.jobs.synthesize(job("trl_1"))
    assert told(of) == ProviderStatus(id="fake", limit=2)


async def test_slots_in_use_are_told(tmp_path: Path) -> None:
    of = await scene(tmp_path)
    provider = of.providers.get("fake")
    async with provider.slots.for_job("experiments"), provider.slots.for_job("experiments"):
        assert (told(of).in_use, told(of).limit, told(of).waiting) == (2, 2, 0)
