"""No process logs a credential."""

from pathlib import Path

import httpx

from deploy.local.mesh import Mesh
from tests.contract.clients import Client, bearer
from tests.contract.rpcs import rpcs
from tests.mesh import register

LISTENING_TOKEN = "lst_5ec2e75ec2e75ec2e75ec2e75ec2e7"
SIGNATURE = "516e516e516e516e516e516e516e516e"


def everything_logged(mesh: Mesh) -> str:
    """Returns all logs of a mesh's processes."""
    return "\n".join(log.read_text(errors="replace") for log in Path(mesh.data_dir.path, "logs").glob("*.log"))


async def test_keys_tokens_and_signatures_are_in_no_log(
    mesh: Mesh, clients: dict[str, Client], http: httpx.AsyncClient
) -> None:
    key = (await register(mesh)).api_key
    unknown = f"{key[:-4]}0000"
    for each in (key, unknown):
        for protocol in ("grpc", "grpc-web", "json"):
            await clients[protocol].call(rpcs()["AuthService.GetCurrentDeveloper"], {}, bearer(each))
            await clients[protocol].call(rpcs()["ExperimentService.GetExperiment"], {"id": "exp_x"}, bearer(each))
    await http.get(f"/api/v1/experiments/{'x' * 300}?page_size=x", headers=bearer(key))
    await http.post(f"/api/v1/listening/{LISTENING_TOKEN}/listeners")
    await http.get(f"/api/v1/audio/a.wav?expires=1&signature={SIGNATURE}")
    written = everything_logged(mesh)
    assert [secret for secret in (key, unknown, LISTENING_TOKEN, SIGNATURE) if secret in written] == []
