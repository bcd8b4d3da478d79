"""Providers, voices, speech, stored audio and its measurements."""

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
    """Returns a valid request for speech, with some fields changed."""
    return {"text": "Good morning.", "provider": "espeak", "voice_id": "en-us", **changes}


def _are_the_metrics(metrics: list[dict[str, Any]]) -> bool:
    of_trials = metrics[: len(METRICS_MEASURED)]
    further = {(each["step"], each["name"]): each for each in metrics[len(METRICS_MEASURED) :]}
    return (
        tuple(each["name"] for each in of_trials) == METRICS_MEASURED
        and all(each["available"] for each in of_trials)
        and further["noise", "snr_db"]["good_minimum"] == 25
        and further["meaning", "semascore"]["in_trials"] is True
        and further["meaning", "semascore"]["available"] is False
        and further["emotion", "emotion"]["available"] is False
        and "`make models` installs it" in further["emotion", "emotion"]["requirement"]
    )


def _are_the_providers(providers: list[dict[str, Any]]) -> bool:
    by_id = {each["id"]: each for each in providers}
    return (
        list(by_id) == sorted(by_id)
        and by_id["espeak"]["available"] is True
        and "unavailable_reason" not in by_id["espeak"]
        and by_id["openai"]["available"] is False
        and "OPENAI_API_KEY" in str(by_id["openai"]["unavailable_reason"])
    )


