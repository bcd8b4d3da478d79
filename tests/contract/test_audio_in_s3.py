"""An audio store in an S3 bucket works like one in a directory, with requests signed for S3."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from services.runtime import audio_store
from services.runtime.audio_store import AudioStore
from services.runtime.errors import NotFound, Unavailable
from tests.fakes.s3_server import BUCKET, S3Server


@pytest_asyncio.fixture(loop_scope="session")
async def bucket(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[S3Server]:
    """An S3 server whose address and keys are in the environment."""
    async with S3Server().serving() as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        yield server


async def test_audio_stored_under_a_prefix_is_found_again(bucket: S3Server) -> None:
    store = AudioStore(f"s3://{BUCKET}/audio")
    await store.put("trl_1.wav", b"RIFF" * 50_000)
    assert list(bucket.objects) == ["audio/trl_1.wav"]
    assert await store.get("trl_1.wav") == b"RIFF" * 50_000
    await store.create_json("trl_1.json", {"seconds": 1.5})
    assert await store.get_json("trl_1.json") == {"seconds": 1.5}


async def test_missing_audio_is_not_found(bucket: S3Server) -> None:
    store = AudioStore(f"s3://{BUCKET}")
    with pytest.raises(NotFound):
        await store.get("trl_2.wav")
    assert await store.get_json("trl_2.json") is None
    await store.ping()


async def test_a_name_can_be_created_once_and_again_after_deletion(bucket: S3Server) -> None:
    store = AudioStore(f"s3://{BUCKET}/audio")
    assert [await store.create("trl_1-try-1.json", data) for data in (b"first", b"second")] == [True, False]
    assert bucket.objects == {"audio/trl_1-try-1.json": b"first"}
    assert await store.exists("trl_1-try-1.json")
    for _ in range(2):
        await store.delete("trl_1-try-1.json")
    assert not await store.exists("trl_1-try-1.json")
    assert await store.create("trl_1-try-1.json", b"third")


async def test_a_wrong_secret_is_an_error_and_not_missing_audio(
    bucket: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another")
    store = AudioStore(f"s3://{BUCKET}")
    with pytest.raises(Unavailable, match="The audio store can't be written"):
        await store.put("trl_3.wav", b"RIFF")
    with pytest.raises(Unavailable):
        await store.ping()
    assert bucket.objects == {}


async def test_an_unavailable_bucket_is_an_error_after_some_retries(
    bucket: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audio_store, "RETRIES", 1)
    bucket.away = True
    store = AudioStore(f"s3://{BUCKET}")
    with pytest.raises(Unavailable):
        await store.put("trl_4.wav", b"RIFF")
    assert bucket.requests == 2


async def test_only_the_requested_range_is_read_from_a_bucket(bucket: S3Server) -> None:
    store = AudioStore(f"s3://{BUCKET}/audio")
    data = bytes(range(250)) * 4000
    await store.put("trl_5.wav", data)
    found = await store.find_bytes("trl_5.wav")
    assert found.size == len(data)
    for start, end in ((0, 2), (999_990, 1_000_000), (5, 200_000)):
        assert b"".join([piece async for piece in store.read(found, start, end)]) == data[start:end]
    assert bucket.sent == ["bytes=0-1", "bytes=999990-999999", "bytes=5-199999"]
    assert [piece async for piece in store.read(found, 7, 7)] == []


async def test_a_replaced_object_is_not_mixed_with_its_old_bytes(bucket: S3Server) -> None:
    store = AudioStore(f"s3://{BUCKET}/audio")
    await store.put("trl_6.wav", b"before")
    found = await store.find_bytes("trl_6.wav")
    assert (await store.find_bytes("trl_6.wav")).etag == found.etag
    await store.put("trl_6.wav", b"after.")
    with pytest.raises(Unavailable):
        [piece async for piece in store.read(found, 0, 6)]
    assert (await store.find_bytes("trl_6.wav")).etag != found.etag
    await store.delete("trl_6.wav")
    with pytest.raises(NotFound):
        await store.find_bytes("trl_6.wav")
