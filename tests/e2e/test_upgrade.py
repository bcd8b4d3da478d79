"""This release continues the mesh of the previous release. Work in progress is finished, and nothing is lost."""

from __future__ import annotations

import asyncio
import copy
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import pytest_asyncio
from pydantic import SecretStr

from deploy.local.mesh import Mesh
from services.experiments.listening.tokens import ListeningTokens
from services.experiments.verdict import METHOD_VERSION
from tests.contract.stores.servers import running_postgres
from tests.experiments import api_client
from tests.fakes.openai_server import BEHAVIOURS, OpenAiServer
from tests.fakes.webhook_receiver import WebhookReceiver
from tests.mesh import mesh_settings
from tests.upgrade import saved_release
from tests.upgrade.saved_release import Json, hear, until, vote

KNOWN = saved_release.known()
IDS: Mapping[str, str] = KNOWN["experiments"]


@dataclass(frozen=True)
class Upgraded:
    """The HTTP client of a developer of the upgraded mesh, its provider and its webhook receiver."""

    http: httpx.AsyncClient
    provider: OpenAiServer
    receiver: WebhookReceiver

    async def get(self, path: str) -> Any:
        response = await self.http.get(path)
        assert response.status_code == 200, response.text
        return response.json()

    async def ended(self, name: str) -> Json:
        """Waits until an experiment ends and returns it."""
        path = f"/experiments/{IDS[name]}"
        return dict(await until(lambda: self.get(path), lambda got: got["status"] not in ("created", "running")))

    async def trials(self, name: str) -> list[Json]:
        return list((await self.get(trials_path(name)))["trials"])

    async def delivered(self, name: str) -> Json:
        """Waits until the only webhook delivery of an experiment is delivered, and returns it."""
        path = f"/experiments/{IDS[name]}/webhook-deliveries"
        found = await until(lambda: self.get(path), lambda got: got["deliveries"][0]["status"] == "delivered")
        (delivery,) = found["deliveries"]
        return dict(delivery)


@dataclass(frozen=True)
class Listener:
    """A listener with the tokens of the link and of the listener."""

    http: httpx.AsyncClient
    token: str
    listener: str

    async def shown(self) -> Json | None:
        """Returns the current or next pair of the listener, None if no pair is left."""
        response = await self.http.post(f"/listening/{self.token}/next", json={"listener": self.listener})
        return response.raise_for_status().json().get("pair")

    async def vote_on(self, pair: Json | None) -> Json:
        """Votes on a pair and returns the listener's progress."""
        assert pair is not None
        return await vote(self.http, self.token, self.listener, pair["id"])

    async def vote_on_all(self) -> None:
        """Plays all remaining pairs and votes on them."""
        while await self.shown() is not None:
            await self.vote_on(await hear(self.http, self.token, self.listener))


def trials_path(name: str) -> str:
    return f"/experiments/{IDS[name]}/trials?page_size=100"


def known_trials(name: str, status: str) -> dict[str, Json]:
    """Returns the trials that had this status when the previous release was saved, by id."""
    return {trial["id"]: trial for trial in KNOWN["answers"][trials_path(name)]["trials"] if trial["status"] == status}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def provider() -> AsyncIterator[OpenAiServer]:
    """A provider whose voices all work now."""
    server = OpenAiServer()
    server.behaviours.update(
        {voice: BEHAVIOURS["steady"] for voices in saved_release.VOICES.values() for voice in voices}
    )
    async with server.serving():
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def receiver() -> AsyncIterator[WebhookReceiver]:
    """A webhook receiver that accepts what it refused before."""
    server = WebhookReceiver()
    server.answer("failing", status=200)
    server.secrets["failing"] = [KNOWN["webhook_secret"]]
    async with server.serving():
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def mesh(
    tmp_path_factory: pytest.TempPathFactory, provider: OpenAiServer, receiver: WebhookReceiver
) -> AsyncIterator[Mesh]:
    """This release with the database and the audio of the previous one, and an empty NATS."""
    folder = tmp_path_factory.mktemp("upgraded")
    async with running_postgres() as url:
        await asyncio.to_thread(saved_release.restore, url, folder / "audio", receiver.url(""))
        (folder / "audio_url_secret").write_text(KNOWN["audio_url_secret"])
        settings = mesh_settings(folder).model_copy(update={"database_url": SecretStr(url)})
        async with Mesh(settings, service_env=saved_release.service_env(provider)) as running:
            yield running


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def upgraded(mesh: Mesh, provider: OpenAiServer, receiver: WebhookReceiver) -> AsyncIterator[Upgraded]:
    async with api_client(mesh, KNOWN["keys"]["api_key"]) as http:
        yield Upgraded(http, provider, receiver)


