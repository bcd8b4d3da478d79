"""Every hosted provider, against a stand-in that is as strict as the original, over a real socket."""

import asyncio
from contextlib import aclosing
from dataclasses import replace

import pytest

from services.tts.domain import FailureKind, SynthesisError, Timing, Utterance
from services.tts.providers.limits import SynthesisLimits, speak_within_limits
from tests.fakes.speech_server import BEHAVIOURS, Behaviour, tone
from tests.unit.tts.hosted import (
    CARTESIA,
    DEEPGRAM,
    ELEVENLABS,
    HELLO,
    KEY,
    OPENAI,
    SMALLESTAI,
    HostedCase,
    HostedSetup,
)

TEXT_AS_PCM = "sent text as audio/pcm instead of raw audio samples"


async def test_samples_arrive_as_they_were_sent(setup: HostedSetup) -> None:
    timing = Timing()
    assert await setup.spoken("steady", timing) == BEHAVIOURS["steady"].body
    assert setup.server.requests == [setup.hosted.sent]
    assert timing.sample_rate_hz == 24000


async def test_parameters_are_sent_to_the_provider(setup: HostedSetup) -> None:
    speech = setup.engine.synthesize(setup.utterance("steady", setup.hosted.every_parameter), Timing())
    async with aclosing(speech) as audio:
        await anext(audio)
    assert setup.server.requests == [{**setup.hosted.sent, **setup.hosted.sent_for_every_parameter}]


@pytest.mark.parametrize("provider", [CARTESIA, ELEVENLABS, SMALLESTAI, OPENAI], ids=str)
async def test_the_model_of_the_request_has_priority_over_the_settings(setup: HostedSetup) -> None:
    with pytest.raises(SynthesisError) as caught:
        [_ async for _ in setup.engine.synthesize(Utterance(HELLO, "steady", "no-such-model"), Timing())]
    assert caught.value.kind is FailureKind.UNKNOWN_VOICE
    assert "no-such-model" in caught.value.message


async def test_exactly_the_supported_parameters_are_sent(setup: HostedSetup) -> None:
    declared = setup.engine.capabilities.parameters
    assert {
        name for name in ("speed", "language", "seed") if getattr(setup.hosted.every_parameter, name) is not None
    } == declared


@pytest.mark.parametrize("ending", ["/", "//", "version", "version/"])
async def test_a_base_url_can_end_with_slashes_or_the_version_of_its_routes(provider: HostedCase, ending: str) -> None:
    version = {"ElevenLabs": "/v1", "Smallest AI": "/waves/v1", "Deepgram": "/v1"}.get(provider.name, "")
    async with provider.server(key=KEY).serving() as server:
        engine = provider.engine(server.base_url + ending.replace("version", version), KEY)
        assert len(await engine.voices()) == len(server.behaviours)
        spoken = engine.synthesize(Utterance(HELLO, provider.voice("steady")), Timing())
        assert b"".join([piece async for piece in spoken]) == BEHAVIOURS["steady"].body
        await engine.close()


async def test_audio_arrives_before_the_response_ends(setup: HostedSetup) -> None:
    async with aclosing(setup.engine.synthesize(setup.utterance("stuck"), Timing())) as audio, asyncio.timeout(5):
        assert await anext(audio)


async def test_closing_the_stream_closes_the_connection_and_leaves_the_engine_usable(setup: HostedSetup) -> None:
    async with aclosing(setup.engine.synthesize(setup.utterance("stuck"), Timing())) as audio:
        await anext(audio)
    async with asyncio.timeout(5):
        await setup.server.gone.wait()
    assert await setup.spoken("steady") == BEHAVIOURS["steady"].body


async def test_cancelling_closes_the_connection_also_before_the_first_byte(setup: HostedSetup) -> None:
    speaking = asyncio.create_task(setup.spoken("hanging"))
    async with asyncio.timeout(5):
        await setup.server.asked.wait()
        speaking.cancel()
        await setup.server.gone.wait()
    with pytest.raises(asyncio.CancelledError):
        await speaking


async def test_the_second_request_uses_the_connection_of_the_first(setup: HostedSetup) -> None:
    first, second = Timing(), Timing()
    await setup.spoken("steady", first)
    await setup.spoken("steady", second)
    assert setup.server.connections == 1
    assert (first.connection_reused, second.connection_reused) == (False, True)
    assert first.connect_ms is not None
    assert second.connect_ms is None
    assert second.transport == "http/1.1"


