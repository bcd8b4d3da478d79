"""The making of battles over PostgreSQL, with the answers of tts and scoring made here."""

import itertools
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from google.protobuf.message import Message
from voicearena.tts.v1.events_pb2 import SynthesisRequested

from services.elo.battles.domain import Battle
from services.elo.battles.views import BATTLE_COLUMNS, battle_from
from services.elo.making.assembly import BattleMaking
from services.elo.settings import EloSettings
from services.elo.tables import BATTLES, RENDERS
from services.elo.visibility import Approval
from services.runtime.audio_store import AudioStore
from services.runtime.db import Database
from services.runtime.outbox import OUTBOX
from services.shared.clips.domain import ClipStatus, HeardSpeech
from services.shared.metrics import Measurements
from tests.contract.stores.elo import rows
from tests.fakes.memory_database import unpacked

SPOKEN = Measurements(duration_seconds=2.5, ttfb_ms=90.0, ttfa_ms=100.0, leading_silence_ms=10.0)
EVALUATED = Measurements(word_error_rate=0.0, naturalness_mos=4.0, loudness_lufs=-25.0, peak=0.3)


class Endpoints:
    """Remembers the URLs of the webhook endpoints that it was asked for."""

    def __init__(self) -> None:
        self.urls: list[str] = []

    async def ensure(self, url: str) -> None:
        self.urls.append(url)

    async def secret_to_show(self, url: str) -> str:
        return f"whsec of {url}"


class Workshop:
    """Makes battles of models of espeak."""

    def __init__(self, database: Database, folder: Path, *, public_approval: bool = False, **settings: Any) -> None:
        self.database = database
        self.audio = AudioStore(str(folder))
        given = EloSettings(audio_url_secret="a secret of the tests", **settings)  # type: ignore[arg-type]
        self.endpoints = Endpoints()
        self.making = BattleMaking.of(given, database, self.audio, Approval(public_approval), self.endpoints)
        self._events = (f"evt_{number}" for number in itertools.count())

    async def populate(self, models: int = 3, scenarios: int = 1, **of_scenarios: Any) -> None:
        """Adds models of espeak, `mdl_0` and so on, which can be used, and scenarios `scn_0` and so on."""
        await rows.add_provider(self.database, "espeak")
        await rows.add_models(self.database, *(f"mdl_{number}" for number in range(models)))
        for number in range(scenarios):
            await rows.add_scenario(self.database, f"scn_{number}", **of_scenarios)

    async def speak(self, render_id: str, evaluated: Measurements = EVALUATED, transcript: str = "") -> None:
        """Completes a render as tts and scoring do."""
        await self.audio.put(f"{render_id}.wav", render_id.encode())
        await self.making.progress.synthesized(next(self._events), render_id, 1, f"{render_id}.wav", SPOKEN)
        heard = HeardSpeech(transcript or None)
        await self.making.progress.evaluated(next(self._events), render_id, 1, evaluated, heard)

    async def fail(self, render_id: str, kind: str = "bad_audio", message: str = "no audio") -> None:
        """Fails a render as tts does."""
        await self.making.progress.failed(next(self._events), render_id, 1, ClipStatus.SYNTHESIZING, message, kind=kind)

    async def asked_for(self) -> list[str]:
        """Returns the renders whose speech was requested since the last call, and removes all events."""
        return [event.job_id for event in await self.events() if isinstance(event, SynthesisRequested)]

    async def events(self) -> list[Message]:
        """Returns the events in the outbox and removes them."""
        async with self.database.transaction() as connection:
            found = await connection.execute(sa.select(OUTBOX.c.envelope).order_by(OUTBOX.c.seq))
            events = [unpacked(row.envelope) for row in found]
            await connection.execute(sa.delete(OUTBOX))
        return events

    async def speak_all(self) -> None:
        """Completes every render that is asked for, and advances the battles."""
        while asked := await self.asked_for():
            for render_id in asked:
                await self.speak(render_id)
        await self.making.preparing.advance_all()

    async def battles(self) -> list[Battle]:
        """Returns all battles, the oldest first."""
        async with self.database.reading() as connection:
            found = await connection.execute(sa.select(*BATTLE_COLUMNS).order_by(BATTLES.c.seq))
            return [battle_from(row) for row in found]

    async def battle(self) -> Battle:
        """Returns the only battle."""
        (battle,) = await self.battles()
        return battle

    async def renders(self) -> list[Any]:
        """Returns all renders as rows, the oldest first."""
        async with self.database.reading() as connection:
            return list(await connection.execute(sa.select(RENDERS).order_by(RENDERS.c.seq)))
