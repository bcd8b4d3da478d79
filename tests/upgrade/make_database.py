"""Saves a mesh of the previous release with work in progress, for the upgrade test.

Copy this folder into a checkout of the previous release and run it there:

    .venv/bin/python -m tests.upgrade.make_database

Then copy the folder back and commit `database.sql`, `audio.zip` and `known.json`. It takes about half a minute. The
mesh is new and uses stand-ins for providers and for the webhook receiver, so the files contain no real secrets.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx
import psycopg

from deploy.local.mesh import Mesh
from deploy.local.postgres import binaries
from tests.fakes.openai_server import BEHAVIOURS, OpenAiServer, tone
from tests.fakes.webhook_receiver import WebhookReceiver
from tests.mesh import mesh_settings, register
from tests.upgrade import saved_release
from tests.upgrade.saved_release import AUDIO, DATABASE, KNOWN, SAVED_RECEIVER, Json, hear, until, vote

CALM, BRIGHT, LOST, HELD = (
    {"provider": provider, "voice_id": voice} for provider, voices in saved_release.VOICES.items() for voice in voices
)
LOCAL = [{"provider": "espeak", "voice_id": voice} for voice in ("en-us", "en-gb")]
SPOKEN = BEHAVIOURS["steady"]
ENDED = ("completed", "failed", "cancelled")


class Maker:
    """A developer of the mesh, who creates work in every state."""

    def __init__(self, mesh: Mesh, http: httpx.AsyncClient, provider: OpenAiServer, receiver: WebhookReceiver) -> None:
        self.mesh = mesh
        self.http = http
        self.provider = provider
        self.receiver = receiver

    async def call(self, verb: str, path: str, **body: object) -> Any:
        response = await self.http.request(verb, path, json=body if verb == "POST" else None)
        assert not response.is_error, response.text
        return response.json()

    async def plan(self, name: str, models: Sequence[Json], prompts: int = 1, **changes: object) -> str:
        body = {
            "name": name,
            "scenario": "general",
            "eval_mode": "automated",
            "models": models,
            "prompts": [f"Prompt {number}." for number in range(prompts)],
            **changes,
        }
        return str((await self.call("POST", "/experiments", **body))["id"])

    async def run(self, id_: str) -> str:
        await self.call("POST", f"/experiments/{id_}/run")
        return id_

    async def get(self, id_: str) -> Any:
        return await self.call("GET", f"/experiments/{id_}")

    async def ended(self, id_: str) -> str:
        await until(lambda: self.get(id_), lambda got: got["status"] in ENDED)
        return id_

    async def trials(self, id_: str) -> list[Json]:
        return list((await self.call("GET", f"/experiments/{id_}/trials?page_size=100"))["trials"])

    async def trial_states(self, id_: str) -> list[str]:
        return [trial["status"] for trial in await self.trials(id_)]

    async def wait_for_trials(self, id_: str, *statuses: str) -> None:
        """Waits until an experiment has trials in all these statuses at the same time."""
        await until(lambda: self.trial_states(id_), lambda got: set(got) >= set(statuses))

    async def deliveries(self, id_: str) -> list[Json]:
        return list((await self.call("GET", f"/experiments/{id_}/webhook-deliveries"))["deliveries"])

    async def delivered(self, status: str, path: str) -> str:
        """Returns an ended experiment with an attempted webhook delivery of this status."""
        url = self.receiver.url(path)
        id_ = await self.ended(await self.run(await self.plan(path, [CALM, BRIGHT], 2, webhook_url=url)))
        await until(lambda: self.deliveries(id_), lambda got: got and got[0]["attempts"] and got[0]["status"] == status)
        return id_

    async def link(self, id_: str, request_id: str, **changes: object) -> str:
        path = f"/experiments/{id_}/listening-links"
        return str((await self.call("POST", path, request_id=request_id, **changes))["token"])

    async def join(self, token: str) -> str:
        return str((await self.call("POST", f"/listening/{token}/listeners"))["listener"])

    async def voting_listener(self, token: str) -> str:
        """Returns a listener who joined by a link and voted on one pair."""
        listener = await self.join(token)
        await vote(self.http, token, listener, (await hear(self.http, token, listener))["id"])
        return listener

    async def open_listening_test(self, name: str, prompts: int, votes_per_pair: int) -> str:
        plan = await self.plan(name, [CALM, BRIGHT], prompts, eval_mode="human", votes_per_pair=votes_per_pair)
        await self.run(plan)
        await until(lambda: self.get(plan), lambda got: got["listening"]["open"])
        return plan

    async def judged(self) -> str:
        """Returns an experiment whose verdict comes from one vote."""
        id_ = await self.open_listening_test("judged", 1, 1)
        await self.voting_listener(await self.link(id_, "judges"))
        return await self.ended(id_)

    async def listening(self) -> str:
        """Returns an experiment with four listeners.

        The first has voted and heard the next pair. The second has received a pair. The others voted by a link that
        counts one listener per address, so the vote of the last one is excluded.
        """
        id_ = await self.open_listening_test("listening", 2, 3)
        token, strict = await self.link(id_, "friends"), await self.link(id_, "strict", max_listeners_per_address=1)
        voter = await self.voting_listener(token)
        await hear(self.http, token, voter)
        await self.call("POST", f"/listening/{token}/next", listener=await self.join(token))
        await self.voting_listener(strict)
        await self.voting_listener(strict)
        return id_

    async def retried(self) -> str:
        """Returns an experiment whose failed trials are being retried."""
        self.provider.behaviours["lost"] = BEHAVIOURS["empty"]
        id_ = await self.ended(await self.run(await self.plan("retried", [CALM, LOST], 2)))
        self.provider.behaviours["lost"] = BEHAVIOURS["hanging"]
        await self.call("POST", f"/experiments/{id_}/retry")
        await self.wait_for_trials(id_, "completed", "pending", "synthesizing")
        return id_

    async def running(self) -> str:
        """Returns an experiment with trials in every state, and stops scoring so that they stay there."""
        self.provider.behaviours["calm"] = replace(self.provider.behaviours["calm"], before_seconds=0.5)
        id_ = await self.run(await self.plan("running", [CALM, HELD], 6))
        await until(lambda: self.get(id_), lambda got: got["completed_trials"] >= 2)
        await self.mesh.stop("scoring")
        await self.wait_for_trials(id_, "completed", "scoring", "synthesizing", "pending")
        return id_

    async def keys(self) -> dict[str, str]:
        """Returns a key with one scope, and a revoked key."""
        limited = await self.call("POST", "/api-keys", name="limited", scopes=["experiments:read"])
        revoked = await self.call("POST", "/api-keys", name="revoked", scopes=["experiments:read"])
        await self.call("DELETE", f"/api-keys/{revoked['api_key']['id']}")
        return {"limited": limited["key"], "revoked": revoked["key"]}

    async def responses(self, ids: Sequence[str]) -> dict[str, Any]:
        """Returns the API's successful responses about all resources, by path."""
        paths = ["/models?registered_by_me=true", "/api-keys", "/webhook-endpoints"]
        for id_ in ids:
            parts = ("", "/trials?page_size=100", "/results", "/webhook-deliveries", "/listening-links")
            paths += [f"/experiments/{id_}{part}" for part in parts]
        responses = [await self.http.get(path) for path in paths]
        return {path: response.json() for path, response in zip(paths, responses, strict=True) if not response.is_error}


