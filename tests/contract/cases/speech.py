"""Providers, voices, speech, stored audio and what was measured of it."""

import re
from typing import Any

from tests.contract.cases.auth import MOMENT
from tests.contract.cases.case import Case, Fails, Given, Ok
from tests.contract.matching import ABSENT

PROVIDERS = "TtsService.ListProviders"
VOICES = "TtsService.ListVoices"
SPEAK = "TtsService.SynthesizeSpeech"
AUDIO = "TtsService.GetAudio"
METRICS = "ScoringService.ListMetrics"
EVALUATION = "ScoringService.GetEvaluation"

METRICS_MEASURED = (
    "duration_seconds",
    "silence_ratio",
    "leading_silence_ms",
    "trailing_silence_ms",
    "peak",
    "clipping_ratio",
    "loudness_lufs",
    "dc_offset",
    "audible",
    "rms",
    "ttfb_ms",
    "generation_time_ms",
    "ttfa_ms",
    "real_time_factor",
    "connect_ms",
    "connection_reused",
    "sample_rate_hz",
)


def speech(**changes: object) -> dict[str, object]:
    """Returns a good request for speech, changed in some fields."""
    return {"text": "Good morning.", "provider": "espeak", "voice_id": "en-us", **changes}


def _providers_are_told(providers: list[dict[str, Any]]) -> bool:
    by_id = {each["id"]: each for each in providers}
    return (
        list(by_id) == sorted(by_id)
        and by_id["espeak"]["available"] is True
        and "unavailable_reason" not in by_id["espeak"]
        and by_id["openai"]["available"] is False
        and "OPENAI_API_KEY" in str(by_id["openai"]["unavailable_reason"])
    )


