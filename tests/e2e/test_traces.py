"""One trace leads from the HTTP request through the outbox and the events to the last measurement."""

from __future__ import annotations

import asyncio
import secrets
from pathlib import Path

import httpx

from deploy.local.mesh import Mesh
from tests.fakes.trace_collector import TraceCollector
from tests.fakes.webhook_receiver import WebhookReceiver
from tests.mesh import mesh_settings, register

SERVICES = ("auth", "experiments", "tts", "scoring", "elo")
END_SECONDS = 60.0
RUN = "/voicearena.experiments.v1.ExperimentService/RunExperiment"
RESOLVE = "/voicearena.elo.v1.EloService/ResolveVoiceModels"
SPEAK = "voicearena.tts.v1.SynthesisRequested handle"
SPOKEN = "voicearena.tts.v1.SpeechSynthesized handle"
MEASURE = "voicearena.scoring.v1.EvaluationRequested handle"
MEASURED = "voicearena.scoring.v1.EvaluationCompleted handle"
TELL = "webhook experiment.completed"


async def test_a_run_is_one_trace_from_the_request_through_events_to_the_webhook(tmp_path: Path) -> None:
    trace_id, caller = secrets.token_hex(16), secrets.token_hex(8)
    async with TraceCollector().serving() as collector, WebhookReceiver().serving() as receiver:
        env = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "100"}
        async with Mesh(mesh_settings(tmp_path), service_env=dict.fromkeys(SERVICES, env)) as mesh:
            developer = await register(mesh)
            headers = {"authorization": f"Bearer {developer.api_key}"}
            async with httpx.AsyncClient(base_url=f"{mesh.api_url}/api/v1", headers=headers, trust_env=False) as http:
                models = [{"provider": "espeak", "voice_id": voice} for voice in ("en-us", "en-gb")]
                plan = {"name": "traced", "scenario": "general", "eval_mode": "automated", "models": models}
                told = {"prompts": ["Hello."], "webhook_url": receiver.url("ok")}
                created = await http.post("/experiments", json={**plan, **told})
                run = await http.post(
                    f"/experiments/{created.json()['id']}/run",
                    headers={"traceparent": f"00-{trace_id}-{caller}-01"},
                )
                run.raise_for_status()
            async with asyncio.timeout(END_SECONDS):
                wanted = {RUN, RESOLVE, SPEAK, SPOKEN, MEASURE, MEASURED, TELL}
                spans = await collector.whole_trace(trace_id, caller, wanted)
    assert spans[RUN].parent_id == caller
    assert spans[RESOLVE].parent_id == spans[SPEAK].parent_id == spans[RUN].span_id
    (message,) = receiver.at("ok")
    assert message.headers["traceparent"] == f"00-{trace_id}-{spans[TELL].span_id}-01"
    services = {name: spans[name].service for name in wanted}
    assert services == {
        RUN: "experiments",
        RESOLVE: "elo",
        SPEAK: "tts",
        SPOKEN: "experiments",
        MEASURE: "scoring",
        MEASURED: "experiments",
        TELL: "experiments",
    }
