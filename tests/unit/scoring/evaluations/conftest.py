"""The use cases of evaluations over stores in memory."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from services.runtime.background import end_tasks
from services.runtime.changes import Changes
from services.runtime.errors import FieldViolation, InvalidInput, NotFound, Unavailable, WrongState
from services.runtime.identity import Caller, Identity, set_caller
from services.runtime.pages import Pages
from services.scoring.evaluations.domain import Evaluation, EvaluationPlan, RecordedScenario, StoredRecording
from services.scoring.evaluations.exporting import Exporting
from services.scoring.evaluations.recordings import Recordings
from services.scoring.evaluations.retention import Retention
from services.scoring.evaluations.running import Running
from services.scoring.evaluations.usecases import CHANGED, Evaluations
from services.scoring.evaluations.watching import Watching, WatchUpdate
from services.scoring.pipeline.step import StepOutcome
from tests.fakes.evaluation_runner import ScriptedRunner
from tests.fakes.memory_database import MemoryDatabase
from tests.fakes.memory_evaluation_store import MemoryEvaluationStore

MODEL, RECORDED = "mdl_" + "a" * 32, "mdl_" + "c" * 32
SCENARIO = "scn_" + "a" * 32
SPOKEN = "Your code is 4815."
MAX_EVALUATIONS = 3
RETENTION_DAYS = 30
SOON_SECONDS = 5.0


def call_as(developer_id: str) -> None:
    """Makes a developer the caller."""
    set_caller(Caller(Identity(developer_id, frozenset()), "token"))


class FolderOfAudio:
    """Audio in a folder, which fails if a test says so."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.is_local = True
        self.error: Exception | None = None

    def add(self, name: str, content: bytes = b"RIFF") -> str:
        """Stores a recording and returns its name."""
        (self._folder / name).write_bytes(content)
        return name

    @property
    def names(self) -> list[str]:
        """The names of all recordings."""
        return sorted(path.name for path in self._folder.iterdir())

    def local_path(self, name: str) -> Path | None:
        return self._folder / name if self.is_local else None

    async def open(self, name: str) -> AsyncIterator[bytes]:
        if self.error is not None:
            raise self.error
        path = self._folder / name
        if not path.exists():
            raise NotFound.of("audio", name)
        content = path.read_bytes()
        for start in range(0, len(content), 3):
            yield content[start : start + 3]

    async def put_stream(self, name: str, pieces: AsyncIterator[bytes]) -> None:
        if self.error is not None:
            raise self.error
        self.add(name, b"".join([piece async for piece in pieces]))

    async def exists(self, name: str) -> bool:
        return (self._folder / name).exists()

    async def delete(self, name: str) -> None:
        if self.error is not None:
            raise self.error
        (self._folder / name).unlink(missing_ok=True)


class OneModel:
    """A catalogue with the voice model MODEL of kind tts, the recorded one RECORDED, and the scenario SCENARIO."""

    def __init__(self) -> None:
        self.fixed = False
        """Whether a battle has used the recordings."""

    async def check_model(self, model_id: str) -> None:
        if model_id not in (MODEL, RECORDED):
            raise InvalidInput.of(FieldViolation("model_id", "must be in the catalogue"))

    async def check_recording(self, model_id: str, scenario_id: str) -> RecordedScenario:
        if scenario_id != SCENARIO:
            raise InvalidInput.of(FieldViolation("scenario_id", "must be a scenario"))
        if self.fixed and model_id == RECORDED:
            raise WrongState("The recordings are fixed.")
        return RecordedScenario(SPOKEN, "en-GB", takes_part=model_id == RECORDED)


class Endpoints:
    """The webhook endpoints of a developer. A URL at a private address is not allowed."""

    def __init__(self) -> None:
        self.untold: dict[str, str] = {}
        self.error: Exception | None = None

    async def ensure(self, url: str) -> None:
        if "//10." in url:
            raise InvalidInput.of(FieldViolation("webhook_url", "must not be private"))
        self.untold.setdefault(url, f"secret of {url}")

    async def secret_to_show(self, url: str) -> str:
        if self.error is not None:
            raise self.error
        secret, self.untold[url] = self.untold[url], ""
        return secret


class World:
    """All use cases, and shortcuts for tests."""

    def __init__(self, folder: Path) -> None:
        self.database = MemoryDatabase("scoring")
        self.store = MemoryEvaluationStore()
        self.audio = FolderOfAudio(folder)
        self.recordings = Recordings(self.database, self.store, self.audio)
        self.changes = Changes(self.database, CHANGED)
        self.endpoints = Endpoints()
        self.catalogue = OneModel()
        self.evaluations = Evaluations(
            self.database,
            self.store,
            self.recordings,
            self.catalogue,
            self.endpoints,
            Pages("a secret"),
            MAX_EVALUATIONS,
        )
        self.exporting = Exporting(self.evaluations)
        self.retention = Retention(self.database, self.store, self.recordings, RETENTION_DAYS)
        self.runner = ScriptedRunner()

    async def upload(self, plan: EvaluationPlan | None = None, content: bytes = b"RIFF") -> Evaluation:
        """Uploads a recording and starts its evaluation."""
        plan = plan or EvaluationPlan()
        prepared = await self.evaluations.prepare(plan)
        self.audio.add(prepared.recording_name, content)
        recording = StoredRecording(prepared.recording_name, "audio/flac", uploaded=True)
        return await self.evaluations.start(prepared.plan, recording)

    def watching(self, heartbeat_seconds: float = 1000.0) -> Watching:
        return Watching(self.database, self.store, self.changes, heartbeat_seconds)

    async def watch_to_end(self, evaluation_id: str) -> Sequence[WatchUpdate]:
        """Returns all that a watcher sees."""
        async with asyncio.timeout(SOON_SECONDS):
            return [seen async for seen in self.watching().watch(evaluation_id)]

    @asynccontextmanager
    async def running(self, max_running: int = 2) -> AsyncIterator[None]:
        """Runs evaluations and listens for changes while the block lasts, as a process does."""
        running = Running(self.database, self.store, self.recordings, self.changes, self.runner, max_running)
        tasks = [asyncio.create_task(running.run()), asyncio.create_task(self.changes.run())]
        try:
            yield
        finally:
            await end_tasks(tasks)

    async def outcomes(self, evaluation_id: str) -> Sequence[StepOutcome]:
        async with self.database.reading() as connection:
            return await self.store.outcomes(connection, evaluation_id)

    async def get(self, evaluation_id: str) -> Evaluation:
        async with self.database.reading() as connection:
            found = await self.store.get(connection, evaluation_id)
        assert found is not None
        return found

    async def ended(self, evaluation_id: str) -> Evaluation:
        """Waits for the end of an evaluation and returns it."""
        return (await self.watch_to_end(evaluation_id))[-1].details.evaluation  # type: ignore[union-attr]


AWAY = Unavailable("the audio store can't be read")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """The use cases, called by dev_a."""
    call_as("dev_a")
    yield World(tmp_path)
    set_caller(None)
