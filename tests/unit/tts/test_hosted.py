"""How every hosted provider behaves, each against a stand-in that is as strict as the original, over a real socket."""

import asyncio
from contextlib import aclosing
from dataclasses import replace

import pytest

from services.tts.domain import FailureKind, SynthesisError, Timing, Utterance
from services.tts.providers.deadline import Patience, speak_in_time
from tests.fakes.speech_server import TEMPERS, Temper, tone
from tests.unit.tts.hosted import CARTESIA, DEEPGRAM, ELEVENLABS, HELLO, KEY, OPENAI, SMALLESTAI, Booth, Hosted

TEXT_AS_PCM = "answered with audio/pcm where audio samples were asked for"
TEXT_IN_EVENTS = "answered with the audio of events where audio samples were asked for"


async def test_samples_come_as_they_were_sent(booth: Booth) -> None:
    timing = Timing()
    assert await booth.spoken("steady", timing) == TEMPERS["steady"].body
    assert booth.server.requests == [booth.hosted.sent]
    assert timing.sample_rate_hz == 24000


async def test_parameters_are_passed_on(booth: Booth) -> None:
    speech = booth.engine.synthesize(booth.utterance("steady", booth.hosted.every), Timing())
    async with aclosing(speech) as audio:
        await anext(audio)
    assert booth.server.requests == [{**booth.hosted.sent, **booth.hosted.sent_too}]


@pytest.mark.parametrize("provider", [CARTESIA, ELEVENLABS, SMALLESTAI, OPENAI], ids=str)
async def test_the_model_of_the_request_goes_before_that_of_the_settings(booth: Booth) -> None:
    with pytest.raises(SynthesisError) as caught:
        [_ async for _ in booth.engine.synthesize(Utterance(HELLO, "steady", "no-such-model"), Timing())]
    assert caught.value.kind is FailureKind.UNKNOWN_VOICE
    assert "no-such-model" in caught.value.message


async def test_every_parameter_that_is_declared_is_passed_on_and_no_other(booth: Booth) -> None:
    declared = booth.engine.capabilities.parameters
    assert {name for name in ("speed", "language", "seed") if getattr(booth.hosted.every, name) is not None} == declared


@pytest.mark.parametrize("ending", ["/", "//", "version", "version/"])
async def test_an_address_may_end_with_slashes_or_with_the_version_that_its_routes_begin_with(
    provider: Hosted, ending: str
) -> None:
    version = {"ElevenLabs": "/v1", "Smallest AI": "/waves/v1", "Deepgram": "/v1"}.get(provider.name, "")
    async with provider.server(key=KEY).serving() as server:
        engine = provider.engine(server.base_url + ending.replace("version", version), KEY)
        assert len(await engine.voices()) == len(server.tempers)
        spoken = engine.synthesize(Utterance(HELLO, provider.voice("steady")), Timing())
        assert b"".join([piece async for piece in spoken]) == TEMPERS["steady"].body
        await engine.close()


async def test_streaming_begins_before_the_end(booth: Booth) -> None:
    async with aclosing(booth.engine.synthesize(booth.utterance("stuck"), Timing())) as audio, asyncio.timeout(5):
        assert await anext(audio)


async def test_closing_the_stream_hangs_up_and_leaves_the_engine_usable(booth: Booth) -> None:
    async with aclosing(booth.engine.synthesize(booth.utterance("stuck"), Timing())) as audio:
        await anext(audio)
    async with asyncio.timeout(5):
        await booth.server.gone.wait()
    assert await booth.spoken("steady") == TEMPERS["steady"].body


async def test_cancelling_hangs_up_before_the_first_byte_too(booth: Booth) -> None:
    speaking = asyncio.create_task(booth.spoken("hanging"))
    async with asyncio.timeout(5):
        await booth.server.asked.wait()
        speaking.cancel()
        await booth.server.gone.wait()
    with pytest.raises(asyncio.CancelledError):
        await speaking


async def test_the_second_request_goes_over_the_first_ones_connection(booth: Booth) -> None:
    first, second = Timing(), Timing()
    await booth.spoken("steady", first)
    await booth.spoken("steady", second)
    assert booth.server.connections == 1
    assert (first.connection_reused, second.connection_reused) == (False, True)
    assert first.connect_ms is not None
    assert second.connect_ms is None
    assert second.transport == "http/1.1"