CASES = [
    Case(
        "providers are listed, unavailable ones with the reason", PROVIDERS, {}, Ok({"providers": _are_the_providers})
    ),
    Case(
        "voices of a provider are listed, best first",
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
        "the next page of voices continues the list",
        VOICES,
        {"provider": "espeak", "page_size": 1, "page_token": Given("voices_page_token")},
        Ok({"voices": [{"voice_id": "en-us+f2"}]}),
    ),
    Case(
        "voices of an unknown provider are refused",
        VOICES,
        {"provider": "parrot"},
        Fails("INVALID_INPUT", fields=("provider",), says="espeak"),
    ),
    Case(
        "a page token of another provider's voices is refused",
        VOICES,
        {"page_token": Given("voices_page_token")},
        Fails("INVALID_INPUT", fields=("page_token",)),
    ),
    Case(
        "a negative page_size of voices is refused",
        VOICES,
        {"page_size": -1},
        Fails("INVALID_INPUT", fields=("page_size",)),
    ),
    Case("speech is streamed as WAV", SPEAK, speech(), Ok({"content_type": "audio/wav"})),
    Case(
        "speech is streamed as PCM at double speed",
        SPEAK,
        speech(format="pcm", parameters={"speed": 2}),
        Ok({"content_type": "audio/l16;rate=22050;channels=1"}),
    ),
    Case("speech without a voice uses the first one", SPEAK, speech(voice_id=""), Ok({"content_type": "audio/wav"})),
    Case(
        "speech of an empty text is refused",
        SPEAK,
        speech(text=""),
        Fails("INVALID_INPUT", fields=("text",), says="1 to 5000"),
    ),
    Case(
        "speech of white space is refused",
        SPEAK,
        speech(text=" \n"),
        Fails("INVALID_INPUT", fields=("text",), says="white space"),
    ),
    Case(
        "speech of more than 5000 characters is refused",
        SPEAK,
        speech(text="x" * 5001),
        Fails("INVALID_INPUT", fields=("text",), says="5000"),
    ),
    Case(
        "speech above the provider's limit is refused",
        SPEAK,
        speech(provider="stand-in", voice_id="steady", text="x" * 4097),
        Fails("INVALID_INPUT", fields=("text",), says="must be at most 4096 characters for stand-in, got 4097"),
    ),
    Case(
        "speech with a terminal escape is refused",
        SPEAK,
        speech(text="a\x1b[2J"),
        Fails("INVALID_INPUT", fields=("text",), says="U+001B"),
    ),
    Case(
        "speech with NUL is refused",
        SPEAK,
        speech(text="a\0b"),
        Fails("INVALID_INPUT", fields=("text",), says="U+0000"),
    ),
    Case(
        "speech at an invalid speed is refused",
        SPEAK,
        speech(parameters={"speed": 2.5}),
        Fails("INVALID_INPUT", fields=("parameters.speed",), says="0.5 to 2"),
    ),
    Case(
        "speech by an unknown provider is refused",
        SPEAK,
        speech(provider="parrot"),
        Fails("INVALID_INPUT", fields=("provider",), says="espeak"),
    ),
    Case(
        "speech by an unavailable provider is refused",
        SPEAK,
        speech(provider="openai", voice_id=""),
        Fails("INVALID_INPUT", fields=("provider",), says="OPENAI_API_KEY"),
    ),
    Case(
        "speech in an unknown voice is refused",
        SPEAK,
        speech(voice_id="tlh"),
        Fails("INVALID_INPUT", fields=("voice_id",), says="/api/v1/voices?provider=espeak"),
    ),
    Case(
        "all invalid fields of a speech request are named at once",
        SPEAK,
        speech(text="", voice_id="tlh", parameters={"speed": 0.1}),
        Fails("INVALID_INPUT", fields=("text", "parameters.speed", "voice_id")),
    ),
    Case(
        "speech fails if the engine returns no audio",
        SPEAK,
        speech(provider="stand-in", voice_id="empty"),
        Fails("SYNTHESIS_FAILED", metadata={"kind": "bad_audio", "provider": "stand-in"}, says="returned no audio"),
    ),
    Case(
        "speech fails if the engine fails",
        SPEAK,
        speech(provider="stand-in", voice_id="failing"),
        Fails("SYNTHESIS_FAILED", metadata={"kind": "provider_unavailable", "provider": "stand-in"}),
    ),
    Case(
        "the owner's key gives access to audio", AUDIO, {"name": Given("audio_name")}, Ok({"content_type": "audio/wav"})
    ),
    Case(
        "a signed link gives access to audio without a key",
        AUDIO,
        {"name": Given("audio_name"), "expires": Given("link_expires"), "signature": Given("link_signature")},
        Ok({"content_type": "audio/wav"}),
        caller="nobody",
    ),
    Case(
        "a signed link gives access to audio with somebody else's key",
        AUDIO,
        {"name": Given("audio_name"), "expires": Given("link_expires"), "signature": Given("link_signature")},
        Ok({"content_type": "audio/wav"}),
        caller="somebody_else",
    ),
    Case(
        "audio is not found with somebody else's key",
        AUDIO,
        {"name": Given("audio_name")},
        Fails("NOT_FOUND"),
        caller="somebody_else",
    ),
    Case(
        "audio without a link or a key is refused",
        AUDIO,
        {"name": Given("audio_name")},
        Fails("CREDENTIALS_MISSING", says="signature"),
        caller="nobody",
    ),
    # A key is optional here, but an invalid key is not treated as no key.
    *(
        Case(
            f"audio with the {key} is refused",
            AUDIO,
            {"name": Given("audio_name")},
            Fails("CREDENTIALS_INVALID", says=says),
            key,
        )
        for key, says in {
            "expired key": "The API key expired at",
            "revoked key": "The API key was revoked",
            "unknown key": "The API key is unknown",
            "mangled key": "malformed",
            "basic authorization": "must be `Bearer KEY`",
        }.items()
    ),
    *(
        Case(
            f"a signed link gives access to audio with the {key}",
            AUDIO,
            {"name": Given("audio_name"), "expires": Given("link_expires"), "signature": Given("link_signature")},
            Ok({"content_type": "audio/wav"}),
            caller=key,
        )
        for key in ("expired key", "revoked key", "mangled key")
    ),
    Case(
        "a link with a changed expiry is refused",
        AUDIO,
        {"name": Given("audio_name"), "expires": 4000000000, "signature": Given("link_signature")},
        Fails("CREDENTIALS_INVALID", says="changed"),
        caller="nobody",
    ),
    Case(
        "a link to other audio is refused",
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
        "a link without its signature is refused",
        AUDIO,
        {"name": Given("audio_name"), "expires": Given("link_expires")},
        Fails("CREDENTIALS_INVALID", says="changed"),
        caller="nobody",
    ),
    Case(
        "an expired link is refused",
        AUDIO,
        {
            "name": Given("audio_name"),
            "expires": Given("expired_link_expires"),
            "signature": Given("expired_link_signature"),
        },
        Fails("CREDENTIALS_INVALID", says="expired"),
        caller="nobody",
    ),
    Case("unknown audio is not found", AUDIO, {"name": "trl_" + "0" * 32 + ".wav"}, Fails("NOT_FOUND")),
    Case("a malformed audio name is not found", AUDIO, {"name": "passwd"}, Fails("NOT_FOUND")),
    Case(
        "the metadata file beside the audio is not found",
        AUDIO,
        {"name": Given("audio_metadata_name")},
        Fails("NOT_FOUND"),
    ),
    Case(
        "the metrics are listed",
        METRICS,
        {},
        Ok({"metrics": _are_the_metrics}),
    ),
    Case(
        "the evaluation of a trial is read",
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
        "somebody else's evaluation is not found",
        EVALUATION,
        {"id": Given("trial_id")},
        Fails("NOT_FOUND"),
        caller="somebody_else",
    ),
    Case("an unknown evaluation is not found", EVALUATION, {"id": "trl_" + "0" * 32}, Fails("NOT_FOUND")),
    Case("a malformed evaluation id is refused", EVALUATION, {"id": "42"}, Fails("INVALID_INPUT", fields=("id",))),
]
