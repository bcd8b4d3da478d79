"""The clips that listeners hear."""

import asyncio

import pytest

from services.runtime.errors import NotFound, Unauthenticated, Unavailable
from services.shared.audio.loudness import integrated_lufs
from services.shared.audio.wav import read_wav
from services.shared.listening import clips
from services.shared.listening.domain import Assignment
from tests.unit.experiments.listening.conftest import CLIP_SECONDS, EXPERIMENT, Room


async def given(room: Room) -> Assignment:
    """Returns the pair of a new listener."""
    token = await room.link()
    pair = (await room.listeners.next_pair(token, (await room.listeners.join(token)).token)).assignment
    assert pair is not None
    return pair


async def sent(room: Room, pair: Assignment) -> tuple[bool, bool]:
    """Returns which clips of a pair are noted as sent."""
    async with room.database.reading() as connection:
        (found,) = await room.store.assignments(connection, EXPERIMENT, pair.listener_id)
    return found.a_sent_at is not None, found.b_sent_at is not None


async def test_both_clips_have_one_loudness_and_are_what_the_sides_say(room: Room) -> None:
    await room.begin()
    pair = await given(room)
    a, b = await room.hear(pair.clip_a), await room.hear(pair.clip_b)
    assert a != b
    for clip in (a, b):
        recording = read_wav(clip)
        assert (recording.sample_rate_hz, len(recording.samples)) == (24_000, 24_000 * (CLIP_SECONDS + 0.25))
        # What was measured is said to be -15.7 LUFS, which a tone at a quarter of full scale has, to half a decibel.
        assert integrated_lufs(recording) == pytest.approx(-23, abs=0.6)
    assert room.audio.fetched == [pair.audio_of(clip) for clip in (pair.clip_a, pair.clip_b)]


async def test_names_of_clips_are_of_one_listener_and_pair_alone(room: Room) -> None:
    await room.begin(votes_per_pair=2)
    one, two = await given(room), await given(room)
    assert one.key == two.key
    names = {one.clip_a, one.clip_b, two.clip_a, two.clip_b}
    assert len(names) == 4
    assert all(clips.NAME.fullmatch(name) for name in names)


async def test_a_clip_has_the_same_bytes_and_tag_every_time_and_in_every_process(room: Room) -> None:
    await room.begin()
    pair = await given(room)
    other = clips.Clips(room.database, room.store, room.subject, room.audio, "a secret of sixteen")
    assert await room.clips.find(pair.clip_a) == await other.find(pair.clip_a)
    another = clips.Clips(room.database, room.store, room.subject, room.audio, "another secret, that")
    assert (await another.find(pair.clip_a)).content != (await other.find(pair.clip_a)).content


async def test_clips_of_one_trial_have_neither_bytes_nor_tags_in_common(room: Room) -> None:
    await room.begin(votes_per_pair=9)
    pairs = [await given(room) for _ in range(4)]
    names = [name for pair in pairs for name in (pair.clip_a, pair.clip_b) if pair.audio_of(name) == "trl_0_0_0.wav"]
    found = [await room.clips.find(name) for name in names]
    assert len(found) == len({clip.content for clip in found}) == len({clip.etag for clip in found}) == 4


async def test_fetching_a_clip_says_nothing_of_its_being_heard(room: Room) -> None:
    await room.begin()
    pair = await given(room)
    clip = await room.clips.find(pair.clip_a)
    assert b"".join([piece async for piece in clip.pieces()]) == clip.content
    assert await sent(room, pair) == (False, False), "only what the gateway says counts"


async def test_a_part_of_a_clip_comes_in_pieces(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clips, "PIECE_BYTES", 40_000)
    await room.begin()
    clip = await room.clips.find((await given(room)).clip_a)
    for start, end in ((0, None), (1, 2), (10, 80_011), (44, 40_044)):
        pieces = [piece async for piece in clip.pieces(start, end)]
        assert b"".join(pieces) == clip.content[start:end]
        assert all(0 < len(piece) <= 40_000 for piece in pieces)


async def test_speech_is_prepared_once_for_all_who_want_it(room: Room) -> None:
    await room.begin(votes_per_pair=9)
    pairs = [await given(room) for _ in range(4)]
    await asyncio.gather(*(room.hear(clip) for pair in pairs for clip in (pair.clip_a, pair.clip_b)))
    assert sorted(room.audio.fetched) == ["trl_0_0_0.wav", "trl_0_1_0.wav"]


async def test_only_so_much_prepared_speech_is_kept(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clips, "KEPT_CLIP_BYTES", 0)
    # A clip's speech has 144,000.
    monkeypatch.setattr(clips, "KEPT_SPEECH_BYTES", 200_000)
    few = clips.Clips(room.database, room.store, room.subject, room.audio, "a secret of sixteen")
    await room.begin()
    pair = await given(room)
    for name in (pair.clip_a, pair.clip_b, pair.clip_b, pair.clip_a):
        await few.find(name)
    assert len(room.audio.fetched) == 3


async def test_a_clip_that_is_fetched_in_ranges_is_made_once(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    monkeypatch.setattr(clips.rendering, "clip", lambda *what: made.append(what) or b"RIFF")
    await room.begin()
    pair = await given(room)
    await asyncio.gather(*(room.clips.find(name) for _ in range(5) for name in (pair.clip_a, pair.clip_b)))
    assert len(made) == 2


@pytest.mark.parametrize(
    "name", ["", "clp_x.wav", "trl_0_0_0.wav", "clp_" + "0" * 32 + ".wav", "../secret", "x" * 5000]
)
async def test_there_is_no_other_clip(room: Room, name: str) -> None:
    await room.begin()
    with pytest.raises(NotFound) as refused:
        await room.hear(name)
    assert len(refused.value.message) < 250


async def test_clips_end_with_their_link(room: Room) -> None:
    await room.begin()
    pair = await given(room)
    room.wait(days=14)
    with pytest.raises(Unauthenticated, match=r"has ended\. Ask"):
        await room.hear(pair.clip_a)


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (NotFound.of("audio", "trl_0_0_0.wav"), NotFound),
        (Unavailable("the audio store can't be read: /data/trl_0_0_0.wav"), Unavailable),
    ],
)
async def test_errors_say_nothing_of_the_trial(room: Room, failure: Exception, kind: type[Exception]) -> None:
    await room.begin()
    pair = await given(room)
    room.audio.failure = failure
    with pytest.raises(kind) as refused:
        await room.hear(pair.clip_a)
    assert "trl_" not in str(refused.value)
    assert await sent(room, pair) == (False, False)


async def test_speech_that_was_deleted_is_not_found(room: Room) -> None:
    await room.begin()
    pair = await given(room)
    await room.hear(pair.clip_a)
    async with room.database.transaction() as connection:
        await room.store.forget_audio(connection, [EXPERIMENT])
    with pytest.raises(NotFound):
        await room.hear(pair.clip_a)