async def test_listing_the_voices_opens_the_connection_for_speech(setup: HostedSetup) -> None:
    timing = Timing()
    await setup.engine.voices()
    await setup.spoken("steady", timing)
    assert (timing.connection_reused, setup.server.connections) == (True, 1)


async def test_a_response_that_ends_early_is_worth_a_retry(
    setup: HostedSetup,
) -> None:
    error = await setup.failure("broken")
    assert (error.kind, error.worth_a_retry) == (FailureKind.PROVIDER_UNAVAILABLE, True)
    assert error.message == f"{setup.hosted.name} ended its response early"
    assert await setup.spoken("steady") == BEHAVIOURS["steady"].body


@pytest.mark.parametrize("way", ["payment", "spent", "limited", "full", "failing", "overloaded", "nobody"])
async def test_an_error_has_its_kind_and_the_words_of_the_provider(setup: HostedSetup, way: str) -> None:
    kind, words = setup.hosted.errors[way]
    error = await setup.failure(way)
    assert error.kind is kind
    assert error.message.startswith(f"{setup.hosted.name} {words}")
    assert error.worth_a_retry is (kind in (FailureKind.RATE_LIMITED, FailureKind.PROVIDER_UNAVAILABLE))


async def test_an_error_with_an_incomplete_body_keeps_its_kind_and_retry_after(setup: HostedSetup) -> None:
    limited = setup.server.behaviours["limited"]
    setup.server.behaviours["limited"] = replace(limited, piece_bytes=8, cut_after_pieces=2)
    error = await setup.failure("limited")
    assert (error.kind, error.retry_after) == (FailureKind.RATE_LIMITED, 1.0)


async def test_control_characters_in_an_error_change_neither_its_kind_nor_its_words(setup: HostedSetup) -> None:
    kind, words = setup.hosted.errors["spent"]
    error = await setup.failure("odd_words")
    assert (error.kind, error.message) == (kind, f"{setup.hosted.name} {words}")


async def test_the_message_about_a_rejected_key_has_no_words_of_the_provider(setup: HostedSetup) -> None:
    error = await setup.failure("unauthorized")
    assert (error.kind, error.worth_a_retry) == (FailureKind.CREDENTIALS_REJECTED, False)
    assert error.message == f"{setup.hosted.name} returned HTTP 401: it rejected the API key"


async def test_a_refusal_for_concurrency_differs_from_a_rate_limit(setup: HostedSetup) -> None:
    assert (await setup.failure("full")).concurrency_full is True
    # Deepgram limits only the number of requests at the same time.
    assert (await setup.failure("limited")).concurrency_full is (setup.hosted is DEEPGRAM)


async def test_the_allowed_concurrency_is_read_if_the_provider_states_it(setup: HostedSetup) -> None:
    allowed = (await setup.failure("full")).allowed_concurrency
    assert allowed == (5 if setup.hosted is ELEVENLABS else None)


async def test_requests_over_the_concurrency_of_the_plan_are_refused_and_the_others_speak(setup: HostedSetup) -> None:
    setup.server.allowed_at_once = 1
    setup.server.behaviours["steady"] = replace(BEHAVIOURS["steady"], before_seconds=0.2)
    outcomes = await asyncio.gather(setup.spoken("steady"), setup.spoken("steady"), return_exceptions=True)
    (full,) = [outcome for outcome in outcomes if isinstance(outcome, SynthesisError)]
    assert full.concurrency_full
    assert BEHAVIOURS["steady"].body in outcomes
    assert setup.server.counts()["most_at_once"] == 2


async def test_retry_after_is_read_in_seconds_and_as_a_date(setup: HostedSetup) -> None:
    assert (await setup.failure("limited")).retry_after == 1.0
    until = (await setup.failure("limited_until")).retry_after
    assert until is not None
    assert 25 < until <= 30


