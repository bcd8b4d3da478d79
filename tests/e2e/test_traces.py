"""One trace covers the HTTP request, the outbox, the events, the provider and the webhook."""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from pathlib import Path

import httpx

from deploy.local.mesh import Mesh
from tests.fakes.trace_collector import TraceCollector
from tests.fakes.webhook_receiver import WebhookReceiver
from tests.mesh import mesh_settings, register

SERVICES = ("auth", "experiments", "tts", "scoring", "elo")
END_TIMEOUT_SECONDS = 60.0
RUN = "/voicearena.experiments.v1.ExperimentService/RunExperiment"
RESOLVE = "/voicearena.elo.v1.EloService/ResolveVoiceModels"
SPEAK = "voicearena.tts.v1.SynthesisRequested handle"
SPOKEN = "voicearena.tts.v1.SpeechSynthesized handle"
MEASURE = "voicearena.scoring.v1.EvaluationRequested handle"
MEASURED = "voicearena.scoring.v1.EvaluationCompleted handle"
NOTIFY = "webhook experiment.completed"
ASK = "ask espeak"
PROMPTS = ("One.", "Two.", "Three.", "Four.")
VOICES = ("en-us", "en-gb")


async def test_a_run_is_one_trace_from_the_request_through_events_to_the_webhook(tmp_path: Path) -> None:
    trace_id, caller = secrets.token_hex(16), secrets.token_hex(8)
    async with TraceCollector().serving() as collector, WebhookReceiver().serving() as receiver:
        env = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "100"}
        env["WEBHOOK_ALLOWED_NETWORKS"] = f"127.0.0.1:{receiver.port}"
        async with Mesh(mesh_settings(tmp_path), service_env=dict.fromkeys(SERVICES, env)) as mesh:
            developer = await register(mesh)
            headers = {"authorization": f"Bearer {developer.api_key}"}
            async with httpx.AsyncClient(base_url=f"{mesh.api_url}/api/v1", headers=headers, trust_env=False) as http:
                models = [{"provider": "espeak", "voice_id": voice} for voice in VOICES]
                plan = {"name": "traced", "scenario": "general", "eval_mode": "automated", "models": models}
                plan |= {"prompts": PROMPTS, "profile": "latency", "webhook_url": receiver.url("ok")}
                created = await http.post("/experiments", json=plan)
                experiment_id = created.json()["id"]
                run = await http.post(
                    f"/experiments/{experiment_id}/run", headers={"traceparent": f"00-{trace_id}-{caller}-01"}
                )
                run.raise_for_status()
            async with asyncio.timeout(END_TIMEOUT_SECONDS):
                await collector.whole_trace(trace_id, caller, {RUN, NOTIFY})
    # Processes send their remaining spans when they end.
    spans = collector.trace(trace_id)
    by_name = {span.name: span for span in spans}
    run_id = by_name[RUN].span_id
    trials = len(PROMPTS) * len(VOICES)
    # A provider takes few requests at a time. Requests that are sent later belong to the same run.
    assert {span.parent_id for span in spans if span.name in (RESOLVE, SPEAK)} == {run_id}
    assert by_name[RUN].parent_id == caller
    assert Counter((span.service, span.name) for span in spans) == {
        ("experiments", RUN): 1,
        ("elo", RESOLVE): 1,
        ("tts", SPEAK): trials,
        # One request is the warm-up.
        ("tts", ASK): trials + 1,
        ("experiments", SPOKEN): trials,
        ("scoring", MEASURE): trials,
        ("experiments", MEASURED): trials,
        ("experiments", NOTIFY): 1,
    }
    named = {span.name: span.attributes.get("experiment_id") or span.attributes.get("run_id") for span in spans}
    assert {named[name] for name in (SPEAK, SPOKEN, MEASURE, MEASURED, NOTIFY)} == {experiment_id}
    (message,) = receiver.at("ok")
    assert message.headers["traceparent"] == f"00-{trace_id}-{by_name[NOTIFY].span_id}-01"
