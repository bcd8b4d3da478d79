"""Captures the demo data of the page from a mesh: `make demo-data` writes gateway/web/public/demo anew.

A mesh with the local voices runs for some minutes. People who like slow speech vote in its battles, an experiment and
an evaluation run, and the responses of the API are stored as JSON with the requests that they answer. The dates of
battles and votes are moved apart first, so that the activity and the history of the boards span two weeks.
"""

from __future__ import annotations

import asyncio
import base64
import io
import json
import math
import random
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import av
import httpx
from psycopg import AsyncConnection

from deploy.local.mesh import Mesh
from gateway.cli.demo_plan import PROMPTS
from services.runtime.clock import now
from tests.contract.clients import JsonClient, bearer, http_client
from tests.contract.rpcs import rpcs
from tests.experiments import api_client, started
from tests.fakes.spoken import speak
from tests.mesh import mesh_settings, register
from tests.voters import LOOK_AGAIN_SECONDS, Voter, new_voter

FOLDER = Path(__file__).parents[1] / "gateway/web/public/demo"
MAX_TOTAL_BYTES = 600_000
PEOPLE = 16
VOTES = 200
VOTES_PER_BATTLE = 4
DAYS = 14
WORK_SECONDS = 300.0
MP3_BITS_PER_SECOND = 32_000
EVALUATED_TEXT = "Your parcel 4815 arrives on March 3rd, between 9 and 11 in the morning."
BOARDS = ("hybrid", "human", "metrics")
SERVICE_ENV = {
    "auth": {"MAX_VOTERS_PER_ADDRESS": "1000", "MAX_REGISTRATIONS_PER_ADDRESS": "1000"},
    "elo": {
        "BATTLE_POOL": "2",
        "BATTLE_VOTES": str(VOTES_PER_BATTLE),
        "RENDERS_PER_SCENARIO": "1",
        "BOARD_INTERVAL_SECONDS": "2",
        # All people are at one address.
        "MAX_COUNTED_VOTERS_PER_ADDRESS": "0",
        "MAX_BATTLES_PER_MINUTE": "1000",
        "CONTROL_SHARE": "0",
    },
}
# A battle keeps the order of its times. The oldest battles are moved furthest.
MOVE_DATES = """
CREATE TEMPORARY TABLE moved AS
    SELECT id, interval '1 day' * floor(%(days)s * (1 - percent_rank() OVER (ORDER BY seq))) AS age FROM battles;
"""
MOVED = (
    "UPDATE battles AS b SET created_at = created_at - age, opened_at = opened_at - age, decided_at = decided_at - age"
    " FROM moved WHERE moved.id = b.id",
    "UPDATE battle_votes AS v SET cast_at = cast_at - age FROM moved WHERE moved.id = v.battle_id",
    "DELETE FROM snapshots",
)

Json = Mapping[str, Any]


class Capture:
    """The responses that are stored, and the recordings that they name."""

    def __init__(self, mesh: Mesh, http: httpx.AsyncClient, key: str) -> None:
        self._client = JsonClient(http)
        self._key = key
        self._base_url = mesh.api_url
        self._calls: dict[str, list[Json]] = {}
        self._recordings: dict[str, str] = {}

    async def call(self, rpc: str, answers: Json | None = None, **more: object) -> dict[str, Any]:
        """Makes a call with the fields `answers` and `more`, stores its response, and returns the first message.

        The response answers every request with the fields `answers`, whatever else it asks for.
        """
        messages = await self.read(rpc, {**(answers or {}), **more})
        self.store(rpc, answers or {}, messages)
        return dict(messages[0])

    async def read(self, rpc: str, request: Json) -> Sequence[Json]:
        """Makes a call and returns its messages."""
        outcome = await self._client.call(rpcs()[rpc], request, bearer(self._key))
        assert outcome.code == "OK", f"{rpc}: {outcome.code} {outcome.message}"
        return outcome.messages

    def store(self, rpc: str, answers: Json, messages: Sequence[Json]) -> None:
        """Stores messages as the response to requests with the fields `answers`. More specific ones come first."""
        # There are no further pages.
        shown = [
            {**message, "next_page_token": ""} if "next_page_token" in message else message for message in messages
        ]
        entries = self._calls.setdefault(rpcs()[rpc].path.removeprefix("/"), [])
        entries.append({"request": answers, "responses": shown})
        entries.sort(key=lambda entry: -len(entry["request"]))

    def recording(self, url: str, name: str, wav: bytes) -> None:
        """Stores a recording, which stands for that at a URL."""
        (FOLDER / name).write_bytes(as_mp3(wav))
        self._recordings[url] = f"/demo/{name}"

    def write(self) -> None:
        """Writes all responses. Recordings that are not stored have no URL."""
        document = {
            "captured_at": now().isoformat(timespec="seconds"),
            "recordings": {urlsplit(url).path: path for url, path in self._recordings.items()},
            "calls": self._stored(self._calls),
        }
        text = json.dumps(document, separators=(",", ":"), ensure_ascii=False)
        (FOLDER / "calls.json").write_text(text + "\n")

    def _stored(self, value: Any) -> Any:
        """Returns a JSON value without decimals that nobody reads, and with the paths of recordings."""
        if isinstance(value, float):
            return round(value, 4)
        if isinstance(value, str):
            return self._recordings.get(value, value)
        if isinstance(value, Mapping):
            return {name: self._stored(field) for name, field in value.items() if not self._is_missing(field)}
        return [self._stored(item) for item in value] if isinstance(value, list | tuple) else value

    def _is_missing(self, field: object) -> bool:
        return isinstance(field, str) and field.startswith(self._base_url) and field not in self._recordings


