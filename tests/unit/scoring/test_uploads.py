"""An upload is stored while it arrives and evaluated; one that fails or breaks off leaves nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from voicearena.scoring.v1.evaluation_service_pb2 import CreateEvaluationRequest

from services.runtime import disk, request_ids
from services.runtime.audio_store import AudioStore
from services.runtime.errors import (
    ArenaError,
    DiskFull,
    FieldViolation,
    InvalidInput,
    QuotaExceeded,
    RequestIdReused,
    RequestTooLarge,
)
from services.runtime.http_uploads import UploadBroken
from services.runtime.identity import Caller, Identity, set_caller
from services.runtime.pages import Pages
from services.scoring.evaluations.domain import EvaluationPlan, RecordedScenario
from services.scoring.evaluations.recordings import Recordings
from services.scoring.evaluations.uploads import Uploads
from services.scoring.evaluations.usecases import Evaluations
from tests.fakes.bodies import wav_of
from tests.fakes.memory_database import MemoryDatabase, table
from tests.fakes.memory_evaluation_store import MemoryEvaluationStore

MB = 1024 * 1024
WAV = wav_of(bytes(100_000))
PLAN = EvaluationPlan(language="en", reference_text="one two")


@dataclass
class Arriving:
    """An upload whose plan can change while the recording arrives."""

    pieces_of_recording: Sequence[bytes | BaseException]
    before: EvaluationPlan = PLAN
    after: EvaluationPlan | None = None
    fault: ArenaError | None = None
    """Raised by `begin`."""
    ended: bool = False
    read_bytes: int = 0
    waits: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when an Ellipsis of the pieces is reached, which never ends."""

    async def begin(self) -> None:
        if self.fault:
            raise self.fault

    def plan(self) -> EvaluationPlan:
        return (self.after or self.before) if self.ended else self.before

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        for piece in self.pieces_of_recording:
            if isinstance(piece, BaseException):
                raise piece
            if not isinstance(piece, bytes):
                self.waits.set()
                await asyncio.Event().wait()
            self.read_bytes += len(piece)
            yield piece
        self.ended = True

    def note_digest(self, sha256: str) -> None:
        plan = self.plan()
        request_ids.set_request(
            CreateEvaluationRequest(request_id=plan.request_id, language=plan.language, audio_name=sha256)
        )


class Models:
    async def check_model(self, model_id: str) -> None:
        if model_id != "known":
            raise InvalidInput.of(FieldViolation("model_id", "must be known"))

    async def check_recording(self, model_id: str, scenario_id: str) -> RecordedScenario:
        raise AssertionError("no test names a scenario")


class NoWebhooks:
    async def ensure(self, url: str) -> None:
        raise AssertionError("no test asks for a webhook")

    async def secret_to_show(self, url: str) -> str:
        raise AssertionError("no test asks for a webhook")


@dataclass
class World:
    uploads: Uploads
    folder: Path
    database: MemoryDatabase

    @property
    def stored(self) -> list[Path]:
        return sorted(self.folder.iterdir())

    async def unused(self) -> list[Any]:
        async with self.database.reading() as connection:
            return list(table(connection, "unused_recordings"))

    async def evaluations(self) -> int:
        async with self.database.reading() as connection:
            return len(table(connection, "evaluations"))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    set_caller(Caller(Identity("dev_a", frozenset()), "token"))
    database, store, audio = MemoryDatabase("scoring"), MemoryEvaluationStore(), AudioStore(str(tmp_path / "audio"))
    recordings = Recordings(database, store, audio)
    evaluations = Evaluations(
        database, store, recordings, Models(), NoWebhooks(), Pages("a secret of 16 b"), max_evaluations=2
    )
    yield World(Uploads(evaluations, recordings, audio, max_size_mb=1), tmp_path / "audio", database)
    request_ids.set_request(None)
    set_caller(None)


def pieces(content: bytes, size: int = 10_000) -> list[bytes]:
    return [content[start : start + size] for start in range(0, len(content), size)]


@pytest.mark.parametrize("size", [1, 4095, 4096, 10_000, MB])
async def test_a_recording_is_stored_as_it_is_and_its_evaluation_pending(world: World, size: int) -> None:
    found = await world.uploads.receive(Arriving(pieces(WAV[:5000] if size == 1 else WAV, size)))
    (file,) = world.stored
    assert (file.name, file.read_bytes()) == (found.audio_name, WAV[:5000] if size == 1 else WAV)
    assert (found.status.value, found.uploaded, found.content_type) == ("pending", True, "audio/wav")
    assert (found.reference_text, found.developer_id) == ("one two", "dev_a")
    assert await world.unused() == []


async def test_a_small_recording_is_recognised_at_its_end(world: World) -> None:
    assert (await world.uploads.receive(Arriving([b"fL", b"aC"]))).content_type == "audio/flac"


async def test_fields_after_the_recording_count(world: World) -> None:
    late = replace(PLAN, reference_text="late", model_id="known")
    assert (await world.uploads.receive(Arriving([WAV], after=late))).reference_text == "late"