def differences(before: Any, after: Any, at: str = "") -> Iterator[str]:
    """Yields the fields of `before` that differ in `after`, except times and URLs."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key, value in before.items():
            if not key.endswith(("_at", "url", "_until")):
                yield from differences(value, after.get(key), f"{at}.{key}")
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from differences(one, other, f"{at}[{index}]")
    elif before != after:
        yield f"{at}: {before!r} is {after!r}"


ENDED = ("created", "delivered", "refused", "judged", "cancelled")
KEPT = [
    path
    for path in KNOWN["answers"]
    if path != "/api-keys" and ("/exp_" not in path or path.split("/")[2] in {IDS[name] for name in ENDED})
]


@pytest.mark.parametrize("path", KEPT)
async def test_ended_experiments_are_unchanged(upgraded: Upgraded, path: str) -> None:
    assert list(differences(KNOWN["answers"][path], await upgraded.get(path))) == []


async def test_a_running_experiment_completes_and_scored_trials_are_not_scored_again(upgraded: Upgraded) -> None:
    ended = await upgraded.ended("running")
    assert (ended["status"], ended["completed_trials"], ended["failed_trials"]) == ("completed", 12, 0)
    trials = {trial["id"]: trial for trial in await upgraded.trials("running")}
    before = known_trials("running", "completed")
    assert len(before) == 2
    assert list(differences(before, {id_: trials[id_] for id_ in before})) == []
    (scoring,) = known_trials("running", "scoring").values()
    assert trials[scoring["id"]]["status"] == "completed"
    assert trials[scoring["id"]]["duration_seconds"] == scoring["duration_seconds"]
    results = await upgraded.get(f"/experiments/{IDS['running']}/results")
    assert results["head_to_head"][0]["pairs"] == 6


async def test_a_retried_experiment_completes(upgraded: Upgraded) -> None:
    ended = await upgraded.ended("retried")
    assert (ended["status"], ended["completed_trials"], ended["failed_trials"]) == ("completed", 4, 0)
    trials = {trial["id"]: trial for trial in await upgraded.trials("retried")}
    before = known_trials("retried", "completed")
    assert len(before) == 2
    assert list(differences(before, {id_: trials[id_] for id_ in before})) == []
    # One request of each failed trial is from the first run, before the retry.
    assert all(trial["provider_requests"] >= 2 for id_, trial in trials.items() if id_ not in before)


async def test_requests_made_while_nats_was_down_are_carried_out(upgraded: Upgraded) -> None:
    ended = await upgraded.ended("asked")
    assert (ended["status"], ended["completed_trials"], ended["failed_trials"]) == ("completed", 2, 0)


async def test_listeners_continue_and_the_verdict_has_their_earlier_votes(upgraded: Upgraded) -> None:
    id_ = IDS["listening"]
    path = f"/experiments/{id_}/listening-links"
    # Reads the links again, because their tokens contain an expiry that has changed.
    tokens = {}
    for body in ({"request_id": "friends"}, {"request_id": "strict", "max_listeners_per_address": 1}):
        made = (await upgraded.http.post(path, json=body)).raise_for_status().json()
        tokens[made["link"]["id"]] = made["token"]
    assert set(tokens) == {link["id"] for link in KNOWN["answers"][path]["links"]}
    signed = ListeningTokens(KNOWN["audio_url_secret"])
    listeners = [each for each in KNOWN["listeners"] if each["experiment_id"] == id_]
    first, second, third, _ = (
        Listener(upgraded.http, tokens[each["link_id"]], signed.of_listener(each["id"], each["link_id"]))
        for each in listeners
    )
    before = await upgraded.get(f"/experiments/{id_}")
    assert list(differences(KNOWN["answers"][f"/experiments/{id_}"], before)) == []
    # The first listener does not have to play the pair again.
    assert await first.vote_on(await first.shown()) == {"votes_given": 2, "pairs_left": 0, "open": True}
    await asyncio.gather(second.vote_on_all(), third.vote_on_all())
    ended = await upgraded.ended("listening")
    assert (ended["status"], ended["listening"]["votes_received"]) == ("completed", 6)
    results = await upgraded.get(f"/experiments/{id_}/results")
    votes = results["votes"]
    assert (votes["votes"], votes["listeners"], votes["excluded"]) == (6, 3, 1)
    assert [(each["reason"], each["votes"]) for each in votes["exclusions"]] == [("address_limit", 1)]


@pytest.mark.parametrize("name", ["delivered", "judged"])
async def test_recomputing_an_earlier_verdict_gives_the_same_results(upgraded: Upgraded, name: str) -> None:
    path = f"/experiments/{IDS[name]}/results"
    before, again = dict(KNOWN["answers"][path]), await upgraded.get(f"{path}?recompute=true")
    # A release can reword the reasons, and names its own method. Everything else stays the same.
    assert len(before.pop("reasons")) == len(again.pop("reasons"))
    assert (before.pop("method_version"), again.pop("method_version")) == ("verdict/3", METHOD_VERSION)
    assert list(differences(before, again)) == []


async def test_earlier_votes_are_exported(upgraded: Upgraded) -> None:
    export = f"/experiments/{IDS['judged']}/export"
    response = await upgraded.http.get(export, params={"table": "votes", "format": "jsonl"})
    (exported,) = [json.loads(line) for line in response.raise_for_status().text.splitlines()]
    assert (exported["answer"], exported["state"]) == ("a", "counted")


async def test_a_refused_webhook_is_sent_again_with_a_valid_signature(upgraded: Upgraded) -> None:
    delivery = await upgraded.delivered("undelivered")
    (message,) = await upgraded.receiver.wait("failing")
    assert (message.id, message.verified, message.json["type"]) == (delivery["id"], True, "experiment.completed")
    assert message.json["data"]["experiment_id"] == IDS["undelivered"]
    assert [each["response_status"] for each in delivery["attempts"]] == [500, 200]


async def test_an_earlier_webhook_can_be_redelivered(upgraded: Upgraded) -> None:
    (before,) = (await upgraded.get(f"/experiments/{IDS['delivered']}/webhook-deliveries"))["deliveries"]
    path = f"/experiments/{IDS['delivered']}/webhook-deliveries/{before['id']}/redeliver"
    (await upgraded.http.post(path, json={})).raise_for_status()
    (message,) = await upgraded.receiver.wait("ok")
    assert message.id == before["id"]


async def test_api_keys_keep_their_permissions(mesh: Mesh) -> None:
    keys = KNOWN["keys"]
    async with api_client(mesh, keys["limited"]) as limited, api_client(mesh, keys["revoked"]) as revoked:
        assert (await limited.get("/experiments")).status_code == 200
        assert (await limited.get("/webhook-endpoints")).status_code == 403
        assert (await revoked.get("/experiments")).status_code == 401


async def test_keys_with_every_scope_get_new_scopes_and_other_keys_are_unchanged(upgraded: Upgraded) -> None:
    expected = copy.deepcopy(KNOWN["answers"]["/api-keys"])
    for key in expected["api_keys"]:
        if "keys" in key["scopes"]:
            key["scopes"].extend(["evaluations:write", "arena:write"])
    assert list(differences(expected, await upgraded.get("/api-keys"))) == []


async def test_an_ended_experiment_can_be_played_cloned_and_deleted(upgraded: Upgraded) -> None:
    (spoken, *_) = await upgraded.trials("refused")
    audio = await upgraded.http.get(spoken["audio_url"])
    assert (audio.status_code, audio.content[:4]) == (200, b"RIFF")
    cloned = (await upgraded.http.post(f"/experiments/{IDS['refused']}/clone", json={})).raise_for_status().json()
    (await upgraded.http.post(f"/experiments/{cloned['id']}/run", json={})).raise_for_status()
    path = f"/experiments/{cloned['id']}"
    ended = await until(lambda: upgraded.get(path), lambda got: got["status"] not in ("created", "running"))
    assert (ended["status"], ended["completed_trials"]) == ("completed", 4)
    (await upgraded.http.delete(f"/experiments/{IDS['refused']}")).raise_for_status()
    assert (await upgraded.http.get(f"/experiments/{IDS['refused']}")).status_code == 404