CASES = [
    Case("providers, and what those need that can't be used", PROVIDERS, {}, Ok({"providers": _providers_are_told})),
    Case(
        "voices of a provider, the best first",
        VOICES,
        {"provider": "espeak", "page_size": 2},
        Ok(
            {
                "voices": [
                    {"provider": "espeak", "voice_id": "en-us", "languages": ["en-us", "en"], "sample_rate_hz": 22050},
                    {"provider": "espeak", "voice_id": "en-gb"},
                ],
                "next_page_token": re.compile(".+"),
            }
        ),
    ),
    Case(
        "voices go on where the page before ended",
        VOICES,
        {"provider": "espeak", "page_size": 1, "page_token": Given("voices_page_token")},
        Ok({"voices": [{"voice_id": "en-us+f2"}]}),
    ),
    Case(
        "voices of an unknown provider",
        VOICES,
        {"provider": "parrot"},
        Fails("INVALID_INPUT", fields=("provider",), says="espeak"),
    ),
    Case(
        "a page token of another provider's voices",
        VOICES,
        {"page_token": Given("voices_page_token")},
        Fails("INVALID_INPUT", fields=("page_token",)),
    ),
    Case(
        "a page of voices has no negative size",
        VOICES,
        {"page_size": -1},
        Fails("INVALID_INPUT", fields=("page_size",)),
    ),
    Case("speech as WAV", SPEAK, speech(), Ok({"content_type": "audio/wav"})),
    Case(
        "speech as PCM, quickly",
        SPEAK,
        speech(format="pcm", parameters={"speed": 2}),
        Ok({"content_type": "audio/l16;rate=22050;channels=1"}),
    ),
    Case("speech with the first voice", SPEAK, speech(voice_id=""), Ok({"content_type": "audio/wav"})),
    Case("speech of nothing", SPEAK, speech(text=""), Fails("INVALID_INPUT", fields=("text",), says="1 to 5000")),
    Case(
        "speech of white space", SPEAK, speech(text=" \n"), Fails("INVALID_INPUT", fields=("text",), says="white space")
    ),
    Case("speech without end", SPEAK, speech(text="x" * 5001), Fails("INVALID_INPUT", fields=("text",), says="5000")),
    Case(
        "speech longer than the provider takes",
        SPEAK,
        speech(provider="stand-in", voice_id="steady", text="x" * 4097),
        Fails("INVALID_INPUT", fields=("text",), says="must be at most 4096 characters for stand-in, got 4097"),
    ),
    Case(
        "speech with an escape", SPEAK, speech(text="a\x1b[2J"), Fails("INVALID_INPUT", fields=("text",), says="U+001B")
    ),
    Case("speech with NUL", SPEAK, speech(text="a\0b"), Fails("INVALID_INPUT", fields=("text",), says="U+0000")),
    Case(
        "speech too fast",
        SPEAK,
        speech(parameters={"speed": 2.5}),
        Fails("INVALID_INPUT", fields=("parameters.speed",), says="0.5 to 2"),
    ),
    Case(
        "speech by an unknown provider",
        SPEAK,
        speech(provider="parrot"),
        Fails("INVALID_INPUT", fields=("provider",), says="espeak"),
    ),
    Case(
        "speech by a provider that can't be used",
        SPEAK,
        speech(provider="openai", voice_id=""),
        Fails("INVALID_INPUT", fields=("provider",), says="OPENAI_API_KEY"),
    ),
    Case(
        "speech in an unknown voice",
        SPEAK,
        speech(voice_id="tlh"),
        Fails("INVALID_INPUT", fields=("voice_id",), says="/api/v1/voices?provider=espeak"),
    ),
    Case(
        "every fault of a request to speak is named at once",
        SPEAK,
        speech(text="", voice_id="tlh", parameters={"speed": 0.1}),
        Fails("INVALID_INPUT", fields=("text", "parameters.speed", "voice_id")),
    ),
    Case(
        "an engine that gives nothing",
        SPEAK,
        speech(provider="stand-in", voice_id="empty"),
        Fails("SYNTHESIS_FAILED", metadata={"kind": "bad_audio", "provider": "stand-in"}, says="returned no audio"),
    ),
    Case(
        "an engine that fails",
        SPEAK,
        speech(provider="stand-in", voice_id="failing"),
        Fails("SYNTHESIS_FAILED", metadata={"kind": "provider_unavailable", "provider": "stand-in"}),
    ),
    Case("audio with its owner's key", AUDIO, {"name": Given("audio_name")}, Ok({"content_type": "audio/wav"})),
    Case(
        "audio by its link, without a key",
        AUDIO,
        {"name": Given("audio_name"), "expires": Given("link_expires"), "signature": Given("link_signature")},
        Ok({"content_type": "audio/wav"}),
        caller="nobody",
    ),
    Case(
        "audio by its link, with somebody else's key",
        AUDIO,
        {"name": Given("audio_name"), "expires": Given("link_expires"), "signature": Given("link_signature")},
        Ok({"content_type": "audio/wav"}),
        caller="somebody_else",
    ),
    Case(
        "audio with somebody else's key",
        AUDIO,
        {"name": Given("audio_name")},
        Fails("NOT_FOUND"),
        caller="somebody_else",
    ),
    Case(
        "audio with neither link nor key",
        AUDIO,
        {"name": Given("audio_name")},
        Fails("CREDENTIALS_MISSING", says="signature"),
        caller="nobody",
    ),
    # A key is optional here, but one that is no good is not taken for none.
    *(
        Case(
            f"audio with the {key}", AUDIO, {"name": Given("audio_name")}, Fails("CREDENTIALS_INVALID", says=says), key
        )
        for key, says in {
            "expired key": "the API key expired at",
            "revoked key": "the API key was revoked",
            "unknown key": "the API key is unknown",
            "mangled key": "mangled",
            "basic authorization": "must be `Bearer KEY`",
        }.items()
    ),
    *(
        Case(
            f"audio by its link, with the {key}",
            AUDIO,
            {"name": Given("audio_name"), "expires": Given("link_expires"), "signature": Given("link_signature")},
            Ok({"content_type": "audio/wav"}),
            caller=key,
        )
        for key in ("expired key", "revoked key", "mangled key")
    ),
    Case(
        "audio by a link that was prolonged",
        AUDIO,
        {"name": Given("audio_name"), "expires": 4000000000, "signature": Given("link_signature")},
        Fails("CREDENTIALS_INVALID", says="changed"),
        caller="nobody",
    ),
    Case(
        "audio by a link to other audio",
        AUDIO,
        {
            "name": Given("other_audio_name"),
            "expires": Given("link_expires"),
            "signature": Given("link_signature"),
        },
        Fails("CREDENTIALS_INVALID", says="changed"),
        caller="nobody",
    ),
    Case(
        "audio by half a link",
        AUDIO,
        {"name": Given("audio_name"), "expires": Given("link_expires")},
        Fails("CREDENTIALS_INVALID", says="changed"),
        caller="nobody",
    ),
    Case(
        "audio by a link that has expired",
        AUDIO,
        {"name": Given("audio_name"), "expires": Given("expired_expires"), "signature": Given("expired_signature")},
        Fails("CREDENTIALS_INVALID", says="expired"),
        caller="nobody",
    ),
    Case("audio that is not there", AUDIO, {"name": "trl_" + "0" * 32 + ".wav"}, Fails("NOT_FOUND")),
    Case("a name of no audio", AUDIO, {"name": "passwd"}, Fails("NOT_FOUND")),
    Case("the note beside the audio is not audio", AUDIO, {"name": Given("audio_note_name")}, Fails("NOT_FOUND")),
    Case(
        "what is measured",
        METRICS,
        {},
        Ok({"metrics": lambda metrics: tuple(each["name"] for each in metrics) == METRICS_MEASURED}),
    ),
    Case(
        "the measurements of a trial",
        EVALUATION,
        {"id": Given("trial_id")},
        Ok(
            {
                "id": Given("trial_id"),
                "developer_id": Given("developer_id"),
                "status": "completed",
                "audio_name": Given("audio_name"),
                "signal_metrics": {
                    "audible": True,
                    "backend": re.compile(r"voicearena-signal/\d+"),
                    "clipping_ratio": 0,
                },
                "error_message": "",
                "created_at": MOMENT,
                "completed_at": MOMENT,
                "attempt": ABSENT,
            }
        ),
    ),
    Case(
        "somebody else's measurements",
        EVALUATION,
        {"id": Given("trial_id")},
        Fails("NOT_FOUND"),
        caller="somebody_else",
    ),
    Case("measurements that are not there", EVALUATION, {"id": "trl_" + "0" * 32}, Fails("NOT_FOUND")),
    Case("an id of no measurements", EVALUATION, {"id": "42"}, Fails("INVALID_INPUT", fields=("id",))),
]
