"""Nothing about a clip but its sound tells which model speaks."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from services.runtime.db import Database
from services.runtime.http_bytes import BytesRequest, Content
from services.shared.audio.wav import write_wav
from services.shared.listening import clip_responses
from services.shared.listening.clips import Clips
from tests.contract.stores.elo.arena_world import SECRET, ArenaWorld
from tests.contract.stores.subject_contract import Clock
from tests.fakes.recordings import tone

BATTLES = 100
# A guess that is right by chance is within these limits with a probability of 0.9998.
MIN_RIGHT, MAX_RIGHT = 32, 68


class UnlikeSpeech:
    """An audio store in which side A is loud at 48 kHz, and side B is quiet at 16 kHz."""

    async def get(self, name: str) -> bytes:
        rate = 48_000 if name == "a.wav" else 16_000
        samples = tone(1.0, dbfs=0.0 if name == "a.wav" else -20.0, sample_rate_hz=rate)
        return write_wav(samples.tobytes(), rate)


@dataclass(frozen=True)
class Fetched:
    """What a voter can see of a clip without hearing it."""

    name: str
    content: Content
    content_bytes: int
    seconds: float


async def fetched(clips: Clips, name: str) -> Fetched:
    started = time.perf_counter()
    content = await clip_responses.find(clips, BytesRequest(name=name, query={}))
    size = sum([len(piece) async for piece in content.read(0, None)])
    return Fetched(name, content, size, time.perf_counter() - started)


async def test_sizes_headers_names_and_timings_guess_the_sides_at_chance(emptied_schema: Database) -> None:
    world = ArenaWorld(emptied_schema, Clock())
    await world.begin()
    clips = Clips(world.database, world.listening, world.subject, UnlikeSpeech(), SECRET)
    seen: list[tuple[Fetched, Fetched, bool]] = []
    for _ in range(BATTLES):
        await world.open_battle()
        with world.voter():
            given = (await world.next()).assignment
        clip_a, clip_b = await fetched(clips, given.clip_a), await fetched(clips, given.clip_b)
        seen.append((clip_a, clip_b, given.swapped))
    each = [clip for a, b, _ in seen for clip in (a, b)]
    assert len({clip.content_bytes for clip in each}) == 1
    assert len({clip.content.size for clip in each}) == 1
    assert len({(clip.content.content_type, *sorted(clip.content.headers.items())) for clip in each}) == 1
    assert len({clip.content.etag for clip in each}) == len({clip.name for clip in each}) == 2 * BATTLES
    guesses: dict[str, Callable[[Fetched], object]] = {
        "the order of the names": lambda clip: clip.name,
        "the order of the entity tags": lambda clip: clip.content.etag,
        "the time to fetch": lambda clip: clip.seconds,
    }
    for what, of in guesses.items():
        right = sum((of(a) > of(b)) == swapped for a, b, swapped in seen)  # type: ignore[operator]
        assert MIN_RIGHT <= right <= MAX_RIGHT, what