def as_mp3(wav: bytes) -> bytes:
    """Returns a WAV file as mono MP3, which is a tenth of its size and plays in every browser."""
    target = io.BytesIO()
    with av.open(io.BytesIO(wav)) as source, av.open(target, "w", format="mp3") as mp3:
        stream = mp3.add_stream("libmp3lame", rate=24_000, layout="mono")
        stream.bit_rate = MP3_BITS_PER_SECOND
        resampler = av.AudioResampler(format="s16p", layout="mono", rate=24_000)
        frames = [frame for decoded in source.decode(audio=0) for frame in resampler.resample(decoded)]
        for frame in [*frames, *resampler.resample(None)]:
            mp3.mux(stream.encode(frame))
        mp3.mux(stream.encode(None))
    return target.getvalue()


def choice(battle: Json, taste: float, chance: random.Random) -> str:
    """Returns the answer of a person who likes slow speech, as the longer clip, by their taste and by chance."""
    advantage = taste * (battle["clip_a_seconds"] - battle["clip_b_seconds"])
    if chance.random() < 0.04:
        return "both_bad"
    if abs(advantage) < chance.random() * 0.9:
        return "tie"
    return "a" if chance.random() < 1 / (1 + math.exp(-3 * advantage)) else "b"


@dataclass(frozen=True)
class Heard:
    """A battle as a person heard it."""

    battle: Json
    clip_a: bytes
    clip_b: bytes

    @property
    def seconds(self) -> float:
        return float(self.battle["clip_a_seconds"] + self.battle["clip_b_seconds"])


async def hold_battles(mesh: Mesh) -> list[Heard]:
    """Lets people vote until there are VOTES votes. Returns what they heard."""
    left = VOTES
    heard = []
    async with httpx.AsyncClient(base_url=f"{mesh.api_url}/api/v1", trust_env=False, timeout=60) as anyone:
        people = [await new_voter(mesh, anyone) for _ in range(PEOPLE)]

    async def vote(person: Voter, chance: random.Random) -> None:
        nonlocal left
        taste = chance.gauss(1.0, 0.4)
        while left > 0:
            left -= 1
            battle = await given(person)
            heard.append(Heard(battle, *await person.hear(battle)))
            await asyncio.sleep(chance.uniform(1, 6))
            await answer(person, battle, choice(battle, taste, chance))
            sys.stdout.write(f"\r{left} votes are missing ")
            sys.stdout.flush()

    async with asyncio.TaskGroup() as group:
        for number, person in enumerate(people):
            group.create_task(vote(person, random.Random(number)))
    sys.stdout.write("\n")
    return heard


async def given(person: Voter) -> Json:
    """Returns the next battle of a person, as soon as there is one."""
    async with asyncio.timeout(WORK_SECONDS):
        while True:
            response = await person.http.post("/battles/next", json={})
            if response.status_code != 503:
                return dict(response.raise_for_status().json())
            await asyncio.sleep(LOOK_AGAIN_SECONDS)


