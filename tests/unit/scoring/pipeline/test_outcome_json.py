import json

from services.scoring.backends.backend import Phrase, SpokenWord, Transcript
from services.scoring.metrics.conversation.turns import Turn, turn_taking
from services.scoring.metrics.text.hard_words import hard_words
from services.scoring.metrics.text.speech_failures import SpeechFailure, SpeechFailureKind
from services.scoring.metrics.text.word_errors import word_errors
from services.scoring.pipeline.outcome_json import outcome_from_json, to_json
from services.scoring.pipeline.step import StepOutcome, StepStatus
from services.scoring.pipeline.steps.sound import SpeechActivity
from services.scoring.pipeline.steps.words import WordErrorMetrics


def through_json(outcome: StepOutcome) -> StepOutcome:
    return outcome_from_json(json.loads(json.dumps(to_json(outcome), allow_nan=False)))


def completed(step: str, result: object) -> StepOutcome:
    return StepOutcome(step, StepStatus.completed, 1.5, backend="a/1", result=result, condition="telephone")


def test_results_are_the_same_after_json() -> None:
    reference, spoken = "call 4815 now", "call 4816 now now"
    errors = WordErrorMetrics(
        word_errors(reference, spoken),
        word_errors(reference, spoken),
        ("call",),
        ("call", "now"),
        tuple(hard_words(reference, spoken, "en", ())),
        0.5,
        (SpeechFailure(SpeechFailureKind.repeated, ("now",), 1.0, 2.0, 2),),
    )
    for outcome in (
        completed("speech_activity", SpeechActivity(((0.5, 1.25), (2.0, 3.0)), 1.75, 0.5)),
        completed("transcription", Transcript("hi", "en", (Phrase("hi", 0, 1, (SpokenWord("hi", 0.0, 1.0),)),))),
        completed("word_errors", errors),
        completed("diarization", turn_taking([Turn(0.0, 2.0, "a"), Turn(1.5, 4.0, "b"), Turn(4.5, 5.0, "a")])),
        StepOutcome("emotion", StepStatus.skipped, reason="No model is installed."),
    ):
        assert through_json(outcome) == outcome


def test_numbers_of_numpy_become_plain_numbers() -> None:
    import numpy as np

    assert to_json({"a": np.float32(0.5), "b": np.bool_(True), "c": (np.int64(3),)}) == {"a": 0.5, "b": True, "c": [3]}


def test_fields_that_a_class_no_longer_has_are_left_out() -> None:
    stored = to_json(completed("speech_activity", SpeechActivity(((0.0, 1.0),), 1.0, 1.0)))
    stored["result"]["former"] = 1
    assert outcome_from_json(stored).result == SpeechActivity(((0.0, 1.0),), 1.0, 1.0)
