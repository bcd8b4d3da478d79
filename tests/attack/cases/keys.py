"""Attacks on API keys."""

from tests.attack.attack import attack
from tests.attack.target import Target
from tests.contract.clients import PROTOCOLS, bearer


@attack("reads another developer's experiment", promise="404, as if it did not exist")
async def read_the_experiment_of_another_developer(target: Target) -> None:
    plan = {
        "name": "Mine",
        "scenario": "general",
        "eval_mode": "automated",
        "models": [{"provider": "espeak", "voice_id": voice} for voice in ("en-us", "en-gb")],
        "prompts": ["Hello"],
    }
    made = await target.call("ExperimentService.CreateExperiment", plan)
    for protocol in PROTOCOLS:
        read = await target.call(
            "ExperimentService.GetExperiment", {"id": made.answer["id"]}, "somebody_else", protocol
        )
        assert read.code == "NOT_FOUND", f"{protocol} answered {read.code}"


@attack("sends a forged identity token", promise="401: the gateway removes the token")
async def forge_an_identity(target: Target) -> None:
    forged = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJkZXZfMSIsInNjb3BlcyI6WyIqIl19."
    for headers in ({"x-voicearena-identity": forged}, {"x-voicearena-identity": forged, **bearer("kc_0")}):
        response = await target.http.get("/api/v1/experiments", headers=headers)
        assert response.status_code == 401, f"answered {response.status_code}"
