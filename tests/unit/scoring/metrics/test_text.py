from typing import Any

import numpy as np
import pytest

from services.scoring.metrics.text import semascore
from services.scoring.metrics.text.bert_score import bert_score
from services.scoring.metrics.text.english_numbers import with_digits
from services.scoring.metrics.text.hard_words import HardWordKind, accuracy, hard_words
from services.scoring.metrics.text.normalization import normalize
from services.scoring.metrics.text.speech_failures import SpeechFailureKind, TimedWord, find_failures
from services.scoring.metrics.text.word_errors import pooled, word_errors
from tests.vectors import metric_vectors


@metric_vectors("normalizer")
def test_numbers_are_compared_however_they_are_written(
    inputs: dict[str, str], expected: dict[str, Any], tolerance: float
) -> None:
    first, second = normalize(inputs["a"], "en"), normalize(inputs["b"], "en-US")
    assert (first, second) == (expected["canonical_a"], expected["canonical_b"])
    assert (first == second) is expected["equal"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("the one I want", "the one i want"),
        ("oh no", "oh no"),
        ("one second please", "one second please"),
        ("march second", "march 2"),
        ("double trouble", "double trouble"),
        ("a thousand thanks", "1000 thanks"),
        ("what's the point", "what's the point"),
        ("this and that", "this and that"),
        ("ninety nine point nine nine", "99.99"),
        ("5 hundred", "500"),
        ("seven eight point five", "7 8.5"),
    ],
)
def test_words_become_digits_only_where_they_are_numbers(text: str, expected: str) -> None:
    assert " ".join(with_digits(text).split()) == expected


def test_other_languages_keep_their_numbers() -> None:
    assert normalize("Um sieben Uhr, bitte!", "de") == "um sieben uhr bitte"
    assert normalize("Le 3 mai", "fr-FR") == "le 3 mai"


@metric_vectors("word_errors")
def test_word_errors(inputs: dict[str, Any], expected: dict[str, Any], tolerance: float) -> None:
    if "references" in inputs:
        each = [word_errors(*pair) for pair in zip(inputs["references"], inputs["hypotheses"], strict=True)]
        words, characters = pooled(one.words for one in each), pooled(one.characters for one in each)
    else:
        found = word_errors(inputs["reference"], inputs["hypothesis"])
        words, characters = found.words, found.characters
        if "ops" in expected:
            reference, transcript = inputs["reference"].split(), inputs["hypothesis"].split()
            assert expected["ops"] == [
                [
                    span.operation.value,
                    reference[span.reference_start : span.reference_end],
                    transcript[span.transcript_start : span.transcript_end],
                ]
                for span in found.alignment
            ]
            counts = ("hits", "substitutions", "deletions", "insertions")
            assert [getattr(words, name) for name in counts] == [expected[name] for name in counts]
    assert words.error_rate == pytest.approx(expected["wer"], abs=tolerance)
    assert words.match_error_rate == pytest.approx(expected["mer"], abs=tolerance)
    assert characters.error_rate == pytest.approx(expected["cer"], abs=tolerance)


@metric_vectors("hard_words")
def test_hard_words(inputs: dict[str, Any], expected: dict[str, Any], tolerance: float) -> None:
    found = hard_words(inputs["reference"], inputs["hypothesis"], "en", inputs["names"])
    assert expected["spans"] == [
        {
            "kind": word.kind.value,
            "text": word.text,
            "canonical": word.canonical,
            "heard": word.heard,
            "exact": word.exact,
        }
        for word in found
    ]
    assert accuracy(found) == expected["accuracy"]


