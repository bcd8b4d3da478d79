"""The use cases of tts over scripted engines and a store in a folder, with facts kept in a list."""

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
from services.tts.providers.deadline import Patience
from services.tts.providers.registry import Providers
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
class Scene:
    """The use cases of one test, with what happens in them."""

    providers: Providers
    jobs: Jobs
    speech: Speech
    audio: Audio
    voices: Voices
    store: AudioStore
    engine: ScriptedEngine
    facts: list[Any] = field(default_factory=list)
    sleeps: list[float] = field(default_factory=list)


async def scene(
    folder: Path, engines: Sequence[ScriptedEngine] = (), longest_queue: int = 1, ledger: RequestLedger | None = None
) -> Scene:
    """Returns use cases whose providers were all asked for their voices; retries don't wait."""
    chosen = engines or (ScriptedEngine(),)
    store = AudioStore(str(folder))
    facts: list[Any] = []
    sleeps: list[float] = []

    async def publish(fact: Message) -> None:
        facts.append(fact)

    async def sleep(seconds: float) -> None:
        sleeps.append(seconds)

    providers = Providers(chosen, longest_queue)
    await providers.refresh()
    results, patience = AudioResults(store), Patience(5, 5)
    ledger = ledger or RequestLedger(store)
    return Scene(
        providers,
        Jobs(providers, results, ledger, publish, patience, MEASURING, sleep=sleep, jitter=random.Random(1)),
        Speech(providers, patience),
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
    """Returns a job of dev_1 for experiments."""
    return Job("experiments", job_id, attempt, "dev_1", provider, Utterance(text, voice), run_id, requested_at)


def kept(folder: Path) -> list[str]:
    """Returns the names of what is in the store."""
    return sorted(path.name for path in folder.iterdir())