async def test_listing_the_voices_warms_the_connection(booth: Booth) -> None:
    timing = Timing()
    await booth.engine.voices()
    await booth.spoken("steady", timing)
    assert (timing.connection_reused, booth.server.connections) == (True, 1)


async def test_a_connection_that_the_server_closed_meanwhile_fails_so_that_another_try_helps(booth: Booth) -> None:
    error = await booth.failure("broken")
    assert (error.kind, error.worth_a_retry) == (FailureKind.PROVIDER_UNAVAILABLE, True)
    assert error.message == f"{booth.hosted.name} broke its answer off"
    assert await booth.spoken("steady") == TEMPERS["steady"].body


@pytest.mark.parametrize("way", ["payment", "spent", "limited", "full", "failing", "overloaded", "nobody"])
async def test_a_refusal_has_its_kind_and_the_providers_words(booth: Booth, way: str) -> None:
    kind, words = booth.hosted.says[way]
    error = await booth.failure(way)
    assert error.kind is kind
    assert error.message.startswith(f"{booth.hosted.name} {words}")
    assert error.worth_a_retry is (kind in (FailureKind.RATE_LIMITED, FailureKind.PROVIDER_UNAVAILABLE))


async def test_a_refusal_whose_words_break_off_has_its_kind_and_its_patience(booth: Booth) -> None:
    limited = booth.server.tempers["limited"]
    booth.server.tempers["limited"] = replace(limited, piece_bytes=8, cut_after_pieces=2)
    error = await booth.failure("limited")
    assert (error.kind, error.retry_after) == (FailureKind.RATE_LIMITED, 1.0)


async def test_odd_characters_in_a_refusal_change_neither_its_kind_nor_its_words(booth: Booth) -> None:
    kind, words = booth.hosted.says["spent"]
    error = await booth.failure("odd_words")
    assert (error.kind, error.message) == (kind, f"{booth.hosted.name} {words}")


async def test_a_key_that_is_not_taken_is_said_in_no_words_of_the_provider(booth: Booth) -> None:
    error = await booth.failure("unauthorized")
    assert (error.kind, error.worth_a_retry) == (FailureKind.CREDENTIALS_REJECTED, False)
    assert error.message == f"{booth.hosted.name} answered 401: it does not take the API key"


async def test_a_full_provider_is_told_from_one_that_wants_patience(booth: Booth) -> None:
    assert (await booth.failure("full")).concurrency_full is True
    # What Deepgram limits is only how much is under way.
    assert (await booth.failure("limited")).concurrency_full is (booth.hosted is DEEPGRAM)


async def test_how_many_are_allowed_is_learned_where_it_is_told(booth: Booth) -> None:
    allowed = (await booth.failure("full")).allowed_concurrency
    assert allowed == (5 if booth.hosted is ELEVENLABS else None)


async def test_more_at_once_than_the_plan_has_are_refused_and_the_others_speak(booth: Booth) -> None:
    booth.server.allowed_at_once = 1
    booth.server.tempers["steady"] = replace(TEMPERS["steady"], before_seconds=0.2)
    outcomes = await asyncio.gather(booth.spoken("steady"), booth.spoken("steady"), return_exceptions=True)
    (full,) = [outcome for outcome in outcomes if isinstance(outcome, SynthesisError)]
    assert full.concurrency_full
    assert TEMPERS["steady"].body in outcomes
    assert booth.server.counts()["most_at_once"] == 2


async def test_a_provider_that_says_when_to_come_back_is_heard_in_seconds_and_as_a_date(booth: Booth) -> None:
    assert (await booth.failure("limited")).retry_after == 1.0
    until = (await booth.failure("limited_until")).retry_after
    assert until is not None
    assert 25 < until <= 30


