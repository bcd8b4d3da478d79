"""The use cases of tts with scripted engines, a store in a folder, and a list of published facts."""

import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from google.protobuf.message import Message

from services.runtime.audio_store import AudioLinks, AudioStore
from services.runtime.pages import Pages
from services.tts.domain import Job, Utterance
from services.tts.providers.limits import SynthesisLimits
from services.tts.providers.registry import ProviderRegistry
from services.tts.store import AudioResults, RequestLedger
from services.tts.usecases.audio import Audio
from services.tts.usecases.jobs import Jobs
from services.tts.usecases.speech import Speech
from services.tts.usecases.voices import Voices
from tests.fakes.engine import ScriptedEngine

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
MEASURING = ThreadPoolExecutor(1)
LINKS = AudioLinks("a secret of the tests", "http://localhost:8080", 60)
PAGES = Pages("a secret of the tests")


@dataclass
class UseCases:
    """The use cases of one test, with the facts they publish and the times they sleep."""

    providers: ProviderRegistry
    jobs: Jobs
    speech: Speech
    audio: Audio
    voices: Voices
    store: AudioStore
    engine: ScriptedEngine
    facts: list[Any] = field(default_factory=list)
    sleeps: list[float] = field(default_factory=list)


async def use_cases(
    folder: Path, engines: Sequence[ScriptedEngine] = (), max_waiting: int = 1, ledger: RequestLedger | None = None
) -> UseCases:
    """Returns use cases whose providers have listed their voices. Retries do not wait."""
    chosen = engines or (ScriptedEngine(),)
    store = AudioStore(str(folder))
    facts: list[Any] = []
    sleeps: list[float] = []

    async def publish(fact: Message) -> None:
        facts.append(fact)

    async def sleep(seconds: float) -> None:
        sleeps.append(seconds)

    providers = ProviderRegistry(chosen, max_waiting)
    await providers.refresh()
    results, limits = AudioResults(store), SynthesisLimits(5, 5)
    ledger = ledger or RequestLedger(store)
    return UseCases(
        providers,
        Jobs(providers, results, ledger, publish, limits, MEASURING, sleep=sleep, jitter=random.Random(1)),
        Speech(providers, limits),
        Audio(store, results, LINKS),
        Voices(providers, publish, PAGES),
        store,
        chosen[0],
        facts,
        sleeps,
    )


def job(
    job_id: str = "trl_1",
    attempt: int = 1,
    text: str = "Hello.",
    voice: str = "ann",
    provider: str = "fake",
    run_id: str = "",
    requested_at: datetime = NOON,
) -> Job:
    """Returns a job of developer dev_1, requested by experiments."""
    return Job("experiments", job_id, attempt, "dev_1", provider, Utterance(text, voice), run_id, requested_at)


def kept(folder: Path) -> list[str]:
    """Returns the names of the objects in the store."""
    return sorted(path.name for path in folder.iterdir())
