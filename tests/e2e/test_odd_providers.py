"""A mesh with providers whose lists of voices are malformed, endless, incomplete or never arrive."""

import json
import time

import httpx

from deploy.local.mesh import Mesh
from tests.contract.clients import bearer
from tests.fakes.openai_server import MODEL, OpenAiServer
from tests.fakes.speech_server import Behaviour
from tests.mesh import mesh_settings, register

VOICES = [
    {"id": "good", "name": "G\0ood\x1b[2J\u202e"},
    {"id": "b\0ad", "name": "Bad"},
    {"id": "x" * 10_000},
    {"id": "half\ud800"},
    {"id": "good", "name": "Again"},
    {"id": {"not": "a text"}},
    7,
]
TROUBLED = ("odd", "hanging", "endless", "broken")


def server(provider: str, stand_in: OpenAiServer) -> dict[str, object]:
    return {"id": provider, "base_url": stand_in.base_url, "model": MODEL, "local": True}


async def test_no_provider_can_keep_the_mesh_from_getting_ready() -> None:
    odd, hanging, endless, broken = (OpenAiServer() for _ in TROUBLED)
    odd.listing = Behaviour(200, "application/json", json.dumps({"voices": VOICES}).encode())
    hanging.listing = Behaviour(hang_after_pieces=0)
    endless.listing = Behaviour(200, "application/json", b'["' + b"x" * (9 * 2**20), piece_bytes=2**20)
    broken.listing = Behaviour(200, "application/json", b'{"voices": [{"id": "a"}, ', cut_after_pieces=1)
    async with odd.serving(), hanging.serving(), endless.serving(), broken.serving():
        servers = [
            server(provider, each) for provider, each in zip(TROUBLED, (odd, hanging, endless, broken), strict=True)
        ]
        env = {"tts": {"OPENAI_COMPATIBLE": json.dumps(servers)}}
        began = time.monotonic()
        async with Mesh(mesh_settings(), service_env=env) as mesh:
            assert time.monotonic() - began < 25
            headers = bearer((await register(mesh)).api_key)
            async with httpx.AsyncClient(base_url=mesh.api_url, headers=headers, trust_env=False) as client:
                models = (await client.get("/api/v1/models", params={"provider": "odd"})).json()["models"]
                assert [(each["config"]["voice_id"], each["name"]) for each in models] == [("good", "odd G ood")]
                providers = (await client.get("/api/v1/providers")).json()["providers"]
                available = {each["id"]: each["available"] for each in providers}
                assert {name: available[name] for name in ("odd", "espeak", *TROUBLED[1:])} == {
                    "odd": True,
                    "espeak": True,
                    "hanging": False,
                    "endless": False,
                    "broken": False,
                }
                status = (await client.get("/api/v1/status")).json()
                (tts,) = [each for each in status["services"] if each["name"] == "tts"]
                left_out = {each["id"]: each["voices_left_out"] for each in tts["processes"][0]["providers"]}
                assert left_out["odd"] == (
                    "4 without an id of 1 to 100 visible characters without spaces; 1 with a repeated id; 1 unreadable"
                )
