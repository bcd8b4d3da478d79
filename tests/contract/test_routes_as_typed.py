"""The routes of the API, listed here a second time so that an accidental change in a proto is noticed."""

import asyncio
import io
import json
import shlex
import wave
from typing import Any

import httpx
import pytest

from deploy.local.mesh import Mesh
from tests.contract.rpcs import public_rpcs

ROUTES = {
    "GET /api/v1/health",
    "GET /api/v1/status",
    "POST /api/v1/developers",
    "GET /api/v1/developers/me",
    "POST /api/v1/voters",
    "POST /api/v1/api-keys",
    "GET /api/v1/api-keys",
    "DELETE /api/v1/api-keys/{id}",
    "POST /api/v1/api-keys/{id}/rotate",
    "GET /api/v1/providers",
    "GET /api/v1/voices",
    "POST /api/v1/speech",
    "GET /api/v1/audio/{name}",
    "POST /api/v1/models",
    "GET /api/v1/models",
    "GET /api/v1/models/{id}",
    "GET /api/v1/models/{id}/card",
    "PATCH /api/v1/models/{id}",
    "POST /api/v1/models/{id}/approve",
    "GET /api/v1/battles/{id}/stream",
    "POST /api/v1/battles/next",
    "GET /api/v1/battle-clips/{name}",
    "POST /api/v1/battles/{id}/vote",
    "GET /api/v1/voters/me",
    "POST /api/v1/battles",
    "GET /api/v1/battles/{id}",
    "GET /api/v1/battles",
    "POST /api/v1/scenarios",
    "GET /api/v1/scenarios",
    "GET /api/v1/scenarios/{id}",
    "PATCH /api/v1/scenarios/{id}",
    "POST /api/v1/scenarios/{id}/archive",
    "POST /api/v1/scenarios/{id}/approve",
    "POST /api/v1/experiments",
    "POST /api/v1/experiments/{id}/run",
    "POST /api/v1/experiments/{id}/cancel",
    "POST /api/v1/experiments/{id}/retry",
    "POST /api/v1/experiments/{id}/clone",
    "DELETE /api/v1/experiments/{id}",
    "GET /api/v1/experiments",
    "GET /api/v1/experiments/{id}",
    "GET /api/v1/experiments/{id}/results",
    "GET /api/v1/experiments/{id}/export",
    "GET /api/v1/experiments/{id}/report",
    "GET /api/v1/experiments/{id}/trials",
    "GET /api/v1/experiments/{id}/stream",
    "GET /api/v1/experiments/{id}/card",
    "POST /api/v1/experiments/{experiment_id}/listening-links",
    "GET /api/v1/experiments/{experiment_id}/listening-links",
    "DELETE /api/v1/experiments/{experiment_id}/listening-links/{link_id}",
    "POST /api/v1/experiments/{experiment_id}/close-listening",
    "POST /api/v1/listening/{token}/listeners",
    "POST /api/v1/listening/{token}/next",
    "GET /api/v1/listening-clips/{name}",
    "POST /api/v1/listening/{token}/votes",
    "POST /api/v1/webhook-endpoints",
    "GET /api/v1/webhook-endpoints",
    "GET /api/v1/webhook-endpoints/{id}",
    "DELETE /api/v1/webhook-endpoints/{id}",
    "POST /api/v1/webhook-endpoints/{id}/rotate-secret",
    "POST /api/v1/webhook-endpoints/{id}/enable",
    "GET /api/v1/experiments/{experiment_id}/webhook-deliveries",
    "POST /api/v1/experiments/{experiment_id}/webhook-deliveries/{delivery_id}/redeliver",
    "GET /api/v1/evaluations/{evaluation_id}/webhook-deliveries",
    "POST /api/v1/evaluations/{evaluation_id}/webhook-deliveries/{delivery_id}/redeliver",
    "GET /api/v1/leaderboard",
    "GET /api/v1/leaderboard/stream",
    "GET /api/v1/leaderboard/history",
    "GET /api/v1/leaderboard/head-to-head",
    "GET /api/v1/leaderboard/export",
    "GET /api/v1/leaderboard/export-key",
    "GET /api/v1/leaderboard/card",
    "GET /api/v1/analytics/summary",
    "GET /api/v1/analytics/correlations",
    "GET /api/v1/battles/{battle_id}/webhook-deliveries",
    "POST /api/v1/battles/{battle_id}/webhook-deliveries/{delivery_id}/redeliver",
    "GET /api/v1/evaluations/{id}",
    "POST /api/v1/evaluations",
    "GET /api/v1/evaluations",
    "GET /api/v1/evaluations/{id}/stream",
    "GET /api/v1/evaluations/{id}/audio",
    "GET /api/v1/evaluations/{id}/peaks",
    "GET /api/v1/evaluations/{id}/export",
    "POST /api/v1/evaluations/{id}/retry",
    "POST /api/v1/evaluations/{id}/cancel",
    "DELETE /api/v1/evaluations/{id}",
    "GET /api/v1/metrics",
    "POST /api/v1/metrics/audit",
    "GET /api/v1/metrics/audit",
}
END_SECONDS = 30.0
POLL_SECONDS = 0.1