@pytest.mark.parametrize(
    ("behaviour", "kind", "worth_a_retry", "words"),
    [
        ("bad_gateway", FailureKind.PROVIDER_UNAVAILABLE, True, "returned HTTP 502"),
        ("redirecting", FailureKind.PROVIDER_UNAVAILABLE, False, "returned HTTP 302"),
        ("html", FailureKind.BAD_AUDIO, False, "sent text as text/html instead of raw audio samples"),
        ("mp3", FailureKind.BAD_AUDIO, False, "sent MP3 as audio/mpeg instead of raw audio samples"),
        ("hidden_mp3", FailureKind.BAD_AUDIO, False, "sent MP3 as audio/pcm instead of raw audio samples"),
        ("bare_mp3", FailureKind.BAD_AUDIO, False, "sent MP3 as audio/pcm instead of raw audio samples"),
        ("bare_aac", FailureKind.BAD_AUDIO, False, "sent AAC (ADTS) as application/octet-stream instead"),
        ("mp4", FailureKind.BAD_AUDIO, False, "sent M4A as application/octet-stream instead"),
        ("opus", FailureKind.BAD_AUDIO, False, "sent Ogg Opus as audio/pcm instead"),
        ("gzipped", FailureKind.BAD_AUDIO, False, "sent gzip as audio/pcm instead"),
        ("json_as_pcm", FailureKind.BAD_AUDIO, False, f"{TEXT_AS_PCM}: The voice was lost"),
        ("quota_as_pcm", FailureKind.QUOTA_EXCEEDED, False, f"{TEXT_AS_PCM}: You exceeded your current quota"),
        ("quota_as_json", FailureKind.QUOTA_EXCEEDED, False, "sent text as application/json instead of raw audio"),
        ("quota_as_problem", FailureKind.QUOTA_EXCEEDED, False, "sent text as application/problem+json instead"),
        ("html_as_octets", FailureKind.BAD_AUDIO, False, "sent text as application/octet-stream instead of raw audio"),
        ("json_after_audio", FailureKind.BAD_AUDIO, False, "sent text after its audio: The voice was lost"),
        ("quota_after_audio", FailureKind.QUOTA_EXCEEDED, False, "sent text after its audio: You exceeded your"),
        (
            "mixed_wavs",
            FailureKind.BAD_AUDIO,
            False,
            "sent a WAV that can't be used",
        ),
        (
            "half_wav",
            FailureKind.PROVIDER_UNAVAILABLE,
            True,
            "ended its response early, after 24000 of the 48000 bytes",
        ),
        ("wav_and_more", FailureKind.BAD_AUDIO, False, "sent 48000 bytes after the end of its WAV"),
        (
            "stereo_wav",
            FailureKind.BAD_AUDIO,
            False,
            "sent a WAV that can't be used",
        ),
        (
            "rate_0",
            FailureKind.BAD_AUDIO,
            False,
            "declared rate=0 for its audio; a sample rate must be 4000 to 192000 Hz",
        ),
        (
            "rate_1",
            FailureKind.BAD_AUDIO,
            False,
            "declared rate=1 for its audio; a sample rate must be 4000 to 192000 Hz",
        ),
        (
            "two_channels",
            FailureKind.BAD_AUDIO,
            False,
            "declared channels=2 for its audio, but the request asked for 16-bit mono",
        ),
        ("part", FailureKind.BAD_AUDIO, False, "returned HTTP 206"),
        ("nothing", FailureKind.BAD_AUDIO, False, "returned HTTP 204"),
        ("less_than_declared", FailureKind.PROVIDER_UNAVAILABLE, True, "ended its response early"),
        (
            "json_as_events",
            FailureKind.QUOTA_EXCEEDED,
            False,
            "returned text/event-stream without any events: Y",
        ),
        (
            "error_event",
            FailureKind.PROVIDER_UNAVAILABLE,
            True,
            "reported an error in its response: The voice was lost",
        ),
    ],
)
async def test_a_response_without_usable_audio_fails_with_its_kind(
    setup: HostedSetup, behaviour: str, kind: FailureKind, worth_a_retry: bool, words: str
) -> None:
    error = await setup.failure(behaviour)
    assert (error.kind, error.worth_a_retry) == (kind, worth_a_retry)
    if setup.hosted is SMALLESTAI and setup.server.behaviours[behaviour].content_type == "audio/pcm":
        # It sends samples in events, so the label in the message differs.
        words = words.replace("as audio/pcm", "as the audio of events")
    assert error.message.startswith(f"{setup.hosted.name} {words}")


@pytest.mark.parametrize(
    ("behaviour", "sound"), [("wavs", tone(0.5, 0.1) + tone(0.5)), ("wav_with_info", tone(1.0, 0.1))]
)
async def test_only_the_samples_of_a_wav_are_sound(setup: HostedSetup, behaviour: str, sound: bytes) -> None:
    assert await setup.spoken(behaviour) == sound


