"""The rules for texts, parameters, ids and retries."""

import random
from dataclasses import replace

import pytest

from services.runtime.errors import InvalidInput
from services.tts.domain import (
    Capabilities,
    FailureKind,
    SpeechParameters,
    SynthesisError,
    Utterance,
    Voice,
    retry_delay,
)
from services.tts.object_names import is_job_id, job_of_audio
from services.tts.utterances import find_voice, violations_of

PROVIDER = Capabilities(
    "short",
    "Short",
    local=True,
    streaming=True,
    max_text_characters=10,
    max_concurrency=1,
    parameters=frozenset({"speed", "language", "seed"}),
)
LONG = Capabilities("long", "Long", local=True, streaming=True, max_text_characters=90000, max_concurrency=1)


@pytest.mark.parametrize(
    ("text", "provider", "described"),
    [
        ("", LONG, "must be 1 to 5000 characters, got 0"),
        ("x" * 5001, LONG, "must be 1 to 5000 characters, got 5001"),
        ("x" * 11, PROVIDER, "must be at most 10 characters for short, got 11"),
        (" \n\t", PROVIDER, "must not be only white space"),
        ("a\0b", PROVIDER, "must not contain the character U+0000"),
    ],
)
def test_an_invalid_text_is_a_violation_of_text(text: str, provider: Capabilities, described: str) -> None:
    found = violations_of(Utterance(text, "v"), provider)
    assert [(each.field, each.description) for each in found] == [("text", described)]


@pytest.mark.parametrize("text", ["x" * 10, "é", "a"])
def test_a_text_within_the_limits_is_accepted(text: str) -> None:
    assert violations_of(Utterance(text, "v"), PROVIDER) == []


@pytest.mark.parametrize(
    ("speed", "valid"), [(0.5, True), (2.0, True), (0.49, False), (2.01, False), (float("nan"), False)]
)
def test_speed_must_be_half_to_twice_the_normal_speed(speed: float, valid: bool) -> None:
    found = violations_of(Utterance("hello", "v", parameters=SpeechParameters(speed)), PROVIDER)
    assert [each.field for each in found] == ([] if valid else ["parameters.speed"])


def test_a_narrower_range_of_speed_names_the_provider() -> None:
    slow = replace(PROVIDER, min_speed=0.7, max_speed=1.2)
    found = violations_of(Utterance("hello", "v", parameters=SpeechParameters(1.5)), slow)
    assert [each.description for each in found] == ["must be 0.7 to 1.2 for short"]


@pytest.mark.parametrize(
    ("language", "valid"),
    [("en", True), ("pt-BR", True), ("zh-Hans-CN", True), ("e", False), ("en_US", False), ("en-", False), ("", False)],
)
def test_a_language_must_be_a_bcp_47_tag(language: str, valid: bool) -> None:
    found = violations_of(Utterance("hello", "v", parameters=SpeechParameters(language=language)), PROVIDER)
    assert [each.field for each in found] == ([] if valid else ["parameters.language"])


@pytest.mark.parametrize(("seed", "valid"), [(0, True), (2**32 - 1, True), (-1, False), (2**32, False)])
def test_a_seed_must_fit_in_32_bits(seed: int, valid: bool) -> None:
    found = violations_of(Utterance("hello", "v", parameters=SpeechParameters(seed=seed)), PROVIDER)
    assert [each.field for each in found] == ([] if valid else ["parameters.seed"])


def test_a_parameter_that_the_provider_does_not_support_is_refused() -> None:
    every = SpeechParameters(speed=9.0, language="en", seed=1)
    found = violations_of(Utterance("hello", "v", parameters=every), replace(PROVIDER, parameters=frozenset({"seed"})))
    assert [(each.field, each.description) for each in found] == [
        ("parameters.speed", "is not supported by short, which supports seed"),
        ("parameters.language", "is not supported by short, which supports seed"),
    ]
    found = violations_of(Utterance("hello", "v", parameters=every), LONG)
    assert [each.description for each in found] == ["is not supported by long, which supports no parameters"] * 3


def test_an_empty_voice_id_selects_the_first_voice() -> None:
    voices = [Voice("p", "one", "One"), Voice("p", "two", "Two")]
    assert find_voice(voices, "", "p").voice_id == "one"
    assert find_voice(voices, "two", "p").voice_id == "two"


def test_an_unknown_voice_is_refused_with_examples_and_the_route_that_lists_all() -> None:
    with pytest.raises(InvalidInput) as caught:
        find_voice([Voice("p", "one", "One"), Voice("p", "two", "Two")], "three", "p")
    described = "must be a voice of p, such as one, two; /api/v1/voices?provider=p lists all"
    assert [(each.field, each.description) for each in caught.value.violations] == [("voice_id", described)]


@pytest.mark.parametrize("value", ["trl_0123", "a", "A-b_9", "x" * 100])
def test_ids_that_are_safe_names_are_accepted(value: str) -> None:
    assert is_job_id(value)
    assert job_of_audio(f"{value}.wav") == value


@pytest.mark.parametrize("value", ["", "../x", "a/b", "a.b", "-a", ".a", "a\n", "x" * 101, "ä", "a\0"])
def test_ids_that_could_leave_the_store_are_refused(value: str) -> None:
    assert not is_job_id(value)
    assert job_of_audio(f"{value}.wav") is None


def test_the_name_of_a_note_is_not_the_name_of_audio() -> None:
    assert job_of_audio("trl_1.json") is None


class NoJitter(random.Random):
    def random(self) -> float:
        return 0.0


class FullJitter(random.Random):
    def random(self) -> float:
        return 1.0


def test_delays_double_and_there_is_none_after_the_third_try() -> None:
    error = SynthesisError(FailureKind.PROVIDER_UNAVAILABLE, "down")
    assert [retry_delay(tries, error, NoJitter()) for tries in (1, 2, 3)] == [0.5, 1.0, None]
    assert [retry_delay(tries, error, FullJitter()) for tries in (1, 2, 3)] == [1.0, 2.0, None]


@pytest.mark.parametrize("kind", [FailureKind.RATE_LIMITED, FailureKind.TIMED_OUT, FailureKind.PROVIDER_UNAVAILABLE])
def test_a_temporary_failure_is_tried_again(kind: FailureKind) -> None:
    assert retry_delay(1, SynthesisError(kind, "x"), NoJitter()) == 0.5


@pytest.mark.parametrize(
    "kind",
    [
        FailureKind.INVALID_REQUEST,
        FailureKind.CREDENTIALS_REJECTED,
        FailureKind.QUOTA_EXCEEDED,
        FailureKind.BAD_AUDIO,
    ],
)
def test_a_permanent_failure_is_not_tried_again(kind: FailureKind) -> None:
    assert retry_delay(1, SynthesisError(kind, "x"), NoJitter()) is None


@pytest.mark.parametrize(
    ("asked", "delay"), [(0.1, 0.5), (7.0, 7.0), (30.0, 30.0), (120.0, 120.0), (121.0, None), (86400.0, None)]
)
def test_retry_after_is_respected_up_to_120_seconds(asked: float, delay: float | None) -> None:
    assert retry_delay(1, SynthesisError(FailureKind.RATE_LIMITED, "x", retry_after=asked), NoJitter()) == delay