def test_the_protos_declare_these_routes() -> None:
    assert {f"{rpc.route[0]} {rpc.route[1]}" for rpc in public_rpcs().values() if rpc.route} == ROUTES


class Terminal:
    """Runs commands against a mesh on another port than 8080."""

    def __init__(self, mesh: Mesh) -> None:
        self._address = f"localhost:{mesh.ports['api_port']}"

    async def curl(self, command: str) -> Any:
        """Runs a curl command and returns the JSON that it prints."""
        arguments = shlex.split(command.replace("localhost:8080", self._address))
        # Proxies of the environment can't reach this machine's ports.
        process = await asyncio.create_subprocess_exec(
            *arguments, "--noproxy", "*", "--max-time", "20", stdout=asyncio.subprocess.PIPE
        )
        output, _ = await process.communicate()
        assert process.returncode == 0
        return json.loads(output)


async def test_the_documented_walkthrough_works(mesh: Mesh, http: httpx.AsyncClient) -> None:
    terminal = Terminal(mesh)
    assert await terminal.curl("curl -s localhost:8080/api/v1/health") == {"status": "ok"}

    developer = await terminal.curl(
        "curl -s -X POST localhost:8080/api/v1/developers -H 'Content-Type: application/json'"
        """ -d '{"name":"Test Dev","email":"test@dev.com"}'"""
    )
    assert sorted(developer) == ["api_key", "email", "id", "name"]
    assert (developer["name"], developer["email"]) == ("Test Dev", "test@dev.com")
    key = developer["api_key"]
    assert key.startswith("kc_")

    planned = await terminal.curl(
        f'curl -s -X POST localhost:8080/api/v1/experiments -H "Authorization: Bearer {key}"'
        """ -H 'Content-Type: application/json' -d '{"name":"Test experiment","scenario":"general","""
        """"eval_mode":"automated","models":[{"provider":"espeak","voice_id":"en-us"},"""
        """{"provider":"espeak","voice_id":"en-gb"}],"prompts":["Hello, how can I help you today?"]}'"""
    )
    assert planned["status"] == "created"
    id_ = planned["id"]

    running = await terminal.curl(
        f'curl -s -X POST localhost:8080/api/v1/experiments/{id_}/run -H "Authorization: Bearer {key}"'
    )
    assert running["status"] == "running"

    async with asyncio.timeout(END_SECONDS):
        while True:
            seen = await terminal.curl(
                f'curl -s localhost:8080/api/v1/experiments/{id_} -H "Authorization: Bearer {key}"'
            )
            if seen["status"] != "running":
                break
            await asyncio.sleep(POLL_SECONDS)
    assert seen["status"] == "completed"
    assert (seen["total_trials"], seen["completed_trials"]) == (2, 2)

    results = await terminal.curl(
        f'curl -s localhost:8080/api/v1/experiments/{id_}/results -H "Authorization: Bearer {key}"'
    )
    assert {ranking["voice_id"] for ranking in results["rankings"]} == {"en-us", "en-gb"}
    assert len(results["head_to_head"]) == 1
    assert results["confidence"] in ("high", "medium", "low", "inconclusive")

    trials = await terminal.curl(
        f'curl -s localhost:8080/api/v1/experiments/{id_}/trials -H "Authorization: Bearer {key}"'
    )
    assert [trial["status"] for trial in trials["trials"]] == ["completed", "completed"]
    for trial in trials["trials"]:
        # Players fetch audio without a key.
        audio = await http.get(trial["audio_url"])
        with wave.open(io.BytesIO(audio.content)) as wav:
            assert wav.getnframes() / wav.getframerate() == pytest.approx(trial["duration_seconds"], abs=1e-4)
