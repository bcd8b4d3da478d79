"""An experiment over hosted providers on a whole mesh. Each stand-in for a provider is as strict as the original."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from deploy.local.mesh import Mesh
from tests.experiments import Json, api_client, ended, plan, started, trials
from tests.fakes.cartesia_server import CartesiaServer
from tests.fakes.deepgram_server import DeepgramServer, voice_id
from tests.fakes.elevenlabs_server import ElevenLabsServer
from tests.fakes.smallestai_server import SmallestAiServer
from tests.fakes.speech_server import SpeechServer
from tests.mesh import mesh_settings, register

END_SECONDS = 60.0
KEYS = {
    "cartesia": "sk_car_Q2x7Vb9LmT4kWz81",
    "elevenlabs": "sk_9fQ2Zr7Wm4TxB81LdKcE",
    "smallestai": "sk_7hYt5RrE3wQ1zXcV8bNm",
}
PROMPTS = ["One prompt.", "And another one."]
# Each provider gets one warm-up.
WARM_UPS = 1


@dataclass(frozen=True)
class Site:
    """A mesh with its providers. There is a stand-in for Deepgram, but no API key for it."""

    mesh: Mesh
    data: Path
    servers: dict[str, SpeechServer]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    async with AsyncExitStack() as stack:
        servers: dict[str, SpeechServer] = {
            "cartesia": await stack.enter_async_context(CartesiaServer(KEYS["cartesia"]).serving()),
            "elevenlabs": await stack.enter_async_context(ElevenLabsServer(KEYS["elevenlabs"]).serving()),
            "smallestai": await stack.enter_async_context(SmallestAiServer(KEYS["smallestai"]).serving()),
            "deepgram": await stack.enter_async_context(DeepgramServer().serving()),
        }
        env = {f"{name.upper()}_BASE_URL": server.base_url for name, server in servers.items()}
        env |= {f"{name.upper()}_API_KEY": key for name, key in KEYS.items()}
        env |= {"DEEPGRAM_API_KEY": "", "FIRST_BYTE_TIMEOUT_SECONDS": "2", "SYNTHESIS_TIMEOUT_SECONDS": "4"}
        data = tmp_path_factory.mktemp("hosted")
        mesh = await stack.enter_async_context(Mesh(mesh_settings(data), service_env={"tts": env}))
        yield Site(mesh, data, servers)


@pytest_asyncio.fixture(loop_scope="session")
async def http(site: Site) -> AsyncIterator[httpx.AsyncClient]:
    """The HTTP client of a developer."""
    developer = await register(site.mesh)
    async with api_client(site.mesh, developer.api_key) as client:
        yield client


def planned(*models: tuple[str, str]) -> Json:
    return plan(models, PROMPTS, scenario="adversarial")


async def run(http: httpx.AsyncClient, *models: tuple[str, str]) -> tuple[dict, list[dict]]:
    """Runs an experiment to its end and returns it with its trials."""
    id_ = await started(http, planned(*models))
    return await ended(http, id_), await trials(http, id_)


async def test_an_experiment_over_three_hosted_providers_completes(site: Site, http: httpx.AsyncClient) -> None:
    names = ("cartesia", "elevenlabs", "smallestai")
    experiment, trials = await run(http, *((name, "steady") for name in names))
    assert (experiment["status"], experiment["completed_trials"]) == ("completed", 6)
    for trial in trials:
        assert (trial["status"], trial["error_message"]) == ("completed", "")
        audio = await http.get(trial["audio_url"])
        assert audio.content[44:] == site.servers[trial["provider"]].behaviours["steady"].body
    assert {trial["model_id"] for trial in trials} == {"sonic-3", "eleven_flash_v2_5", "lightning_v3.1"}
    for name in names:
        assert site.servers[name].requests_by_voice["steady"] == len(PROMPTS) + WARM_UPS


async def test_the_parameters_of_a_voice_model_reach_the_provider(site: Site, http: httpx.AsyncClient) -> None:
    parameters = {"speed": 1.1, "language": "en", "seed": 7}
    config = {"voice_id": "slow", "model_id": "eleven_flash_v2_5", "parameters": parameters}
    (await http.post("/models", json={"name": "Seeded", "provider": "elevenlabs", "config": config})).raise_for_status()
    server = site.servers["elevenlabs"]
    before = len(server.requests)
    experiment, _ = await run(http, ("elevenlabs", "slow"), ("smallestai", "steady"))
    assert experiment["completed_trials"] == 4
    for body in server.requests[before:]:
        assert (body["voice_settings"], body["language_code"], body["seed"]) == ({"speed": 1.1}, "en", 7)


async def test_an_unsupported_parameter_is_a_400_that_names_it(http: httpx.AsyncClient) -> None:
    speech = {"text": "Hello", "provider": "cartesia", "voice_id": "steady", "parameters": {"seed": 7}}
    response = await http.post("/speech", json=speech)
    assert response.status_code == 400
    assert "parameters.seed" in response.text
    assert "which supports language, speed" in response.text


async def test_a_provider_without_a_key_is_listed_with_its_setting_and_refused(
    site: Site, http: httpx.AsyncClient
) -> None:
    listed = {each["id"]: each for each in (await http.get("/providers")).json()["providers"]}
    assert listed["deepgram"]["unavailable_reason"] == "set DEEPGRAM_API_KEY"
    assert not listed["deepgram"]["available"]
    assert listed["elevenlabs"]["parameters"] == ["language", "seed", "speed"]
    assert listed["elevenlabs"]["default_model"] == "eleven_flash_v2_5"
    models = (("deepgram", voice_id("steady")), ("cartesia", "steady"))
    response = await http.post("/experiments", json=planned(*models))
    if response.is_success:
        response = await http.post(f"/experiments/{response.json()['id']}/run")
    assert response.status_code == 400
    assert "DEEPGRAM_API_KEY" in response.text
    assert site.servers["deepgram"].counts()["requests"] == 0


@pytest.mark.parametrize(
    ("provider", "voice", "kind"),
    [
        ("cartesia", "spent", "quota_exceeded"),
        ("elevenlabs", "unauthorized", "credentials_rejected"),
        ("elevenlabs", "spent", "quota_exceeded"),
        ("smallestai", "broken", "provider_unavailable"),
        ("smallestai", "html", "bad_audio"),
    ],
)
async def test_a_refusal_of_a_provider_fails_only_its_own_trials(
    site: Site, http: httpx.AsyncClient, provider: str, voice: str, kind: str
) -> None:
    other = "cartesia" if provider != "cartesia" else "elevenlabs"
    experiment, trials = await run(http, (provider, voice), (other, "steady"))
    assert (experiment["status"], experiment["completed_trials"], experiment["failed_trials"]) == ("completed", 2, 2)
    for trial in trials:
        if trial["voice_id"] == voice:
            assert trial["error_message"].startswith(f"{kind}: ")
    if kind != "provider_unavailable":  # Other failures are not retried.
        assert site.servers[provider].requests_by_voice[voice] == len(PROMPTS) + WARM_UPS


async def test_provider_keys_are_in_no_file_of_the_mesh(site: Site, http: httpx.AsyncClient) -> None:
    """Rows of the database, events, audio and logs are all files in the data directory."""
    for name, key in KEYS.items():
        server = site.servers[name]
        server.behaviours["steady"] = server.refusal(500, f"no luck with {key}", key)
        speech = {"text": "Hello", "provider": name, "voice_id": "steady"}
        response = await http.post("/speech", json=speech)
        assert response.status_code == 503
        assert key not in response.text
    experiment, trials = await run(http, ("cartesia", "steady"), ("elevenlabs", "steady"))
    assert experiment["failed_trials"] == 4
    assert all("***" in trial["error_message"] for trial in trials)
    kept: set[str] = set()
    for file in site.data.rglob("*"):
        if not file.is_file():
            continue
        content = file.read_bytes()
        if b"no luck with ***" in content:
            kept.add(file.relative_to(site.data).parts[0])
        for key in KEYS.values():
            for spelling in (key, base64.b64encode(key.encode()).decode()[:-4]):
                assert spelling.encode() not in content, file
    # The masked message is in the files that would have the key otherwise.
    assert {"logs", "postgres"} <= kept, kept