async def test_a_body_without_a_content_type_and_events_with_empty_errors_are_accepted(setup: HostedSetup) -> None:
    assert await setup.spoken("untyped") == BEHAVIOURS["steady"].body
    assert await setup.spoken("null_error") == tone(0.5, 0.1)


async def test_html_is_not_repeated_in_a_message(setup: HostedSetup) -> None:
    setup.server.behaviours["page"] = Behaviour(404, "text/plain", b" <!DOCTYPE html><html>nothing here</html>")
    assert (await setup.failure("page")).message == f"{setup.hosted.name} returned HTTP 404"


async def test_an_empty_body_yields_nothing_and_a_wav_loses_its_header(setup: HostedSetup) -> None:
    assert await setup.spoken("empty") == b""
    assert await setup.spoken("wav") == tone(0.2, 0.1)


async def test_half_a_sample_at_the_end_is_passed_on(setup: HostedSetup) -> None:
    assert await setup.spoken("odd") == tone(0.2) + b"\x01"


async def test_audio_in_many_small_pieces_arrives_complete(setup: HostedSetup) -> None:
    timing = Timing()
    assert await setup.spoken("trickle", timing) == BEHAVIOURS["trickle"].body
    assert timing.sent_at is not None
    assert timing.last_byte_at is not None
    # 55 pieces, 5 ms apart.
    assert timing.last_byte_at - timing.sent_at >= 0.269


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [("hanging", "sent no audio within 0.05 s"), ("stuck", "had not sent all audio after 0.5 s")],
)
async def test_a_server_that_stops_sending_is_timed_out(setup: HostedSetup, behaviour: str, words: str) -> None:
    limits = SynthesisLimits(first_byte_timeout_seconds=0.05 if behaviour == "hanging" else 0.5, timeout_seconds=0.5)
    with pytest.raises(SynthesisError) as caught:
        [_ async for _ in speak_within_limits(setup.engine, setup.utterance(behaviour), Timing(), limits)]
    assert caught.value.kind is FailureKind.TIMED_OUT
    assert caught.value.message == f"{setup.engine.capabilities.id} {words}"


async def test_a_server_that_cannot_be_reached_is_unavailable(provider: HostedCase) -> None:
    engine = provider.engine("http://127.0.0.1:1", KEY)
    with pytest.raises(SynthesisError) as caught:
        [_ async for _ in engine.synthesize(Utterance(HELLO, "steady"), Timing())]
    await engine.close()
    assert (caught.value.kind, caught.value.worth_a_retry) == (FailureKind.PROVIDER_UNAVAILABLE, True)
    assert caught.value.message == f"{provider.name} can't be reached"


async def test_the_region_is_recorded_if_the_provider_states_it(setup: HostedSetup) -> None:
    timing = Timing()
    await setup.spoken("steady", timing)
    assert timing.region == ("netherlands" if setup.hosted is ELEVENLABS else None)


@pytest.mark.parametrize("provider", [ELEVENLABS], ids=str)
async def test_the_text_limit_of_a_model_has_priority_over_that_of_its_provider(setup: HostedSetup) -> None:
    capabilities = setup.engine.capabilities
    models = ("", "eleven_v3", "eleven_multilingual_v2", "eleven_flash_v2_5", "eleven_something")
    assert [capabilities.max_characters_of(model) for model in models] == [40_000, 3000, 10_000, 40_000, 30_000]


async def test_a_text_over_the_limit_of_the_provider_is_too_long(setup: HostedSetup) -> None:
    text = "x" * (setup.engine.capabilities.max_text_characters + 1)
    with pytest.raises(SynthesisError) as caught:
        [_ async for _ in setup.engine.synthesize(Utterance(text, setup.hosted.voice("steady")), Timing())]
    assert (caught.value.kind, caught.value.worth_a_retry) == (FailureKind.TEXT_TOO_LONG, False)


@pytest.mark.parametrize("provider", [SMALLESTAI], ids=str)
async def test_an_error_event_is_a_failure_of_the_provider(setup: HostedSetup) -> None:
    event = b'data: {"error": "internal", "message": "the voice was lost"}\n\n'
    setup.server.behaviours["failing_late"] = Behaviour(content_type="text/event-stream", body=event)
    error = await setup.failure("failing_late")
    assert (error.kind, error.worth_a_retry) == (FailureKind.PROVIDER_UNAVAILABLE, True)
    assert error.message == "Smallest AI reported an error in its response: the voice was lost"