@pytest.mark.parametrize(
    ("reference", "kinds"),
    [
        ("Your appointment is on Monday at 9 am.", [HardWordKind.date, HardWordKind.time]),
        ("See www.example.com. Then call +44 20 7946 0958.", [HardWordKind.url, HardWordKind.phone]),
        ("Yes. Then I said no. He agreed.", []),
        ("It is the 21st of May 2026, in the 1990s", [HardWordKind.date, HardWordKind.number]),
        ("It costs 20 dollars, or €19.99", [HardWordKind.amount, HardWordKind.amount]),
    ],
)
def test_kinds_of_hard_words(reference: str, kinds: list[HardWordKind]) -> None:
    found = hard_words(reference, reference, "en")
    assert [word.kind for word in found] == kinds
    assert all(word.exact for word in found)


@pytest.mark.parametrize(
    "reference",
    [
        "Your account is 8830-1174-52 today",
        "She ran 3:29.81 in Rome",
        "The film lasts 2:05:10 without the credits",
        "Call 0093 5518 now",
        "Add 1 1/2 cups of milk",
        "Lines 4, 8, 15 and 16 are late",
        "On 3/4/2025, 12 people paid $12.50 each, 10% more",
        "From 9:00 to 17:30 on May 5, 2024, 300 came",
        "Room 12-345, 6 of 7",
    ],
)
def test_hard_words_of_a_text_are_exact_in_the_same_text(reference: str) -> None:
    assert accuracy(hard_words(reference, reference, "en")) == 1


def test_a_hard_word_that_is_missing_was_not_heard() -> None:
    (code,) = hard_words("Your code is 4815", "your code is", "en")
    assert (code.heard, code.exact) == ("", False)


@metric_vectors("failures")
def test_failures_of_speech(inputs: dict[str, Any], expected: dict[str, Any], tolerance: float) -> None:
    found = find_failures(
        inputs["reference"], [TimedWord(*word) for word in inputs["hypothesis"]], inputs["duration_seconds"]
    )
    assert expected["failures"] == [
        {
            "kind": failure.kind.value,
            "words": list(failure.words),
            **({"copies": failure.copies} if failure.copies else {}),
            "start": failure.start,
            "end": failure.end,
        }
        for failure in found
    ]


def test_speech_without_a_word_is_cut_off_from_the_start() -> None:
    (failure,) = find_failures(["turn", "on"], [], 1.5)
    assert (failure.kind, failure.words, failure.start, failure.end) == (
        SpeechFailureKind.cut_off,
        ("turn", "on"),
        0.0,
        1.5,
    )


@metric_vectors("semascore")
def test_semascore_of_known_similarities(inputs: dict[str, Any], expected: dict[str, Any], tolerance: float) -> None:
    detail = expected.get("detail", expected)
    pairs = semascore.segment_pairs(*(semascore.prepare(inputs[side]) for side in ("reference", "hypothesis")))
    # The vector of an empty transcript has a score only. An empty segment has no embedding, so its cosine is 0.
    segments = detail.get("segments", [[inputs["reference"], ""]])
    assert [[pair.reference, pair.transcript] for pair in pairs] == segments
    assert [pair.match for pair in pairs] == pytest.approx(detail.get("match", [0.0]), abs=1e-6)
    similarity = inputs.get("cos_reference_hypothesis", detail.get("cos_s", [0.0]))
    importance = inputs.get("cos_reference_whole", detail.get("cos_a", [0.0]))
    score = semascore.score(pairs, np.array(similarity), np.array(importance))
    assert score == pytest.approx(expected["score"], abs=tolerance)


def test_bert_score_takes_the_best_match_of_each_token() -> None:
    reference, transcript = np.array([[1.0, 0.0], [0.0, 2.0]]), np.array([[3.0, 0.0]])
    score = bert_score(reference, transcript, np.array([False, False]), np.array([False]))
    assert (score.precision, score.recall) == (1.0, 0.5)
    assert score.f1 == pytest.approx(2 / 3)


def test_special_tokens_of_bert_score_have_no_weight_but_can_match() -> None:
    reference, transcript = np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([[1.0, 0.0], [0.6, 0.8]])
    score = bert_score(reference, transcript, np.array([True, False]), np.array([True, False]))
    assert (score.precision, score.recall) == pytest.approx((0.8, 0.8))
