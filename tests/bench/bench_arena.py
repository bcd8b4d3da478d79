"""Measures the calls of the arena through the gateway: votes, the leaderboard, and the next battle of a voter.

Rates are compared with that of a bare echo through the same Envoy. The same load generator calls all of them in turns,
so other load on the machine affects all of them. Each vote is the first of its voter and decides its battle: it moves
two ratings and publishes two facts.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import zlib
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path

import httpx

from deploy.local.mesh import Mesh
from gateway.config import ExtraRoute
from gateway.settings import ServerAddress
from services.auth.voters import VoterSession, VoterTokens
from tests.bench import echo_server, http_load, running_mesh
from tests.bench.arena_rows import ArenaRows
from tests.bench.bench_uploads import percentile
from tests.bench.result import BenchResult

ROUNDS = 8
SECONDS = 1.0
WARM_UP_SECONDS = 1.0
VOTES_PER_ROUND = 300
# The votes and the next battles whose times are measured, and how many begin per second.
TIMED_CALLS = 500
CALLS_PER_SECOND = 50
MODELS = 50
POOL_MODELS, POOL_BATTLES = 500, 10_000
MAX_ROUND_SECONDS = 60.0
MAX_BOARD_SECONDS = 60.0
LOOK_AGAIN_SECONDS = 0.2

TARGET_VOTES, TARGET_VOTE_MS = 5.0, 50.0
TARGET_BOARD = 25.0
TARGET_NEXT_MS = 30.0

ECHO_PATH = "/bench/v1/echo/hello"
BOARD_PATH = "/api/v1/leaderboard"
VOTER_PATH = "/api/v1/voters/me"
# The prepared battles are the only ones.
SERVICE_ENV = {"elo": {"BATTLE_POOL": "0"}}


@dataclass(frozen=True, slots=True)
class Call:
    """A POST with the session of a voter."""

    path: str
    body: dict[str, str]
    session: VoterSession

    @property
    def headers(self) -> dict[str, str]:
        """The headers of a voter behind the proxy that the gateway trusts. Each voter has an address of their own."""
        address = IPv4Address(zlib.crc32(self.session.id.encode()) | 0x0A000000)
        return {"Authorization": f"Bearer {self.session.token}", "X-Forwarded-For": str(address)}

    @property
    def text(self) -> str:
        """The call for the load generator."""
        return http_load.post(self.path, self.body, *self._lines)

    @property
    def before(self) -> str:
        """A call of the same voter, as a fetch of a clip is: the mesh has seen the session when the vote comes."""
        return http_load.get(VOTER_PATH, *self._lines)

    @property
    def _lines(self) -> list[str]:
        return [f"{name}: {value}" for name, value in self.headers.items()]


async def run() -> list[BenchResult]:
    """Measures with 50 models, and next battles with 500 models and 10,000 open battles."""
    async with _mesh() as mesh:
        rows = ArenaRows(mesh.database_url)
        votes = VOTES_PER_ROUND * (ROUNDS + 1) + TIMED_CALLS
        await rows.add(models=MODELS, battles=votes)
        calls = await _votes(rows, _sessions(mesh, votes))
        results = [*await _rates(mesh, calls), await _vote_time(mesh, calls)]
        if (counted := await rows.counted_votes()) != votes:
            raise RuntimeError(f"{counted} of {votes} votes count")
        await rows.add(models=POOL_MODELS, battles=POOL_BATTLES)
        return [*results, await _next_time(mesh)]


@asynccontextmanager
async def _mesh() -> AsyncIterator[Mesh]:
    """A mesh without limits of calls, with an echo."""
    with tempfile.TemporaryDirectory() as directory:
        descriptors = Path(directory) / "echo.pb"
        echo_server.compile_descriptors(descriptors)
        port = running_mesh.free_port()
        route = ExtraRoute(echo_server.SERVICE, [ServerAddress("127.0.0.1", port)], descriptors)
        async with (
            echo_server.running(descriptors, port),
            running_mesh.mesh(SERVICE_ENV, [route], rate_limited=False, trusted_proxies=1) as mesh,
        ):
            yield mesh


def _sessions(mesh: Mesh, count: int) -> list[VoterSession]:
    tokens = VoterTokens(mesh.data_dir.secret("audio_url_secret"))
    return [tokens.new() for _ in range(count)]


async def _votes(rows: ArenaRows, sessions: Sequence[VoterSession]) -> Iterator[Call]:
    """Returns votes, each of another voter on another battle. Half of them are for clip A."""
    given = await rows.give([session.id for session in sessions])
    return iter(
        [
            Call(f"/api/v1/battles/{one.battle_id}/vote", {"winner": "ab"[number % 2]}, session)
            for number, (one, session) in enumerate(zip(given, sessions, strict=True))
        ]
    )


async def _rates(mesh: Mesh, votes: Iterator[Call]) -> list[BenchResult]:
    """Calls votes, the leaderboard and the echo in turns."""
    gateway = mesh.ports["api_port"]
    await _cast(gateway, votes)
    await _wait_for_board(mesh)
    for path in (ECHO_PATH, BOARD_PATH):
        await http_load.measure(gateway, path, WARM_UP_SECONDS)
    echoes, boards, cast = [], [], []
    for _ in range(ROUNDS):
        echoes.append((await http_load.measure(gateway, ECHO_PATH, SECONDS)).rate)
        boards.append((await http_load.measure(gateway, BOARD_PATH, SECONDS)).rate)
        cast.append((await _cast(gateway, votes)).rate)
    return [
        _share("votes through the gateway", TARGET_VOTES, cast, echoes, f"{MODELS} models, distinct voters"),
        _share("leaderboard", TARGET_BOARD, boards, echoes, f"{MODELS} models"),
    ]


async def _cast(gateway: int, votes: Iterator[Call]) -> http_load.Load:
    """Casts the votes of one round."""
    round_ = [next(votes) for _ in range(VOTES_PER_ROUND)]
    await _see(gateway, round_)
    return await http_load.measure_each(gateway, [call.text for call in round_], MAX_ROUND_SECONDS)


async def _see(gateway: int, calls: Sequence[Call]) -> None:
    """Has the mesh see the sessions of votes, as it has when their clips were fetched."""
    await http_load.measure_each(gateway, [call.before for call in calls], MAX_ROUND_SECONDS)


def _share(name: str, target: float, rates: Sequence[float], echoes: Sequence[float], what: str) -> BenchResult:
    shares = [100 * rate / echo for rate, echo in zip(rates, echoes, strict=True)]
    return BenchResult(
        name=name,
        value=statistics.median(shares),
        unit="% of echo",
        target=target,
        higher_is_better=True,
        detail=f"{what}: {statistics.median(rates):,.0f}/s, echo {statistics.median(echoes):,.0f}/s, "
        f"{len(shares)} rounds of {min(shares):.1f} to {max(shares):.1f}%",
    )


async def _wait_for_board(mesh: Mesh) -> None:
    """Waits until the board has all models."""
    async with asyncio.timeout(MAX_BOARD_SECONDS), httpx.AsyncClient(base_url=mesh.api_url, trust_env=False) as client:
        while len((await client.get(BOARD_PATH)).raise_for_status().json()["rows"]) < MODELS:  # noqa: ASYNC110
            await asyncio.sleep(LOOK_AGAIN_SECONDS)


async def _vote_time(mesh: Mesh, votes: Iterator[Call]) -> BenchResult:
    left = list(votes)
    await _see(mesh.ports["api_port"], left)
    milliseconds = await _timed(mesh, left)
    return _time("vote, p99", 99, TARGET_VOTE_MS, milliseconds, f"{len(milliseconds)} votes")


async def _next_time(mesh: Mesh) -> BenchResult:
    sessions = _sessions(mesh, TIMED_CALLS)
    milliseconds = await _timed(mesh, [Call("/api/v1/battles/next", {}, session) for session in sessions])
    what = f"{len(milliseconds)} voters, {POOL_MODELS} models, {POOL_BATTLES:,} open battles"
    return _time("next battle, p95", 95, TARGET_NEXT_MS, milliseconds, what)


async def _timed(mesh: Mesh, calls: Sequence[Call]) -> list[float]:
    """Makes CALLS_PER_SECOND calls per second. Returns the milliseconds from when each should have begun."""
    async with httpx.AsyncClient(base_url=mesh.api_url, trust_env=False, timeout=MAX_ROUND_SECONDS) as client:
        loop = asyncio.get_running_loop()
        started = loop.time() + 1 / CALLS_PER_SECOND

        async def timed(number: int, call: Call) -> float:
            due = started + number / CALLS_PER_SECOND
            await asyncio.sleep(due - loop.time())
            (await client.post(call.path, json=call.body, headers=call.headers)).raise_for_status()
            return 1000 * (loop.time() - due)

        return await asyncio.gather(*(timed(number, call) for number, call in enumerate(calls)))


def _time(name: str, percent: float, target: float, milliseconds: Sequence[float], what: str) -> BenchResult:
    return BenchResult(
        name=name,
        value=percentile(milliseconds, percent),
        unit="ms",
        target=target,
        higher_is_better=False,
        detail=f"{what}, {CALLS_PER_SECOND} a second: median {percentile(milliseconds, 50):.1f} ms, "
        f"longest {max(milliseconds):.0f} ms",
    )