async def answer(person: Voter, battle: Json, winner: str) -> None:
    """Votes as soon as the vote is accepted, unless others have decided the battle meanwhile."""
    while (response := await person.answer(battle, winner)).status_code == 409:
        if response.json()["details"][0]["metadata"]["status"] not in ("not_fetched", "not_heard"):
            return
        await asyncio.sleep(LOOK_AGAIN_SECONDS)
    response.raise_for_status()


async def move_dates(mesh: Mesh) -> None:
    """Spreads battles and votes over DAYS days, and waits until the boards and their history follow."""
    await mesh.stop("elo")
    async with await AsyncConnection.connect(mesh.database_url) as connection:
        # Otherwise a trigger keeps votes as they are.
        await connection.execute("SET session_replication_role = replica")
        await connection.execute("SET search_path TO elo")
        await connection.execute(MOVE_DATES.replace("%(days)s", str(DAYS - 1)).encode())
        for statement in MOVED:
            await connection.execute(statement.encode())
    await mesh.start("elo")
    await mesh.wait_serving()
    async with httpx.AsyncClient(base_url=f"{mesh.api_url}/api/v1", trust_env=False) as anyone:
        async with asyncio.timeout(WORK_SECONDS):
            while True:
                found = (await anyone.get("/leaderboard/history", params={"page_size": 100})).json()["snapshots"]
                if len({each["snapshot_date"] for each in found}) >= DAYS:
                    return
                await asyncio.sleep(1)


async def evaluate(mesh: Mesh, key: str) -> str:
    """Uploads a recording, waits for its evaluation, and returns its id."""
    with tempfile.TemporaryDirectory() as folder:
        wav = speak(EVALUATED_TEXT, Path(folder) / "parcel.wav").read_bytes()
    async with api_client(mesh, key, WORK_SECONDS) as http:
        response = await http.post(
            "/evaluations",
            files={"audio": ("parcel.wav", wav, "audio/wav")},
            data={"reference_text": EVALUATED_TEXT, "language": "en", "conditions": "telephone"},
        )
        id_ = str(response.raise_for_status().json()["id"])
        await watch_to_end(http, f"/evaluations/{id_}/stream")
    return id_


async def watch_to_end(http: httpx.AsyncClient, path: str) -> None:
    """Reads a stream to its end. On a busy machine that takes minutes."""
    async with http.stream("GET", path) as stream:
        async for _ in stream.raise_for_status().aiter_lines():
            pass


async def compare(mesh: Mesh, key: str) -> str:
    """Runs an experiment and returns its id."""
    plan = {
        "name": "Which local voice for customer support?",
        "scenario": "customer_support",
        "eval_mode": "automated",
        "models": [{"provider": "espeak", "voice_id": voice} for voice in ("en-us", "en-gb", "en-us+croak")],
        "prompts": list(PROMPTS[:5]),
    }
    async with api_client(mesh, key, WORK_SECONDS) as http:
        id_ = await started(http, plan)
        await watch_to_end(http, f"/experiments/{id_}/stream")
    return id_


async def capture_arena(capture: Capture) -> None:
    """Captures boards, models, scenarios and analytics."""
    models: list[str] = []
    for board in BOARDS:
        # The first one answers calls that name no board, too.
        answers = {"board": board} if models else {}
        found = await capture.call("LeaderboardService.GetLeaderboard", answers, board=board)
        capture.store("LeaderboardService.WatchLeaderboard", answers, [{"leaderboard": found}])
        await capture.call("LeaderboardService.ListSnapshots", answers, board=board, page_size=100)
        await capture.call("LeaderboardService.GetHeadToHead", answers, board=board)
        models = models or [row["model_id"] for row in found["rows"]]
    await capture.call("AnalyticsService.GetSummary", days=DAYS)
    await capture.call("AnalyticsService.GetCorrelations")
    (listed,) = await capture.read("EloService.ListVoiceModels", {"page_size": 100})
    capture.store(
        "EloService.ListVoiceModels", {}, [{"models": [each for each in listed["models"] if each["id"] in models]}]
    )
    for model in models:
        await capture.call("EloService.GetVoiceModel", {"id": model})
    await capture.call("ScenarioService.ListScenarios", page_size=100)
    await capture.call("ScoringService.ListMetrics")
    await capture.call("TtsService.ListProviders")
    await capture.call("TtsService.ListVoices", page_size=20)


