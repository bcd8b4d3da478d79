"""Recordings that developers upload for scenarios become renders, once, and are fixed when a battle has used them."""

import asyncio
import hashlib
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from voicearena.elo.v1.events_pb2 import FactConfirmed
from voicearena.events.v1.envelope_pb2 import Envelope
from voicearena.scoring.v1.evaluation_metrics_pb2 import SignalMetrics
from voicearena.scoring.v1.events_pb2 import RecordingEvaluated, RecordingEvaluationDeleted
from voicearena.scoring.v1.scoring_pb2 import HeardSpeech, ListeningMetrics

from services.elo.recordings.consumers import handlers
from services.elo.recordings.store import RecordingStore
from services.elo.recordings.usecases import CheckedRecording, Recordings
from services.elo.tables import RENDERS
from services.runtime.bus import EventMetadata
from services.runtime.db import Database
from services.runtime.errors import InvalidInput, NotFound, WrongState
from services.runtime.identity import Caller, Identity, set_caller
from tests.contract.stores.elo.rows import NOON, add_battles, add_models, add_scenario, battle

TEXT = "Your code is 4815."


class Audio:
    """An audio store in memory."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    async def get(self, name: str) -> bytes:
        if name not in self.files:
            raise NotFound.of("audio", name)
        return self.files[name]

    async def put(self, name: str, data: bytes) -> None:
        self.files[name] = data

    async def delete(self, name: str) -> None:
        self.files.pop(name, None)


class World:
    """The use cases over one database, with the recorded model mdl_a of dev_a and the scenario scn_a."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.audio = Audio()
        self.recordings = Recordings(database, RecordingStore(), self.audio, max_recordings=3)
        self._handlers = handlers(self.recordings)

    def evaluated(self, number: int = 0, **changes: str) -> RecordingEvaluated:
        """Returns the fact about a recording whose copy is in the audio store."""
        hexadecimal = f"{number:032x}"
        self.audio.files[f"evl_{hexadecimal}.wav"] = f"RIFF {number}".encode()
        fact = RecordingEvaluated(
            evaluation_id=f"evl_{hexadecimal}",
            developer_id="dev_a",
            model_id="mdl_a",
            scenario_id="scn_a",
            duration_seconds=1.75,
            audio_name=f"evl_{hexadecimal}.wav",
            signal_metrics=SignalMetrics(peak=0.5, leading_silence_ms=120.0, duration_seconds=1.75, audible=True),
            listening_metrics=ListeningMetrics(word_error_rate=0.25, semascore=0.875),
            heard=HeardSpeech(transcript="Your code is 48."),
        )
        fact.MergeFrom(RecordingEvaluated(**changes))
        return fact

    async def arrives(self, fact: RecordingEvaluated | RecordingEvaluationDeleted, event_id: str = "") -> None:
        metadata = EventMetadata(event_id or f"evt_{fact.evaluation_id}", 1, NOON, "")
        await self._handlers[type(fact)](fact, metadata)

    async def renders(self) -> list[sa.Row[tuple[object, ...]]]:
        async with self.database.reading() as connection:
            return list(await connection.execute(sa.select(RENDERS).order_by(RENDERS.c.number)))

    async def confirmed(self) -> list[str]:
        """Returns the ids of the events that were confirmed."""
        async with self.database.reading() as connection:
            envelopes = (await connection.execute(sa.text("SELECT envelope FROM outbox ORDER BY seq"))).scalars()
            found = []
            for envelope in map(Envelope.FromString, envelopes):
                fact = FactConfirmed()
                assert envelope.event.Unpack(fact)
                found.append(fact.event_id)
            return found


def call_as(developer_id: str) -> None:
    set_caller(Caller(Identity(developer_id, frozenset()), "token"))


@pytest.fixture(autouse=True)
def caller() -> Iterator[None]:
    call_as("dev_a")
    yield
    set_caller(None)


@pytest.fixture
async def world(emptied_schema: Database) -> World:
    await add_models(emptied_schema, "mdl_a", owner="dev_a")
    async with emptied_schema.transaction() as connection:
        await connection.execute(sa.text("UPDATE voice_models SET kind = 'recorded'"))
    await add_models(emptied_schema, "mdl_tts")
    await add_scenario(emptied_schema)
    return World(emptied_schema)


async def fight(world: World) -> None:
    """Makes a battle of mdl_a on scn_a."""
    fought = battle("bat_a", ("mdl_a", 1), ("mdl_tts", 2), 1)
    await add_battles(world.database, fought)


async def test_an_evaluated_recording_is_a_completed_render_without_latency(world: World) -> None:
    await world.arrives(world.evaluated())
    (render,) = await world.renders()
    assert (render.id, render.evaluation_id) == ("rnd_" + "0" * 32, "evl_" + "0" * 32)
    assert (render.voice_model_id, render.scenario_id, render.number, render.status) == (
        *("mdl_a", "scn_a", 0),
        "completed",
    )
    assert (render.developer_id, render.provider, render.text, render.spoken_language) == (
        *("dev_a", "espeak", TEXT),
        "en",
    )
    assert (render.duration_seconds, render.leading_silence_ms, render.peak) == (1.75, 120.0, 0.5)
    assert (render.word_error_rate, render.semascore, render.naturalness_mos) == (0.25, 0.875, None)
    assert (render.ttfb_ms, render.ttfa_ms, render.generation_time_ms) == (None, None, None)
    assert render.heard_speech["transcript"] == "Your code is 48."
    # The copy of the evaluation can go.
    assert world.audio.files[render.audio_name] == b"RIFF 0"
    assert render.audio_sha256 == hashlib.sha256(b"RIFF 0").digest()


