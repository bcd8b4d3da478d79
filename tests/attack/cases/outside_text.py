"""Attacks by what a provider says: its errors are stored, logged, sent and shown."""

import asyncio
import json
import time

from tests.attack.attack import CannotTry, attack
from tests.attack.target import Target
from tests.fakes.speech_server import Temper

VOICE = "slow"
SAID = "Your quota\0 is \x1b[31mused\x1b[0m up \ud800\u202e\u200b"
CLEANED = "Your quota is used up"
MAX_SECONDS = 5.0


def refusal() -> Temper:
    """Returns an answer whose words can neither be stored nor shown as they are."""
    error = {"message": SAID, "type": "insufficient_quota\0", "param": None, "code": "insufficient_quota\x1b[0m"}
    return Temper(429, "application/json", json.dumps({"error": error}).encode())


@attack("has a provider answer with NUL, escapes and half characters", promise="the true kind at once, in clean words")
async def answer_with_what_can_not_be_stored(target: Target) -> None:
    server = target.speech_server
    if server is None:
        raise CannotTry("it takes the provider stand-in of the tests, whose answers are scripted")
    try:
        # For the call, the warm-up and the trial.
        server.script[VOICE].extend([refusal()] * 3)
        speech = {"text": "Hello.", "provider": target.provider, "voice_id": VOICE}
        said = await target.call("TtsService.SynthesizeSpeech", speech)
        assert said.reason == "SYNTHESIS_FAILED", f"answered {said.code} with reason {said.reason}"
        assert said.metadata["kind"] == "quota_exceeded", f"took it for {said.metadata['kind']}"
        assert said.message.endswith(CLEANED), f"says {said.message!r}"
        plan = {
            "name": "Odd words",
            "scenario": "general",
            "eval_mode": "automated",
            "models": [speech_model(target.provider, VOICE), speech_model("espeak", "en-us")],
            "prompts": ["Hello."],
        }
        made = await target.call("ExperimentService.CreateExperiment", plan)
        began = time.monotonic()
        await target.call("ExperimentService.RunExperiment", {"id": made.answer["id"]})
        failed = None
        while failed is None:
            assert time.monotonic() - began < MAX_SECONDS, f"its trial has not failed within {MAX_SECONDS:g} s"
            await asyncio.sleep(0.05)
            listed = await target.call("ExperimentService.ListTrials", {"id": made.answer["id"]})
            failed = next((trial for trial in listed.answer["trials"] if trial["status"] == "failed"), None)
        assert failed["error_message"].endswith(CLEANED), f"its trial says {failed['error_message']!r}"
        assert "quota_exceeded" in failed["error_message"]
    finally:
        server.script[VOICE].clear()


def speech_model(provider: str, voice_id: str) -> dict[str, str]:
    """Returns a model of an experiment."""
    return {"provider": provider, "voice_id": voice_id}


@attack("names an experiment with a terminal's escape", promise="400 that names the character")
async def name_it_with_an_escape(target: Target) -> None:
    for name, character in (("\x1b]0;owned\x07", "U+001B"), ("a\0b", "U+0000"), ("\x9b2J", "U+009B")):
        plan = {
            "name": name,
            "scenario": "general",
            "eval_mode": "automated",
            "models": [speech_model("espeak", "en-us"), speech_model("espeak", "en-gb")],
            "prompts": ["Hello."],
        }
        for protocol in ("grpc", "grpc-web", "json"):
            made = await target.call("ExperimentService.CreateExperiment", plan, protocol=protocol)
            assert made.reason == "INVALID_INPUT", f"{protocol} answered {made.code} to {name!r}"
            assert character in made.message, f"{protocol} said {made.message!r}"