async def make() -> None:
    """Runs a mesh and saves it."""
    provider, receiver = OpenAiServer(), WebhookReceiver()
    provider.behaviours.update(
        calm=replace(SPOKEN, body=tone(0.3, 0.1)),
        bright=replace(SPOKEN, body=tone(0.4, 0.1)),
        held=BEHAVIOURS["hanging"],
    )
    async with provider.serving(), receiver.serving():
        env = saved_release.service_env(provider)
        env = {**env, "tts": {**env["tts"], "FIRST_BYTE_TIMEOUT_SECONDS": "120"}}
        async with Mesh(mesh_settings(), service_env=env) as mesh:
            developer = await register(mesh)
            headers = {"authorization": f"Bearer {developer.api_key}"}
            url = f"{mesh.api_url}/api/v1"
            async with httpx.AsyncClient(base_url=url, headers=headers, timeout=30, trust_env=False) as http:
                maker = Maker(mesh, http, provider, receiver)
                await _make(maker, developer.api_key)


async def _make(maker: Maker, api_key: str) -> None:
    endpoint = await maker.call("POST", "/webhook-endpoints", url=maker.receiver.url("failing"))
    ids = {
        "created": await maker.plan("created", [CALM, BRIGHT]),
        "delivered": await maker.delivered("delivered", "ok"),
        "refused": await maker.delivered("failed", "gone"),
        "judged": await maker.judged(),
        "listening": await maker.listening(),
        "retried": await maker.retried(),
        # Created late, because its next attempt is due 5 s after the first one.
        "undelivered": await maker.delivered("pending", "failing"),
        "running": await maker.running(),
        "cancelled": await maker.plan("cancelled", [CALM, BRIGHT]),
        "asked": await maker.plan("asked", LOCAL),
    }
    keys = await maker.keys()
    await maker.call("POST", "/models", name="ours", provider="standin", config={"voice_id": "calm"})
    # From here on, events stay in the outbox.
    await maker.mesh.stop("nats")
    await maker.call("POST", f"/experiments/{ids['cancelled']}/cancel")
    await maker.run(ids["asked"])
    await maker.wait_for_trials(ids["asked"], "synthesizing")
    responses = await maker.responses(list(ids.values()))
    states = await maker.trial_states(ids["running"])
    _save(maker, {"api_key": api_key, **keys}, ids, endpoint["secret"], responses)
    assert await maker.trial_states(ids["running"]) == states


def _save(maker: Maker, keys: Json, ids: Json, webhook_secret: str, responses: Json) -> None:
    saved_at = datetime.now(UTC)
    dump = [binaries() / "pg_dump", "--no-owner", "--no-privileges", "--dbname", maker.mesh.database_url]
    script = subprocess.run(dump, capture_output=True, check=True).stdout.decode()
    with psycopg.connect(maker.mesh.database_url) as connection:
        # Whole rows, because their columns change between releases.
        query = "SELECT to_jsonb(rows) FROM experiments.listening_listeners AS rows ORDER BY created_at, id"
        listeners = [row for (row,) in connection.execute(query)]
        query = "SELECT count(*) FROM experiments.outbox WHERE published_at IS NULL"
        assert connection.execute(query).fetchone() != (0,)
    known = {
        "saved_at": saved_at.isoformat(),
        "audio_url_secret": maker.mesh.data_dir.secret("audio_url_secret"),
        "keys": keys,
        "webhook_secret": webhook_secret,
        "experiments": ids,
        "listeners": listeners,
        "answers": responses,
    }
    receiver = maker.receiver.url("")
    DATABASE.write_text(script.replace(receiver, SAVED_RECEIVER))
    KNOWN.write_text(json.dumps(known, indent=1).replace(receiver, SAVED_RECEIVER) + "\n")
    with zipfile.ZipFile(AUDIO, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted((maker.mesh.data_dir.path / "audio").iterdir()):
            archive.write(file, file.name)


if __name__ == "__main__":
    asyncio.run(make())