async def test_an_event_that_arrives_again_is_confirmed_again_and_changes_nothing(world: World) -> None:
    for _ in range(2):
        await world.arrives(world.evaluated())
    # An evaluation that was retried is announced by another event.
    await world.arrives(world.evaluated(), "evt_retried")
    assert len(await world.renders()) == 1
    assert await world.confirmed() == [f"evt_evl_{0:032x}"] * 2 + ["evt_retried"]
    assert f"rnd_{0:032x}.wav" in world.audio.files


async def test_recordings_that_arrive_together_get_the_next_numbers_up_to_three(world: World) -> None:
    await asyncio.gather(*(world.arrives(world.evaluated(number)) for number in range(5)))
    renders = await world.renders()
    assert [render.number for render in renders] == [0, 1, 2]
    kept = {name for name in world.audio.files if name.startswith("rnd_")}
    assert kept == {render.audio_name for render in renders}
    assert len(await world.confirmed()) == 5
    with pytest.raises(WrongState, match="has 3 recordings of this scenario, which is the limit"):
        await world.recordings.check("mdl_a", "scn_a")


async def test_recordings_are_fixed_once_a_battle_has_used_them(world: World) -> None:
    await world.arrives(world.evaluated())
    await fight(world)
    with pytest.raises(WrongState, match=r"so they are fixed\. Register a new voice model"):
        await world.recordings.check("mdl_a", "scn_a")
    await world.arrives(world.evaluated(1))
    await world.arrives(RecordingEvaluationDeleted(evaluation_id=f"evl_{0:032x}"), "evt_deleted")
    (render,) = await world.renders()
    assert (render.number, world.audio.files[render.audio_name]) == (0, b"RIFF 0")


async def test_deleting_an_evaluation_before_any_battle_makes_room_for_another_recording(world: World) -> None:
    for number in range(3):
        await world.arrives(world.evaluated(number))
    await world.arrives(RecordingEvaluationDeleted(evaluation_id=f"evl_{1:032x}"), "evt_deleted")
    assert f"rnd_{1:032x}.wav" not in world.audio.files
    await world.arrives(world.evaluated(3))
    assert [(render.id, render.number) for render in await world.renders()] == [
        (f"rnd_{number:032x}", place) for place, number in ((0, 0), (1, 3), (2, 2))
    ]


async def test_a_recording_that_arrives_after_the_deletion_of_its_evaluation_is_ignored(world: World) -> None:
    await world.arrives(RecordingEvaluationDeleted(evaluation_id=f"evl_{0:032x}"), "evt_deleted")
    await world.arrives(world.evaluated())
    assert await world.renders() == []
    assert f"rnd_{0:032x}.wav" not in world.audio.files


@pytest.mark.parametrize(
    "changes",
    [{"developer_id": "dev_b"}, {"model_id": "mdl_tts"}, {"model_id": "mdl_x"}, {"scenario_id": "scn_x"}],
    ids=lambda changes: " ".join(changes.values()),
)
async def test_other_recordings_are_confirmed_and_ignored(world: World, changes: dict[str, str]) -> None:
    await world.arrives(world.evaluated(**changes))
    assert await world.renders() == []
    assert len(await world.confirmed()) == 1


@pytest.mark.parametrize(
    ("audible", "seconds"),
    [(False, 1.75), (True, 0.1), (True, 120.0)],
    ids=["silent", "too short for its text", "too long for its text"],
)
async def test_a_recording_that_cannot_be_the_spoken_text_is_confirmed_and_ignored(
    world: World, audible: bool, seconds: float
) -> None:
    fact = world.evaluated()
    fact.signal_metrics.audible, fact.duration_seconds = audible, seconds
    await world.arrives(fact)
    assert (await world.renders(), len(await world.confirmed())) == ([], 1)
    assert f"rnd_{0:032x}.wav" not in world.audio.files


async def test_a_recording_whose_audio_is_gone_is_ignored(world: World) -> None:
    fact = world.evaluated()
    world.audio.files.clear()
    await world.arrives(fact)
    without_copy = world.evaluated(1)
    without_copy.ClearField("audio_name")
    await world.arrives(without_copy)
    assert (await world.renders(), len(await world.confirmed())) == ([], 2)


async def test_a_scenario_gives_its_text_to_any_recording(world: World) -> None:
    assert await world.recordings.check("", "scn_a") == CheckedRecording(TEXT, "en", takes_part=False)
    assert await world.recordings.check("mdl_tts", "scn_a") == CheckedRecording(TEXT, "en", takes_part=False)
    assert await world.recordings.check("mdl_a", "scn_a") == CheckedRecording(TEXT, "en", takes_part=True)


async def test_nobody_uploads_for_the_recorded_model_or_the_private_scenario_of_another_developer(
    world: World,
) -> None:
    await add_scenario(world.database, "scn_private", developer_id="dev_a", visibility="private")
    assert (await world.recordings.check("mdl_a", "scn_private")).takes_part
    call_as("dev_b")
    with pytest.raises(InvalidInput, match="model_id: must be one of your voice models"):
        await world.recordings.check("mdl_a", "scn_a")
    for hidden in ("scn_private", "scn_x"):
        with pytest.raises(InvalidInput, match="scenario_id: must be the id of a public scenario"):
            await world.recordings.check("", hidden)


async def test_no_recording_can_take_part_in_an_archived_scenario(world: World) -> None:
    await add_scenario(world.database, "scn_old", archived=True)
    assert not (await world.recordings.check("", "scn_old")).takes_part
    with pytest.raises(WrongState, match="is archived"):
        await world.recordings.check("mdl_a", "scn_old")
