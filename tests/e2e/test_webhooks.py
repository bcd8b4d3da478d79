"""Webhooks from the mesh to a receiver that verifies them with the Standard Webhooks library."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from typing import Any

import httpx
import psycopg
import pytest
import pytest_asyncio

from deploy.local.mesh import Mesh
from tests.fakes.bodies import wav_of
from tests.fakes.recordings import tone
from tests.fakes.webhook_receiver import WebhookReceiver
from tests.mesh import STAND_IN, Developer
from tests.voters import new_voter

TIMEOUT_SECONDS = 30.0
POLL_INTERVAL_SECONDS = 0.05
# The time for a message to arrive on a busy machine. It is far below the timeout of 15 s for a hanging receiver.
PROMPT_SECONDS = 8.0
# The category of the battles of these tests.
WEBHOOKS = "webhooks"


@pytest_asyncio.fixture(loop_scope="session")
async def receiver() -> AsyncIterator[WebhookReceiver]:
    """A webhook receiver for one test."""
    async with WebhookReceiver().serving() as serving:
        yield serving


class Caller:
    """A developer and the calls that tests make."""

    def __init__(self, mesh: Mesh, developer: Developer, http: httpx.AsyncClient) -> None:
        self.mesh = mesh
        self.developer = developer
        self._http = http

    async def call(self, verb: str, path: str, **body: object) -> Any:
        response = await self._http.request(verb, path, json=body if verb == "POST" else None)
        assert response.status_code == 200, response.text
        return response.json()

    async def plan(self, webhook_url: str) -> dict[str, Any]:
        models = [{"provider": "espeak", "voice_id": voice} for voice in ("en-us", "en-gb")]
        plan = {"name": "with a webhook", "scenario": "general", "eval_mode": "automated", "models": models}
        plan["profile"] = "latency"
        made: dict[str, Any] = await self.call(
            "POST", "/experiments", **plan, prompts=["Hello."], webhook_url=webhook_url
        )
        return made

    async def cancelled(self, webhook_url: str) -> str:
        """Creates and cancels an experiment, which sends a webhook. Returns its id."""
        id_ = str((await self.plan(webhook_url))["id"])
        await self.call("POST", f"/experiments/{id_}/cancel")
        return id_

    async def battle(self, webhook_url: str, model_a_id: str, model_b_id: str) -> dict[str, Any]:
        """Creates a private battle on a scenario of its own category."""
        scenario = await self.call(
            "POST",
            "/scenarios",
            name="A receipt",
            category=WEBHOOKS,
            ground_truth_transcript="Your receipt is on its way.",
            visibility="private",
        )
        models = {"model_a_id": model_a_id, "model_b_id": model_b_id}
        made = await self.call("POST", "/battles", **models, scenario_id=scenario["id"], webhook_url=webhook_url)
        return dict(made)

    async def upload(self, recording: bytes, **fields: str) -> dict[str, Any]:
        """Uploads a recording and returns its evaluation."""
        response = await self._http.post(
            "/evaluations", params=fields, content=recording, headers={"content-type": "audio/wav"}
        )
        return dict(response.raise_for_status().json())

    async def delivery(self, experiment_id: str) -> dict[str, Any]:
        (delivery,) = (await self.call("GET", f"/experiments/{experiment_id}/webhook-deliveries"))["deliveries"]
        return dict(delivery)

    async def settled(self, experiment_id: str, attempts: int = 1) -> dict[str, Any]:
        """Waits until a delivery has this many attempts, and returns it."""
        async with asyncio.timeout(TIMEOUT_SECONDS):
            while True:
                delivery = await self.delivery(experiment_id)
                if len(delivery["attempts"]) >= attempts:
                    return delivery
                await asyncio.sleep(POLL_INTERVAL_SECONDS)

    async def redeliver(self, delivery: dict[str, Any]) -> dict[str, Any]:
        path = f"/experiments/{delivery['experiment_id']}/webhook-deliveries/{delivery['id']}/redeliver"
        return dict(await self.call("POST", path))


@pytest_asyncio.fixture(loop_scope="session")
async def caller(mesh: Mesh, developer: Developer) -> AsyncIterator[Caller]:
    headers = {"authorization": f"Bearer {developer.api_key}"}
    async with httpx.AsyncClient(
        base_url=f"{mesh.api_url}/api/v1", headers=headers, timeout=TIMEOUT_SECONDS, trust_env=False
    ) as http:
        yield Caller(mesh, developer, http)


@pytest.mark.parametrize(
    ("recording", "status"), [(wav_of(tone(0.5).tobytes()), "completed"), (wav_of(b""), "failed")], ids=["good", "bad"]
)
async def test_an_ended_evaluation_sends_a_webhook_with_a_valid_signature(
    caller: Caller, receiver: WebhookReceiver, recording: bytes, status: str
) -> None:
    made = await caller.upload(recording, steps="signal", webhook_url=receiver.url("ok"))
    receiver.secrets["ok"] = [made["webhook_secret"]]
    async with asyncio.timeout(TIMEOUT_SECONDS):
        (message,) = await receiver.wait("ok")
    assert message.verified
    assert message.json["type"] == f"evaluation.{status}"
    assert message.json["data"]["evaluation_id"] == made["id"]
    (delivery,) = (await caller.call("GET", f"/evaluations/{made['id']}/webhook-deliveries"))["deliveries"]
    assert delivery["id"] == message.id


async def test_a_decided_battle_sends_a_webhook_with_a_valid_signature(
    mesh: Mesh, caller: Caller, http: httpx.AsyncClient, receiver: WebhookReceiver
) -> None:
    voices = (await caller.call("GET", "/models?provider=espeak&active_only=true&page_size=2"))["models"]
    models = [voice["id"] for voice in voices]
    made = await caller.battle(receiver.url("ok"), *models)
    receiver.secrets["ok"] = [made["webhook_secret"]]
    voter = await new_voter(mesh, http)
    given = await voter.next(own_board=True, category=WEBHOOKS)
    assert given["battle_id"] == made["id"]
    await voter.hear(given)
    await voter.vote(given, "both_bad")
    async with asyncio.timeout(TIMEOUT_SECONDS):
        (message,) = await receiver.wait("ok")
    assert message.verified
    assert message.json["type"] == "battle.decided"
    data = message.json["data"]
    assert (data["battle_id"], data["winner"], data["error_message"]) == (made["id"], "both_bad", "")
    assert {data["model_a_id"], data["model_b_id"]} == set(models)
    assert (await caller.call("GET", data["battle_url"]))["winner"] == "both_bad"
    (delivery,) = (await caller.call("GET", f"/battles/{made['id']}/webhook-deliveries"))["deliveries"]
    assert (delivery["id"], delivery["subject_type"], delivery["subject_id"]) == (message.id, "battle", made["id"])


async def test_a_void_battle_sends_a_webhook_that_says_why(caller: Caller, receiver: WebhookReceiver) -> None:
    broken = [
        (await caller.call("POST", "/models", name=voice, provider=STAND_IN, config={"voice_id": voice}))["id"]
        for voice in ("empty", "html")
    ]
    made = await caller.battle(receiver.url("ok"), *broken)
    receiver.secrets["ok"] = [made["webhook_secret"]]
    async with asyncio.timeout(TIMEOUT_SECONDS):
        (message,) = await receiver.wait("ok")
    assert (message.verified, message.json["type"]) == (True, "battle.void")
    data = message.json["data"]
    assert (data["battle_id"], data["status"], data["winner"]) == (made["id"], "void", None)
    assert data["error_message"] != ""
    assert (await caller.call("GET", f"/battles/{made['id']}"))["void_reason"] == data["error_message"]


async def test_a_completed_experiment_sends_a_webhook_with_a_valid_signature(
    caller: Caller, receiver: WebhookReceiver
) -> None:
    planned = await caller.plan(receiver.url("ok"))
    receiver.secrets["ok"] = [planned["webhook_secret"]]
    await caller.call("POST", f"/experiments/{planned['id']}/run")
    async with asyncio.timeout(TIMEOUT_SECONDS):
        (message,) = await receiver.wait("ok")
    assert message.verified
    assert message.json["type"] == "experiment.completed"
    data = message.json["data"]
    assert (data["experiment_id"], data["status"], data["completed_trials"]) == (planned["id"], "completed", 2)
    results = await caller.call("GET", data["results_url"])
    assert results["experiment_id"] == planned["id"]
    delivery = await caller.settled(planned["id"])
    assert (delivery["id"], delivery["status"], delivery["error_message"]) == (message.id, "delivered", "")
    assert [(each["response_status"], each["by_hand"]) for each in delivery["attempts"]] == [(200, False)]


async def test_failed_and_cancelled_experiments_send_webhooks(caller: Caller, receiver: WebhookReceiver) -> None:
    planned = await caller.plan(receiver.url("ok"))
    receiver.secrets["ok"] = [planned["webhook_secret"]]
    # No API call can make the verdict impossible, so the database is changed.
    async with await psycopg.AsyncConnection.connect(caller.mesh.database_url, autocommit=True) as connection:
        await connection.execute(
            "UPDATE experiments.experiments SET primary_metric = 'nonsense' WHERE id = %s", [planned["id"]]
        )
    await caller.call("POST", f"/experiments/{planned['id']}/run")
    async with asyncio.timeout(TIMEOUT_SECONDS):
        await receiver.wait("ok")
        await caller.cancelled(receiver.url("ok"))
        failed, cancelled = await receiver.wait("ok", 2)
    assert (failed.verified, failed.json["type"]) == (True, "experiment.failed")
    assert failed.json["data"]["error_message"].startswith("results could not be computed")
    assert (cancelled.verified, cancelled.json["type"]) == (True, "experiment.cancelled")
    assert failed.id != cancelled.id


async def test_both_secrets_verify_after_a_rotation_and_a_redelivery_keeps_its_id(
    caller: Caller, receiver: WebhookReceiver
) -> None:
    made = await caller.call("POST", "/webhook-endpoints", url=receiver.url("ok"))
    receiver.secrets["ok"] = [made["secret"]]
    delivery = await caller.settled(await caller.cancelled(receiver.url("ok")))
    rotated = await caller.call("POST", f"/webhook-endpoints/{made['endpoint']['id']}/rotate-secret")
    receiver.secrets["ok"] = [rotated["secret"], made["secret"]]
    redelivery = await caller.redeliver(delivery)
    assert (redelivery["id"], redelivery["status"]) == (delivery["id"], "pending")
    again = await caller.settled(delivery["experiment_id"], 2)
    await caller.call("POST", f"/webhook-endpoints/{made['endpoint']['id']}/rotate-secret", overlap_seconds=0)
    await caller.redeliver(delivery)
    refused = await caller.settled(delivery["experiment_id"], 3)
    assert [message.id for message in receiver.at("ok")] == [delivery["id"]] * 3
    assert [message.verified for message in receiver.at("ok")] == [True, True, False]
    assert [each["by_hand"] for each in refused["attempts"]] == [False, True, True]
    assert [each["response_status"] for each in refused["attempts"]] == [200, 200, 401]
    # A delivery that succeeded once stays delivered.
    assert [again["status"], refused["status"]] == ["delivered", "delivered"]


async def test_secrets_are_stored_and_logged_only_encrypted(
    mesh: Mesh, caller: Caller, receiver: WebhookReceiver
) -> None:
    made = await caller.call("POST", "/webhook-endpoints", url=receiver.url("ok"))
    rotated = await caller.call("POST", f"/webhook-endpoints/{made['endpoint']['id']}/rotate-secret")
    await caller.settled(await caller.cancelled(receiver.url("ok")))
    logs = b"".join(log.read_bytes() for log in (mesh.data_dir.path / "logs").glob("*.log"))
    async with await psycopg.AsyncConnection.connect(mesh.database_url, autocommit=True) as connection:
        query = "SELECT id, url, secret, old_secret FROM experiments.webhook_endpoints WHERE id = %s"
        row = await (await connection.execute(query, [made["endpoint"]["id"]])).fetchone()
    assert row is not None
    for spelling in (made["secret"], rotated["secret"]):
        secret = base64.b64decode(spelling.removeprefix("whsec_"))
        assert len(secret) == 32
        assert spelling.encode() not in logs
        assert all(secret not in bytes(sealed) for sealed in row[2:])


async def test_a_receiver_that_hangs_or_floods_delays_no_other(caller: Caller, receiver: WebhookReceiver) -> None:
    hanging = [await caller.cancelled(receiver.url("hanging")) for _ in range(6)]
    flooding = [await caller.cancelled(receiver.url(behaviour)) for behaviour in ("flooding", "flooding_headers")]
    async with asyncio.timeout(TIMEOUT_SECONDS):
        await receiver.wait("hanging", 4)
    async with asyncio.timeout(PROMPT_SECONDS):
        for count in range(1, 4):
            await caller.cancelled(receiver.url("ok"))
            await receiver.wait("ok", count)
    # One endpoint has at most 4 attempts at a time, and all of them still hang.
    assert len(receiver.at("hanging")) == 4
    assert [(await caller.delivery(id_))["attempts"] for id_ in hanging] == [[]] * 6
    assert (await caller.settled(flooding[0]))["status"] == "delivered"
    assert (await caller.settled(flooding[1]))["status"] == "pending"


async def test_an_endpoint_that_answered_410_gets_webhooks_again_after_it_is_enabled(
    caller: Caller, receiver: WebhookReceiver
) -> None:
    delivery = await caller.settled(await caller.cancelled(receiver.url("gone")))
    assert delivery["status"] == "failed"
    assert "410" in delivery["error_message"]
    path = f"/webhook-endpoints/{delivery['endpoint_id']}"
    endpoint = await caller.call("GET", path)
    assert (endpoint["enabled"], "410" in endpoint["disabled_reason"]) == (False, True)
    late = await caller.delivery(await caller.cancelled(receiver.url("gone")))
    assert (late["status"], late["attempts"]) == ("failed", [])
    receiver.answer("gone", status=200)
    assert (await caller.call("POST", f"{path}/enable"))["enabled"]
    await caller.redeliver(late)
    assert (await caller.settled(late["experiment_id"]))["status"] == "delivered"
    assert [message.id for message in receiver.at("gone")] == [delivery["id"], late["id"]]


async def test_redirects_are_not_followed(caller: Caller, receiver: WebhookReceiver) -> None:
    delivery = await caller.settled(await caller.cancelled(receiver.url("redirecting")))
    assert (delivery["status"], delivery["attempts"][0]["response_status"]) == ("pending", 302)
    assert delivery["error_message"] == "the receiver responded with status 302; redirects are not followed"
    assert receiver.at("ok") == []


async def test_a_stopped_process_releases_its_deliveries(mesh: Mesh, caller: Caller, receiver: WebhookReceiver) -> None:
    id_ = await caller.cancelled(receiver.url("hanging"))
    async with asyncio.timeout(TIMEOUT_SECONDS):
        await receiver.wait("hanging")
    await mesh.stop("experiments")
    receiver.answer("hanging", hangs=False)
    try:
        async with await psycopg.AsyncConnection.connect(mesh.database_url, autocommit=True) as connection:
            query = "SELECT lease, attempts_made FROM experiments.webhook_deliveries WHERE experiment_id = %s"
            assert await (await connection.execute(query, [id_])).fetchone() == (None, 0)
    finally:
        await mesh.start("experiments")
        await mesh.wait_serving()
    async with asyncio.timeout(TIMEOUT_SECONDS):
        first, second = await receiver.wait("hanging", 2)
    assert first.id == second.id
    assert (await caller.settled(id_))["status"] == "delivered"