async def capture_battles(capture: Capture, heard: Sequence[Heard]) -> None:
    """Captures decided battles, and the one of them with the shortest clips as it is given to a voter."""
    listed = await capture.call("BattleService.ListBattles", status="decided", page_size=12)
    for one in sorted(heard, key=lambda one: one.seconds):
        id_ = one.battle["battle_id"]
        (battle,) = await capture.read("BattleService.GetBattle", {"id": id_})
        if battle.get("winner") in ("a", "b"):
            break
    capture.store("BattleService.NextBattle", {}, [one.battle])
    capture.store("BattleService.WatchBattle", {"id": id_}, [{"battle": battle}])
    capture.recording(one.battle["clip_a_url"], "clip-a.mp3", one.clip_a)
    capture.recording(one.battle["clip_b_url"], "clip-b.mp3", one.clip_b)
    for shown in [battle, *listed["battles"]]:
        if shown["id"] != id_ or shown is battle:
            await capture.call("BattleService.GetBattle", {"id": shown["id"]})
    for scenario in {each["scenario_id"] for each in [battle, *listed["battles"][:4]]}:
        await capture.call("ScenarioService.GetScenario", {"id": scenario})


async def capture_evaluation(capture: Capture, mesh: Mesh, key: str) -> None:
    """Captures the evaluation of a recording."""
    id_ = await evaluate(mesh, key)
    await capture.call("ScoringService.GetEvaluation", {"id": id_})
    await capture.call("EvaluationService.WatchEvaluation", {"id": id_})
    await capture.call("EvaluationService.ListEvaluations")
    await capture.call("EvaluationService.GetEvaluationPeaks", {"id": id_})
    async with http_client(mesh.api_url) as http:
        wav = (await http.get(f"/api/v1/evaluations/{id_}/audio", headers=bearer(key))).raise_for_status().content
    # The page reads this recording over gRPC-Web, because its route needs the key.
    mp3 = {"content_type": "audio/mpeg", "data": base64.b64encode(as_mp3(wav)).decode()}
    capture.store("EvaluationService.GetEvaluationAudio", {"id": id_}, [mp3])


async def capture_experiment(capture: Capture, mesh: Mesh, key: str) -> None:
    """Captures an experiment, with the audio of its first prompt."""
    id_ = await compare(mesh, key)
    for rpc in ("GetExperiment", "GetResults"):
        await capture.call(f"ExperimentService.{rpc}", {"id": id_})
    messages = await capture.read("ExperimentService.WatchExperiment", {"id": id_})
    capture.store("ExperimentService.WatchExperiment", {"id": id_}, [messages[0], messages[-1]])
    trials = await capture.call("ExperimentService.ListTrials", {"id": id_}, page_size=100)
    await capture.call("ExperimentService.ListExperiments")
    for rpc in ("ListeningService.ListListeningLinks", "WebhookService.ListWebhookDeliveries"):
        await capture.call(rpc, {"experiment_id": id_})
    async with httpx.AsyncClient(trust_env=False) as http:
        for number, trial in enumerate(trials["trials"][:3], 1):
            wav = (await http.get(trial["audio_url"])).raise_for_status().content
            capture.recording(trial["audio_url"], f"trial-{number}.mp3", wav)


async def main() -> None:
    """Writes the folder anew. The exit code is 1 if it became too large."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    async with Mesh(mesh_settings(), service_env=SERVICE_ENV) as mesh, http_client(mesh.api_url) as http:
        key = (await register(mesh)).api_key
        capture = Capture(mesh, http, key)
        await capture_evaluation(capture, mesh, key)
        await capture_experiment(capture, mesh, key)
        heard = await hold_battles(mesh)
        await move_dates(mesh)
        await capture_arena(capture)
        await capture_battles(capture, heard)
        capture.write()
    sizes = {path.name: path.stat().st_size for path in sorted(FOLDER.iterdir())}
    sys.stdout.write("".join(f"{size:>8} {name}\n" for name, size in sizes.items()))
    if sum(sizes.values()) > MAX_TOTAL_BYTES:
        sys.exit(f"error: {sum(sizes.values())} bytes are more than {MAX_TOTAL_BYTES}; capture less")


if __name__ == "__main__":
    asyncio.run(main())
