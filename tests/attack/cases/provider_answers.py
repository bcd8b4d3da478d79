"""Attacks by a provider whose responses are not what their content type says."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from tests.attack.attack import CannotTry, attack
from tests.attack.target import Target
from tests.mesh import STAND_IN

END_SECONDS = 25.0
WORKING_VOICE = "steady"
# 25 characters: at least 0.24 s of speech, at most 60 s.
PROMPT = "How can I help you today?"


async def compare(target: Target, voices: list[str]) -> tuple[dict[str, dict[str, Any]], dict[str, Any]]:
    """Compares up to three voices of the stand-in with one that works.

    Returns the trial of each voice, and the results.
    """
    if target.speech_server is None:
        raise CannotTry("needs the provider stand-in of the tests, which has a voice for each broken response")
    plan = {
        "name": "Broken responses",
        "scenario": "adversarial",
        "eval_mode": "automated",
        "models": [{"provider": target.provider, "voice_id": voice} for voice in (*voices, WORKING_VOICE)],
        "prompts": [PROMPT],
    }
    headers = await target.headers()
    made = await target.http.post("/api/v1/experiments", json=plan, headers=headers)
    made.raise_for_status()
    path = f"/api/v1/experiments/{made.json()['id']}"
    (await target.http.post(f"{path}/run", headers=headers)).raise_for_status()
    async with asyncio.timeout(END_SECONDS), target.http.stream("GET", f"{path}/stream", headers=headers) as stream:
        async for _ in stream.aiter_lines():
            pass
    trials = (await target.http.get(f"{path}/trials", headers=headers)).raise_for_status().json()["trials"]
    results = (await target.http.get(f"{path}/results", headers=headers)).raise_for_status().json()
    return {trial["voice_id"]: trial for trial in trials}, results


async def assert_refused(target: Target, expected: Mapping[str, str]) -> None:
    """Asserts that each voice fails with a message that starts as expected, and that the working voice completes.

    Nothing may win.
    """
    trials, results = await compare(target, list(expected))
    for voice, start in expected.items():
        trial = trials[voice]
        assert trial["status"] == "failed", f"the trial of {voice} is {trial['status']}"
        assert trial["error_message"].startswith(start), f"{voice}: {trial['error_message']}"
    assert trials[WORKING_VOICE]["status"] == "completed", f"{WORKING_VOICE}: {trials[WORKING_VOICE]['error_message']}"
    counted = [ranking["voice_id"] for ranking in results["rankings"] if ranking["reliability"]]
    assert set(counted) <= {WORKING_VOICE}, f"{counted} are ranked"
    assert "winner" not in results, f"{results['winner']} wins"


def sent(name: str, content_type: str = "audio/pcm") -> str:
    """Returns the start of the message about a format."""
    return f"bad_audio: {STAND_IN} sent {name} as {content_type} instead of raw audio samples"


@attack("sends compressed audio or files as raw samples", promise="bad_audio that names the format; never a result")
async def send_other_formats(target: Target) -> None:
    await assert_refused(
        target,
        {"bare_mp3": sent("MP3"), "mp4": sent("M4A", "application/octet-stream"), "opus": sent("Ogg Opus")},
    )
    await assert_refused(
        target,
        {
            "bare_aac": sent("AAC (ADTS)", "application/octet-stream"),
            "gzipped": sent("gzip"),
            "encrypted": "bad_audio: The audio is white noise at full scale",
        },
    )


@attack("sends an error as speech, with status 200", promise="bad_audio or quota_exceeded, in the server's words")
async def send_errors_as_speech(target: Target) -> None:
    sent_text = f"{STAND_IN} sent text as"
    await assert_refused(
        target,
        {
            "json_as_pcm": f"bad_audio: {sent_text} audio/pcm instead of raw audio samples: The voice was lost",
            "quota_as_pcm": f"quota_exceeded: {sent_text} audio/pcm instead of raw audio samples: You exceeded",
            "quota_as_json": f"quota_exceeded: {sent_text} application/json instead of raw audio samples: You",
        },
    )
    await assert_refused(
        target,
        {
            "html_as_octets": f"bad_audio: {sent_text} application/octet-stream instead of raw audio samples",
            "json_after_audio": f"bad_audio: {STAND_IN} sent text after its audio: The voice was lost",
            "quota_after_audio": f"quota_exceeded: {STAND_IN} sent text after its audio: You exceeded",
        },
    )


@attack("sends WAVs that are cut short, joined or lie about their size", promise="joined, another attempt or bad_audio")
async def send_odd_wavs(target: Target) -> None:
    await assert_refused(
        target,
        {
            "mixed_wavs": f"bad_audio: {STAND_IN} sent a WAV that can't be used",
            "half_wav": f"provider_unavailable: {STAND_IN} ended its response early, after 24000 of the 48000 bytes",
            "wav_and_more": f"bad_audio: {STAND_IN} sent 48000 bytes after the end of its WAV",
        },
    )
    trials, _ = await compare(target, ["wavs", "wav_with_info", "untyped"])
    seconds = {voice: round(trial.get("duration_seconds", 0), 6) for voice, trial in trials.items()}
    assert seconds == {"wavs": 1.1, "wav_with_info": 1.1, "untyped": 1.1, WORKING_VOICE: 1.1}, (
        f"the clips last {seconds} s"
    )


@attack("describes its samples with impossible parameters", promise="bad_audio after one request, naming them")
async def send_odd_parameters(target: Target) -> None:
    declared = f"bad_audio: {STAND_IN} declared"
    voices = {"rate_0": f"{declared} rate=0", "rate_1": f"{declared} rate=1", "two_channels": f"{declared} channels=2"}
    before = dict(target.speech_server.requests_by_voice) if target.speech_server else {}
    await assert_refused(target, voices)
    assert target.speech_server is not None
    asked = {voice: target.speech_server.requests_by_voice[voice] - before.get(voice, 0) for voice in voices}
    # One request is the warm-up of the experiment.
    assert sum(asked.values()) <= len(voices) + 1, f"{asked} paid requests were made"


@attack("sends far less or more speech than the text can take", promise="bad_audio with the limit")
async def send_implausible_speech(target: Target) -> None:
    await assert_refused(
        target,
        {
            "too_short": "bad_audio: The audio lasts 0.02 s, but 25 characters need at least",
            "too_long": "bad_audio: The audio is longer than 60.00 s, the maximum for 25 characters",
            "swapped": "bad_audio: The samples are big-endian, not little-endian",
        },
    )


@attack("sends a part, nothing, or less than it announced", promise="bad_audio or another attempt")
async def send_partial_responses(target: Target) -> None:
    await assert_refused(
        target,
        {
            "part": f"bad_audio: {STAND_IN} returned HTTP 206",
            "nothing": f"bad_audio: {STAND_IN} returned HTTP 204",
            "less_than_declared": f"provider_unavailable: {STAND_IN} ended its response early",
        },
    )
