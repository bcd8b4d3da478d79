"""One trace leads from the HTTP request through the outbox and the events to the last measurement."""

from __future__ import annotations

import asyncio
import secrets
from pathlib import Path

import httpx

from deploy.local.mesh import Mesh
from tests.fakes.trace_collector import TraceCollector
from tests.mesh import mesh_settings, register

SERVICES = ("auth", "experiments", "tts", "scoring", "elo")
END_SECONDS = 60.0


async def test_a_run_is_one_trace_from_the_request_to_the_last_event(tmp_path: Path) -> None:
    trace_id, caller = secrets.token_hex(16), secrets.token_hex(8)
    async with TraceCollector().serving() as collector:
        env = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "100"}
        async with Mesh(mesh_settings(tmp_path), service_env=dict.fromkeys(SERVICES, env)) as mesh:
            developer = await register(mesh)
            headers = {"authorization": f"Bearer {developer.api_key}"}
            async with httpx.AsyncClient(base_url=f"{mesh.api_url}/api/v1", headers=headers, trust_env=False) as http:
                models = [{"provider": "espeak", "voice_id": voice} for voice in ("en-us", "en-gb")]
                plan = {"name": "traced", "scenario": "general", "eval_mode": "automated", "models": models}
                created = await http.post("/experiments", json={**plan, "prompts": ["Hello."]})
                run = await http.post(
                    f"/experiments/{created.json()['id']}/run",
                    headers={"traceparent": f"00-{trace_id}-{caller}-01"},
                )
                run.raise_for_status()
            async with asyncio.timeout(END_SECONDS):
                spans = await collector.services_of(trace_id, {"experiments", "tts", "scoring", "elo"})
    by_name = {span.name: span for span in spans}
    request = by_name["/voicearena.experiments.v1.ExperimentService/RunExperiment"]
    assert request.parent_id == caller
    resolving = by_name["/voicearena.elo.v1.EloService/ResolveVoiceModels"]
    synthesis = by_name["voicearena.tts.v1.SynthesisRequested handle"]
    assert {resolving.parent_id, synthesis.parent_id} == {request.span_id}
    ids = {span.span_id for span in spans}
    evaluation = by_name["voicearena.scoring.v1.EvaluationRequested handle"]
    assert evaluation.parent_id in ids