FAILURES = {
    "no recording": (Arriving([], fault=InvalidInput("no audio")), InvalidInput, 0),
    "an empty recording": (Arriving([]), InvalidInput, 0),
    "empty pieces": (Arriving([b"", b""]), InvalidInput, 0),
    "a text called .wav": (Arriving([b"a text" * 1000, b"more" * 10_000]), InvalidInput, 6000),
    "a short text called .wav": (Arriving([b"a text"]), InvalidInput, 6),
    "too large": (Arriving([wav_of(bytes(MB)), b"never read"]), RequestTooLarge, MB + 44),
    "too large in pieces": (Arriving([WAV] * 20), RequestTooLarge, 1_100_484),
    "a bad field before": (Arriving([WAV], before=replace(PLAN, num_speakers=0)), InvalidInput, 0),
    "a bad field after": (Arriving([WAV], after=replace(PLAN, language="?")), InvalidInput, len(WAV)),
    "a foreign model after": (Arriving([WAV], after=replace(PLAN, model_id="foreign")), InvalidInput, len(WAV)),
    "a reference of 1 MB": (Arriving([WAV], before=replace(PLAN, reference_text="x" * MB)), InvalidInput, 0),
    "the name of stored audio": (Arriving([WAV], before=replace(PLAN, audio_name="a.wav")), InvalidInput, 0),
    "a broken connection": (Arriving([WAV, UploadBroken()]), UploadBroken, len(WAV)),
    "a full disk in the middle": (Arriving([WAV, OSError(28, "No space left on device")]), DiskFull, len(WAV)),
}


@pytest.mark.parametrize("name", FAILURES)
async def test_an_upload_that_fails_leaves_nothing(world: World, name: str) -> None:
    upload, kind, read_bytes = FAILURES[name]
    upload = replace(upload, ended=False, read_bytes=0)
    with pytest.raises(kind):
        await world.uploads.receive(upload)
    assert upload.read_bytes == read_bytes
    assert (world.stored, await world.unused(), await world.evaluations()) == ([], [], 0)


async def test_a_client_that_leaves_leaves_nothing(world: World) -> None:
    upload = Arriving([*[WAV] * 5, ...])  # type: ignore[list-item]
    receiving = asyncio.create_task(world.uploads.receive(upload))
    await upload.waits.wait()
    receiving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await receiving
    assert (world.stored, await world.unused(), await world.evaluations()) == ([], [], 0)


async def test_a_full_disk_is_noticed_before_the_recording_is_read(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk, "free_bytes", lambda path: 0)
    upload = Arriving([WAV])
    with pytest.raises(DiskFull):
        await world.uploads.receive(upload)
    assert (upload.read_bytes, world.stored, await world.unused()) == (0, [], [])


async def test_a_quota_is_noticed_before_the_recording_is_read(world: World) -> None:
    for _ in range(2):
        await world.uploads.receive(Arriving([WAV]))
    upload = Arriving([WAV])
    with pytest.raises(QuotaExceeded):
        await world.uploads.receive(upload)
    assert (upload.read_bytes, len(world.stored), await world.unused()) == (0, 2, [])


async def test_the_error_says_what_is_allowed(world: World) -> None:
    with pytest.raises(InvalidInput, match="audio: must be a recording: WAV, AIFF, FLAC, MP3, AAC, Ogg, M4A, WebM"):
        await world.uploads.receive(Arriving([b"a text"]))
    with pytest.raises(RequestTooLarge, match="audio: the recording must have at most 1 MiB; MAX_UPLOAD_SIZE_MB sets"):
        await world.uploads.receive(Arriving([WAV] * 20))


@pytest.mark.parametrize("late", [False, True])
async def test_a_repeated_request_returns_the_first_evaluation_and_stores_nothing(world: World, late: bool) -> None:
    plan = replace(PLAN, request_id="r")
    first = await world.uploads.receive(Arriving([WAV], before=plan))
    request_ids.set_request(None)
    again = Arriving([WAV], before=PLAN if late else plan, after=plan)
    assert (await world.uploads.receive(again)).id == first.id
    assert (len(world.stored), await world.unused(), await world.evaluations()) == (1, [], 1)


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize(
    ("content", "language"), [(wav_of(bytes(50_000)), "en"), (WAV, "de")], ids=["recording", "language"]
)
async def test_a_request_id_stands_for_one_recording_and_its_fields(
    world: World, content: bytes, language: str, late: bool
) -> None:
    plan = replace(PLAN, request_id="r")
    await world.uploads.receive(Arriving([WAV], before=plan))
    request_ids.set_request(None)
    other = replace(plan, language=language)
    with pytest.raises(RequestIdReused):
        await world.uploads.receive(Arriving([content], before=PLAN if late else other, after=other))
    assert (len(world.stored), await world.unused(), await world.evaluations()) == (1, [], 1)
