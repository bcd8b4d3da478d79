"""The audio store and the links to its audio."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import pytest

from services.runtime import audio_store
from services.runtime.audio_store import AudioLinks, AudioStore
from services.runtime.errors import DiskFull, NotFound, Unauthenticated, Unavailable
from tests.tmpfs import CannotMount, small_disk

NAME = "trl_0123.wav"
NOON = 1_767_268_800


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "audio"


@pytest.fixture
def store(folder: Path) -> AudioStore:
    return AudioStore(str(folder))


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def test_stored_audio_is_returned_unchanged(store: AudioStore, folder: Path) -> None:
    data = bytes(range(256)) * 1000
    await store.put(NAME, data)
    assert await store.get(NAME) == data
    assert (folder / NAME).read_bytes() == data


async def test_audio_can_be_replaced_and_be_empty(store: AudioStore) -> None:
    await store.put(NAME, b"first")
    await store.put(NAME, b"")
    assert await store.get(NAME) == b""


async def test_audio_is_read_in_chunks(store: AudioStore) -> None:
    data = bytes(1000)
    await store.put(NAME, data)
    chunks = [chunk async for chunk in store.open(NAME, chunk_bytes=100)]
    assert b"".join(chunks) == data
    assert all(len(chunk) >= 100 for chunk in chunks[:-1])


async def test_a_json_note_is_returned_or_none_if_it_is_missing(store: AudioStore) -> None:
    await store.create_json("trl_0123.json", {"ttfb_ms": 12.5, "reused": None})
    assert await store.get_json("trl_0123.json") == {"ttfb_ms": 12.5, "reused": None}
    assert await store.get_json("trl_4567.json") is None


async def test_of_several_concurrent_creates_exactly_one_succeeds(store: AudioStore) -> None:
    created = await asyncio.gather(*(store.create("trl_0123.json", bytes([n])) for n in range(10)))
    assert sorted(created) == [False] * 9 + [True]
    assert await store.get("trl_0123.json") == bytes([created.index(True)])
    assert await store.create_json("trl_0123.json", {"n": 1}) is False
    assert await store.create_json("trl_4567.json", {"n": 1}) is True
    assert await store.get_json("trl_4567.json") == {"n": 1}


async def test_deleted_audio_is_gone_and_its_name_can_be_used_again(store: AudioStore) -> None:
    await store.put(NAME, b"data")
    assert await store.exists(NAME)
    await store.delete(NAME)
    await store.delete(NAME)
    assert not await store.exists(NAME)
    assert await store.create(NAME, b"more")


async def test_missing_audio_is_not_found(store: AudioStore) -> None:
    with pytest.raises(NotFound, match="There is no audio"):
        await store.get(NAME)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "../outside.wav",
        "..\\outside.wav",
        "/etc/passwd",
        "a/b.wav",
        "a\\b.wav",
        ".wav",
        "..wav",
        "a.mp3",
        "a.wav.exe",
        "a.wav\n",
        "a\0.wav",
        "ä.wav",
        "a%2fb.wav",
        "a" * 121 + ".wav",
    ],
)
async def test_a_name_that_could_lead_out_of_the_store_is_not_found(store: AudioStore, folder: Path, name: str) -> None:
    (folder.parent / "outside.wav").write_bytes(b"secret")
    with pytest.raises(NotFound):
        await store.get(name)
    with pytest.raises(NotFound):
        await store.put(name, b"data")
    assert names_in(folder) == []


async def test_a_failed_write_is_unavailable_and_leaves_no_file(store: AudioStore, folder: Path) -> None:
    # A directory with the object's name makes the write fail for root too.
    (folder / NAME / "inside").mkdir(parents=True)
    with pytest.raises(Unavailable, match="The audio store can't be written"):
        await store.put(NAME, b"data")
    assert names_in(folder) == [NAME]


async def test_the_ping_of_a_working_store_succeeds(store: AudioStore) -> None:
    await store.ping()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    clock = SimpleNamespace(now=float(NOON))
    clock.time = lambda: clock.now
    monkeypatch.setattr(audio_store, "time", clock)
    return clock


LINKS = AudioLinks("a secret of length", "http://localhost:8080/", ttl_seconds=60)


def parts_of(url: str) -> tuple[str, int, str]:
    parts = urlsplit(url)
    query = parse_qs(parts.query)
    return parts.path.rpartition("/")[2], int(query["expires"][0]), query["signature"][0]


def test_a_link_points_to_the_gateway_and_is_valid_until_it_expires(clock: SimpleNamespace) -> None:
    url = LINKS.url(NAME)
    assert url.startswith(f"http://localhost:8080/api/v1/audio/{NAME}?expires={NOON + 60}&signature=")
    for moment in (NOON, NOON + 60):
        clock.now = moment
        LINKS.verify(*parts_of(url))
    clock.now = NOON + 60.5
    with pytest.raises(Unauthenticated, match="has expired"):
        LINKS.verify(*parts_of(url))


def test_a_changed_link_is_refused(clock: SimpleNamespace) -> None:
    name, expires, signature = parts_of(LINKS.url(NAME))
    changed = [
        ("trl_0124.wav", expires, signature),
        (name, expires + 1, signature),
        (name, expires - 1, signature),
        (name, expires, ""),
        (name, expires, signature[:-1]),
        (name, expires, signature.upper()),
        (name, expires, "é" * 32),
        *((name, expires, signature[:i] + "x" + signature[i + 1 :]) for i in range(len(signature))),
    ]
    for link in changed:
        with pytest.raises(Unauthenticated, match="was changed"):
            LINKS.verify(*link)


def test_a_link_made_with_another_secret_is_refused(clock: SimpleNamespace) -> None:
    other = AudioLinks("another secret here", "http://localhost:8080", ttl_seconds=60)
    with pytest.raises(Unauthenticated, match="was changed"):
        other.verify(*parts_of(LINKS.url(NAME)))


async def test_reading_a_replaced_version_is_unavailable(tmp_path: Path) -> None:
    store = AudioStore(str(tmp_path))
    await store.put("trl_7.wav", b"0123456789")
    found = await store.find_bytes("trl_7.wav")
    assert found.size == 10
    assert b"".join([piece async for piece in store.read(found, 3, 7)]) == b"3456"
    await store.put("trl_7.wav", b"abcdefghijk")
    with pytest.raises(Unavailable):
        [piece async for piece in store.read(found, 3, 7)]
    assert (await store.find_bytes("trl_7.wav")).etag != found.etag
    for missing in ("trl_8.wav", "../trl_7.wav"):
        with pytest.raises(NotFound):
            await store.find_bytes(missing)


def test_partly_written_files_of_killed_processes_are_deleted(tmp_path: Path) -> None:
    for name, age in (("trl_1.wav#1", 601), ("trl_2.wav#7", 30), ("trl_3.wav", 601)):
        (tmp_path / name).write_bytes(b"RIFF")
        os.utime(tmp_path / name, (time.time() - age, time.time() - age))
    AudioStore(str(tmp_path))
    assert {file.name for file in tmp_path.iterdir()} == {"trl_2.wav#7", "trl_3.wav"}


PIECE = bytes(range(256)) * 1024


async def arriving(count: int, fault: BaseException | None = None) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield PIECE
    if fault is not None:
        raise fault


@pytest.mark.parametrize("count", [0, 1, 50])
async def test_an_object_is_stored_piece_by_piece(tmp_path: Path, count: int) -> None:
    await AudioStore(str(tmp_path)).put_stream("a.wav", arriving(count))
    assert names_in(tmp_path) == ["a.wav"]
    assert (tmp_path / "a.wav").read_bytes() == PIECE * count


@pytest.mark.parametrize("count", [0, 1, 50])
async def test_pieces_that_fail_leave_nothing(tmp_path: Path, count: int) -> None:
    with pytest.raises(KeyError):
        await AudioStore(str(tmp_path)).put_stream("a.wav", arriving(count, KeyError()))
    assert names_in(tmp_path) == []


async def test_a_cancelled_stream_leaves_nothing(tmp_path: Path) -> None:
    waits = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        async for piece in arriving(50):
            yield piece
        waits.set()
        await asyncio.Event().wait()

    storing = asyncio.create_task(AudioStore(str(tmp_path)).put_stream("a.wav", endless()))
    await waits.wait()
    assert names_in(tmp_path) == ["a.wav#1"]
    storing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await storing
    assert names_in(tmp_path) == []


async def test_a_disk_that_gets_full_is_named_and_nothing_is_left(tmp_path: Path) -> None:
    try:
        with small_disk(tmp_path / "small", megabytes=16) as disk:
            with pytest.raises(DiskFull):
                await AudioStore(str(disk.path)).put_stream("a.wav", arriving(100))
            assert names_in(disk.path) == []
    except CannotMount as error:
        pytest.skip(str(error))
