"""Attacks with texts from a provider, which are stored, logged, sent and shown, and with texts of callers."""

import asyncio
import json
import time

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from tests.attack.attack import CannotTry, attack
from tests.attack.target import Target
from tests.contract.rpcs import rpcs
from tests.fakes.speech_server import Behaviour

VOICE = "slow"
RAW = "Your quota\0 is \x1b[31mused\x1b[0m up \ud800\u202e\u200b"
CLEANED = "Your quota is used up"
MAX_SECONDS = 5.0


def refusal() -> Behaviour:
    """Returns an error response whose text can neither be stored nor shown unchanged."""
    error = {"message": RAW, "type": "insufficient_quota\0", "param": None, "code": "insufficient_quota\x1b[0m"}
    return Behaviour(429, "application/json", json.dumps({"error": error}).encode())


@attack("makes a provider send NUL, escapes and half characters", promise="the right kind at once, in clean text")
async def send_errors_that_can_not_be_stored(target: Target) -> None:
    server = target.speech_server
    if server is None:
        raise CannotTry("needs the provider stand-in of the tests, whose responses are scripted")
    try:
        # For the call, the warm-up request and the trial.
        server.script[VOICE].extend([refusal()] * 3)
        speech = {"text": "Hello.", "provider": target.provider, "voice_id": VOICE}
        outcome = await target.call("TtsService.SynthesizeSpeech", speech)
        assert outcome.reason == "SYNTHESIS_FAILED", f"answered {outcome.code} with reason {outcome.reason}"
        assert outcome.metadata["kind"] == "quota_exceeded", f"the kind is {outcome.metadata['kind']}"
        assert outcome.message.endswith(CLEANED), f"the message is {outcome.message!r}"
        plan = {
            "name": "Odd words",
            "scenario": "general",
            "eval_mode": "automated",
            "models": [speech_model(target.provider, VOICE), speech_model("espeak", "en-us")],
            "prompts": ["Hello."],
        }
        made = await target.call("ExperimentService.CreateExperiment", plan)
        started = time.monotonic()
        await target.call("ExperimentService.RunExperiment", {"id": made.answer["id"]})
        failed = None
        while failed is None:
            assert time.monotonic() - started < MAX_SECONDS, f"the trial did not fail within {MAX_SECONDS:g} s"
            await asyncio.sleep(0.05)
            listed = await target.call("ExperimentService.ListTrials", {"id": made.answer["id"]})
            failed = next((trial for trial in listed.answer["trials"] if trial["status"] == "failed"), None)
        assert failed["error_message"].endswith(CLEANED), f"the trial's message is {failed['error_message']!r}"
        assert "quota_exceeded" in failed["error_message"]
    finally:
        server.script[VOICE].clear()


def speech_model(provider: str, voice_id: str) -> dict[str, str]:
    """Returns a model of an experiment."""
    return {"provider": provider, "voice_id": voice_id}


@attack("puts terminal escapes into an experiment's name", promise="400 that names the character")
async def name_an_experiment_with_an_escape(target: Target) -> None:
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


@attack("sends a name that is not valid UTF-8", promise="400, never an internal error")
async def send_invalid_utf8(target: Target) -> None:
    headers = {**await target.headers(), "content-type": "application/json"}
    for name in (b"\\ud800", b"\\udfff\\ud800", b"\xff\xfe", b"\xed\xa0\x80", b"\xc0\x80", b"\\u0000"):
        body = b'{"name": "a%s", "provider": "espeak", "config": {"voice_id": "en-us"}}' % name
        response = await target.http.post("/api/v1/models", content=body, headers=headers)
        assert response.status_code == 400, f"answered {response.status_code} to {name!r}: {response.text[:200]}"


# A NUL, which PostgreSQL can't store; a terminal escape; a reversed text; a path; and a text that is far too long.
ODD_TEXTS = ("a\0b", "\x1b[2J", "\u202egnp.exe", "../../etc/passwd", "x" * 20_000)


@attack(
    "puts odd characters into every text field of every RPC", promise="an error with a reason, never an internal error"
)
async def fill_every_text_field_with_odd_characters(target: Target) -> None:
    for rpc in rpcs().values():
        if rpc.route is None:
            continue
        for field in texts_of(rpc.descriptor.input_type):
            for odd in ODD_TEXTS:
                async with asyncio.timeout(MAX_SECONDS):
                    outcome = await target.call(rpc.name, request_with(field, odd), protocol="grpc")
                place = f"{rpc.name} with {odd[:10]!r} in {'.'.join(each.name for each in field)}"
                assert outcome.code not in ("INTERNAL", "UNKNOWN", "UNAVAILABLE"), (
                    f"{place}: {outcome.code} {outcome.message}"
                )


def texts_of(message: Descriptor, depth: int = 2) -> list[list[FieldDescriptor]]:
    """Returns the paths to the text fields of a message and of its nested messages."""
    found: list[list[FieldDescriptor]] = []
    for field in message.fields:
        if field.type == field.TYPE_STRING:
            found.append([field])
        elif field.type == field.TYPE_MESSAGE and depth and not field.message_type.full_name.startswith("google."):
            found += [[field, *rest] for rest in texts_of(field.message_type, depth - 1)]
    return found


def request_with(path: list[FieldDescriptor], text: str) -> dict[str, object]:
    """Returns a request with this text in one field."""
    value: object = text
    for field in reversed(path):
        value = {field.name: [value] if field.is_repeated else value}
    assert isinstance(value, dict)
    return value
