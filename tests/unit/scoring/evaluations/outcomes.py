"""Evaluations with an outcome of each step."""

from datetime import UTC, datetime

from services.scoring.backends.backend import Phrase, QualityScores, Transcript
from services.scoring.domain import Status
from services.scoring.evaluations.domain import Evaluation, EvaluationDetails
from services.scoring.metrics.conversation.turns import Turn, turn_taking
from services.scoring.metrics.signal import measure
from services.scoring.metrics.text.hard_words import HardWord, HardWordKind
from services.scoring.metrics.text.speech_failures import SpeechFailure, SpeechFailureKind, TimedWord
from services.scoring.metrics.text.word_errors import word_errors
from services.scoring.metrics.voice.pitch import Pitch
from services.scoring.metrics.voice.rhythm import Rhythm
from services.scoring.pipeline.decoding import AudioFormat
from services.scoring.pipeline.step import StepOutcome, StepStatus
from services.scoring.pipeline.steps.sound import LoudnessMetrics, NoiseMetrics, SpeechActivity
from services.scoring.pipeline.steps.voice import ProsodyMetrics
from services.scoring.pipeline.steps.words import Alignment, WordErrorMetrics
from tests.fakes.recordings import recording, tone

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
ID = "evl_" + "a" * 32
RUNNING = Evaluation(
    id=ID, developer_id="dev_a", status=Status.running, audio_name="rec_a.audio", created_at=NOON, language="en"
)
SIGNAL = measure(recording(tone(1)))
RESULTS = {
    "decode": AudioFormat("wav", "pcm_s16le", "s16", 16000, 2, False),
    "signal": SIGNAL,
    "loudness": LoudnessMetrics(-23.0, None, 0.5),
    "noise": NoiseMetrics(None, 8000.0, False),
    "speech_activity": SpeechActivity(((0.5, 1.5), (2.0, 2.5)), 1.5, 0.5),
    "transcription": Transcript(
        "Call 48 now. Now!", "en", (Phrase("Call 48 now.", 0.5, 1.5), Phrase("Now!", 2.0, 2.5))
    ),
    "alignment": Alignment(
        (
            TimedWord("Call", 0.5, 0.75),
            TimedWord("48", 0.75, 1.0),
            TimedWord("now.", 1.0, 1.5),
            TimedWord('"Now"', 2.0, 2.5),
        ),
        estimated=True,
    ),
    "word_errors": WordErrorMetrics(
        errors=word_errors("call 47 now", "call 48 now again"),
        raw=word_errors("call forty seven now", "call 48 now again"),
        reference_words=("call", "47", "now"),
        transcript_words=("call", "48", "now", "again"),
        hard_words=(HardWord(HardWordKind.number, "47", "47", "48", False),),
        hard_word_accuracy=0.0,
        failures=(SpeechFailure(SpeechFailureKind.repeated, ("now",), 1.0, 2.5, 2),),
    ),
    "pitch": Pitch(110.0, 2.0, 8.0, 1.25),
    "rhythm": Rhythm(120.0, 5, 2.5, 3.5, ((1.5, 2.0),), 0.25, 0.5),
    "prosody": ProsodyMetrics(0.75),
    "quality": QualityScores(3.5, 4.0, 3.25, 3.75),
    "diarization": turn_taking([Turn(0.5, 1.5, "channel_1"), Turn(2.0, 2.5, "channel_2")]),
}
SKIPPED = StepOutcome("meaning", StepStatus.skipped, 0.0, "No encoder of sentences is installed.")


def completed(condition: str = "") -> list[StepOutcome]:
    """Returns a completed outcome of each step in RESULTS."""
    return [
        StepOutcome(step, StepStatus.completed, 0.5, "", f"{step}/1", result, condition)
        for step, result in RESULTS.items()
    ]


COMPLETED = EvaluationDetails(
    Evaluation(
        id=ID,
        developer_id="dev_a",
        status=Status.completed,
        audio_name="rec_a.audio",
        created_at=NOON,
        completed_at=NOON,
        language="en",
        duration_seconds=3.0,
    ),
    [*completed(), SKIPPED, *completed("telephone")],
)