@pytest.mark.parametrize(
    ("temper", "kind", "worth_a_retry", "words"),
    [
        ("bad_gateway", FailureKind.PROVIDER_UNAVAILABLE, True, "answered 502"),
        ("redirecting", FailureKind.PROVIDER_UNAVAILABLE, False, "answered 302"),
        ("html", FailureKind.BAD_AUDIO, False, "answered with text/html where audio samples were asked for"),
        ("mp3", FailureKind.BAD_AUDIO, False, "sent MP3 as audio/mpeg where audio samples were asked for"),
        ("hidden_mp3", FailureKind.BAD_AUDIO, False, "sent MP3 as audio/pcm where audio samples were asked for"),
        ("bare_mp3", FailureKind.BAD_AUDIO, False, "sent MP3 as audio/pcm where audio samples were asked for"),
        ("bare_aac", FailureKind.BAD_AUDIO, False, "sent AAC (ADTS) as application/octet-stream where"),
        ("mp4", FailureKind.BAD_AUDIO, False, "sent M4A as application/octet-stream where"),
        ("opus", FailureKind.BAD_AUDIO, False, "sent Ogg Opus as audio/pcm where"),
        ("gzipped", FailureKind.BAD_AUDIO, False, "sent gzip as audio/pcm where"),
        ("json_as_pcm", FailureKind.BAD_AUDIO, False, f"{TEXT_AS_PCM}: The voice was lost"),
        ("quota_as_pcm", FailureKind.QUOTA_EXCEEDED, False, f"{TEXT_AS_PCM}: You exceeded your current quota"),
        ("quota_as_json", FailureKind.QUOTA_EXCEEDED, False, "answered with application/json where audio samples were"),
        ("quota_as_problem", FailureKind.QUOTA_EXCEEDED, False, "answered with application/problem+json where"),
        ("html_as_octets", FailureKind.BAD_AUDIO, False, "answered with application/octet-stream where audio samples"),
        ("json_after_audio", FailureKind.BAD_AUDIO, False, "sent text after its audio: The voice was lost"),
        ("quota_after_audio", FailureKind.QUOTA_EXCEEDED, False, "sent text after its audio: You exceeded your"),
        (
            "mixed_wavs",
            FailureKind.BAD_AUDIO,
            False,
            "sent what can't be read: it is not a WAV that can be used",
        ),
        ("half_wav", FailureKind.PROVIDER_UNAVAILABLE, True, "broke its answer off after 24000 of the 48000 bytes"),
        ("wav_and_more", FailureKind.BAD_AUDIO, False, "sent 48000 bytes after the end of its WAV"),
        (
            "stereo_wav",
            FailureKind.BAD_AUDIO,
            False,
            "sent what can't be read: it is not a WAV that can be used",
        ),
        ("rate_0", FailureKind.BAD_AUDIO, False, "says rate=0 of its audio, which is no rate of 4000 to 192000 Hz"),
        ("rate_1", FailureKind.BAD_AUDIO, False, "says rate=1 of its audio, which is no rate of 4000 to 192000 Hz"),
        ("two_channels", FailureKind.BAD_AUDIO, False, "says channels=2 of its audio, where 16-bit mono was asked for"),
        ("part", FailureKind.BAD_AUDIO, False, "answered 206"),
        ("nothing", FailureKind.BAD_AUDIO, False, "answered 204"),
        ("less_than_declared", FailureKind.PROVIDER_UNAVAILABLE, True, "broke its answer off"),
        (
            "json_as_events",
            FailureKind.QUOTA_EXCEEDED,
            False,
            "answered with text/event-stream that holds no events: Y",
        ),
        ("error_event", FailureKind.PROVIDER_UNAVAILABLE, True, "failed in mid-answer: The voice was lost"),
    ],
)
async def test_what_is_no_audio_fails_with_its_kind(
    booth: Booth, temper: str, kind: FailureKind, worth_a_retry: bool, words: str
) -> None:
    error = await booth.failure(temper)
    assert (error.kind, error.worth_a_retry) == (kind, worth_a_retry)
    if booth.hosted is SMALLESTAI and booth.server.tempers[temper].content_type == "audio/pcm":
        # It sends what is called samples in events, and its error is of another shape.
        words = words.replace("as audio/pcm", "as the audio of events").replace(TEXT_AS_PCM, TEXT_IN_EVENTS)
    assert error.message.startswith(f"{booth.hosted.name} {words}")


@pytest.mark.parametrize(("temper", "sound"), [("wavs", tone(0.5, 0.1) + tone(0.5)), ("wav_with_info", tone(1.0, 0.1))])
async def test_what_a_wav_has_besides_its_samples_is_no_sound(booth: Booth, temper: str, sound: bytes) -> None:
    assert await booth.spoken(temper) == sound


