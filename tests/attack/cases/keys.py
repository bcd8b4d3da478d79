"""Attacks on API keys."""

from tests.attack.attack import attack
from tests.attack.target import Target
from tests.contract.clients import PROTOCOLS, bearer


@attack("reads another developer's experiment", promise="404, as if it did not exist")
async def read_what_is_somebody_elses(target: Target) -> None:
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


@attack("sends an identity token of its own making", promise="the gateway strips it: 401")
async def forge_an_identity(target: Target) -> None:
    forged = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJkZXZfMSIsInNjb3BlcyI6WyIqIl19."
    for headers in ({"x-voicearena-identity": forged}, {"x-voicearena-identity": forged, **bearer("kc_0")}):
        answer = await target.http.get("/api/v1/experiments", headers=headers)
        assert answer.status_code == 401, f"answered {answer.status_code}"
