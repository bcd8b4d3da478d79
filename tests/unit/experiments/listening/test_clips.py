"""The clips that listeners hear."""

import asyncio

import pytest

from services.runtime.errors import NotFound, Unauthenticated, Unavailable
from services.shared.audio.loudness import integrated_lufs
from services.shared.audio.wav import read_wav
from services.shared.listening import clips
from services.shared.listening.domain import Assignment
from tests.unit.experiments.listening.conftest import CLIP_SECONDS, EXPERIMENT, ListeningWorld


async def given(world: ListeningWorld) -> Assignment:
    """Returns the pair of a new listener."""
    token = await world.link()
    pair = (await world.listeners.next_pair(token, (await world.listeners.join(token)).token)).assignment
    assert pair is not None
    return pair


async def sent(world: ListeningWorld, pair: Assignment) -> tuple[bool, bool]:
    """Returns which clips of a pair are recorded as sent."""
    async with world.database.reading() as connection:
        (found,) = await world.store.assignments(connection, EXPERIMENT, pair.listener_id)
    return found.a_sent_at is not None, found.b_sent_at is not None


async def test_both_clips_have_the_same_loudness_and_match_their_sides(world: ListeningWorld) -> None:
    await world.begin()
    pair = await given(world)
    a, b = await world.hear(pair.clip_a), await world.hear(pair.clip_b)
    assert a != b
    for clip in (a, b):
        recording = read_wav(clip)
        assert (recording.sample_rate_hz, len(recording.samples)) == (24_000, 24_000 * (CLIP_SECONDS + 0.25))
        # The trials' measured loudness is -15.7 LUFS. A tone at a quarter of full scale has it, within half a decibel.
        assert integrated_lufs(recording) == pytest.approx(-23, abs=0.6)
    assert world.audio.fetched == [pair.audio_of(clip) for clip in (pair.clip_a, pair.clip_b)]


async def test_each_listener_and_pair_has_clip_names_of_its_own(world: ListeningWorld) -> None:
    await world.begin(votes_per_pair=2)
    one, two = await given(world), await given(world)
    assert one.key == two.key
    names = {one.clip_a, one.clip_b, two.clip_a, two.clip_b}
    assert len(names) == 4
    assert all(clips.NAME.fullmatch(name) for name in names)


async def test_a_clip_has_the_same_bytes_and_etag_in_every_process(world: ListeningWorld) -> None:
    await world.begin()
    pair = await given(world)
    other = clips.Clips(world.database, world.store, world.subject, world.audio, "a secret of sixteen")
    assert await world.clips.find(pair.clip_a) == await other.find(pair.clip_a)
    another = clips.Clips(world.database, world.store, world.subject, world.audio, "another secret, that")
    assert (await another.find(pair.clip_a)).content != (await other.find(pair.clip_a)).content


async def test_clips_of_one_trial_differ_in_bytes_and_etags(world: ListeningWorld) -> None:
    await world.begin(votes_per_pair=9)
    pairs = [await given(world) for _ in range(4)]
    names = [name for pair in pairs for name in (pair.clip_a, pair.clip_b) if pair.audio_of(name) == "trl_0_0_0.wav"]
    found = [await world.clips.find(name) for name in names]
    assert len(found) == len({clip.content for clip in found}) == len({clip.etag for clip in found}) == 4


async def test_fetching_a_clip_does_not_record_it_as_sent(world: ListeningWorld) -> None:
    await world.begin()
    pair = await given(world)
    clip = await world.clips.find(pair.clip_a)
    assert b"".join([piece async for piece in clip.pieces()]) == clip.content
    assert await sent(world, pair) == (False, False), "only the gateway's records count"


async def test_a_range_of_a_clip_is_read_in_pieces(world: ListeningWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clips, "PIECE_BYTES", 40_000)
    await world.begin()
    clip = await world.clips.find((await given(world)).clip_a)
    for start, end in ((0, None), (1, 2), (10, 80_011), (44, 40_044)):
        pieces = [piece async for piece in clip.pieces(start, end)]
        assert b"".join(pieces) == clip.content[start:end]
        assert all(0 < len(piece) <= 40_000 for piece in pieces)


async def test_speech_is_prepared_once_for_parallel_requests(world: ListeningWorld) -> None:
    await world.begin(votes_per_pair=9)
    pairs = [await given(world) for _ in range(4)]
    await asyncio.gather(*(world.hear(clip) for pair in pairs for clip in (pair.clip_a, pair.clip_b)))
    assert sorted(world.audio.fetched) == ["trl_0_0_0.wav", "trl_0_1_0.wav"]


async def test_the_cache_of_prepared_speech_is_limited(world: ListeningWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clips, "MAX_CACHED_CLIP_BYTES", 0)
    # The speech of a clip has 144,000 bytes.
    monkeypatch.setattr(clips, "MAX_CACHED_SPEECH_BYTES", 200_000)
    few = clips.Clips(world.database, world.store, world.subject, world.audio, "a secret of sixteen")
    await world.begin()
    pair = await given(world)
    for name in (pair.clip_a, pair.clip_b, pair.clip_b, pair.clip_a):
        await few.find(name)
    assert len(world.audio.fetched) == 3


async def test_parallel_requests_for_a_clip_render_it_once(
    world: ListeningWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []
    monkeypatch.setattr(clips.rendering, "clip", lambda *what: made.append(what) or b"RIFF")
    await world.begin()
    pair = await given(world)
    await asyncio.gather(*(world.clips.find(name) for _ in range(5) for name in (pair.clip_a, pair.clip_b)))
    assert len(made) == 2


@pytest.mark.parametrize(
    "name", ["", "clp_x.wav", "trl_0_0_0.wav", "clp_" + "0" * 32 + ".wav", "../secret", "x" * 5000]
)
async def test_an_unknown_or_malformed_clip_name_is_not_found(world: ListeningWorld, name: str) -> None:
    await world.begin()
    with pytest.raises(NotFound) as refused:
        await world.hear(name)
    assert len(refused.value.message) < 250


async def test_clips_can_not_be_fetched_after_the_link_expired(world: ListeningWorld) -> None:
    await world.begin()
    pair = await given(world)
    world.wait(days=14)
    with pytest.raises(Unauthenticated, match=r"has ended\. Ask"):
        await world.hear(pair.clip_a)


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (NotFound.of("audio", "trl_0_0_0.wav"), NotFound),
        (Unavailable("the audio store can't be read: /data/trl_0_0_0.wav"), Unavailable),
    ],
)
async def test_errors_do_not_reveal_the_trial(world: ListeningWorld, failure: Exception, kind: type[Exception]) -> None:
    await world.begin()
    pair = await given(world)
    world.audio.failure = failure
    with pytest.raises(kind) as refused:
        await world.hear(pair.clip_a)
    assert "trl_" not in str(refused.value)
    assert await sent(world, pair) == (False, False)


async def test_a_clip_of_deleted_speech_is_not_found(world: ListeningWorld) -> None:
    await world.begin()
    pair = await given(world)
    await world.hear(pair.clip_a)
    async with world.database.transaction() as connection:
        await world.store.forget_audio(connection, [EXPERIMENT])
    with pytest.raises(NotFound):
        await world.hear(pair.clip_a)