async def test_a_body_without_a_type_and_events_with_empty_errors_are_heard(booth: Booth) -> None:
    assert await booth.spoken("untyped") == TEMPERS["steady"].body
    assert await booth.spoken("null_error") == tone(0.5, 0.1)


async def test_a_page_of_html_under_any_status_is_not_repeated(booth: Booth) -> None:
    booth.server.tempers["page"] = Temper(404, "text/plain", b" <!DOCTYPE html><html>nothing here</html>")
    assert (await booth.failure("page")).message == f"{booth.hosted.name} answered 404"


async def test_an_empty_answer_yields_nothing_and_a_wav_loses_its_header(booth: Booth) -> None:
    assert await booth.spoken("empty") == b""
    assert await booth.spoken("wav") == tone(0.2, 0.1)


async def test_half_a_sample_is_passed_on_for_the_measurement_to_refuse(booth: Booth) -> None:
    assert await booth.spoken("odd") == tone(0.2) + b"\x01"


async def test_audio_that_trickles_comes_whole(booth: Booth) -> None:
    timing = Timing()
    assert await booth.spoken("trickle", timing) == TEMPERS["trickle"].body
    assert timing.sent_at is not None
    assert timing.last_byte_at is not None
    # 55 pieces, 5 ms apart.
    assert timing.last_byte_at - timing.sent_at >= 0.269


@pytest.mark.parametrize(
    ("temper", "words"), [("hanging", "gave no audio within 0.05 s"), ("stuck", "was still speaking after 0.5 s")]
)
async def test_a_server_that_falls_silent_is_timed_out(booth: Booth, temper: str, words: str) -> None:
    patience = Patience(first_byte_seconds=0.05 if temper == "hanging" else 0.5, whole_seconds=0.5)
    with pytest.raises(SynthesisError) as caught:
        [_ async for _ in speak_in_time(booth.engine, booth.utterance(temper), Timing(), patience)]
    assert caught.value.kind is FailureKind.TIMED_OUT
    assert caught.value.message == f"{booth.engine.capabilities.id} {words}"


async def test_a_server_that_is_not_there_is_unavailable(provider: Hosted) -> None:
    engine = provider.engine("http://127.0.0.1:1", KEY)
    with pytest.raises(SynthesisError) as caught:
        [_ async for _ in engine.synthesize(Utterance(HELLO, "steady"), Timing())]
    await engine.close()
    assert (caught.value.kind, caught.value.worth_a_retry) == (FailureKind.PROVIDER_UNAVAILABLE, True)
    assert caught.value.message == f"{provider.name} can't be reached"


async def test_the_region_is_noted_where_it_is_told(booth: Booth) -> None:
    timing = Timing()
    await booth.spoken("steady", timing)
    assert timing.region == ("netherlands" if booth.hosted is ELEVENLABS else None)


@pytest.mark.parametrize("provider", [ELEVENLABS], ids=str)
async def test_the_limit_of_a_model_counts_before_its_providers(booth: Booth) -> None:
    capabilities = booth.engine.capabilities
    models = ("", "eleven_v3", "eleven_multilingual_v2", "eleven_flash_v2_5", "eleven_something")
    assert [capabilities.longest_text(model) for model in models] == [40_000, 3000, 10_000, 40_000, 30_000]


async def test_a_text_beyond_the_providers_limit_is_too_long(booth: Booth) -> None:
    text = "x" * (booth.engine.capabilities.max_text_characters + 1)
    with pytest.raises(SynthesisError) as caught:
        [_ async for _ in booth.engine.synthesize(Utterance(text, booth.hosted.voice("steady")), Timing())]
    assert (caught.value.kind, caught.value.worth_a_retry) == (FailureKind.TEXT_TOO_LONG, False)


@pytest.mark.parametrize("provider", [SMALLESTAI], ids=str)
async def test_a_failure_told_in_mid_answer_is_the_providers(booth: Booth) -> None:
    told = b'data: {"error": "internal", "message": "the voice was lost"}\n\n'
    booth.server.tempers["failing_late"] = Temper(content_type="text/event-stream", body=told)
    error = await booth.failure("failing_late")
    assert (error.kind, error.worth_a_retry) == (FailureKind.PROVIDER_UNAVAILABLE, True)
    assert error.message == "Smallest AI failed in mid-answer: the voice was lost"
