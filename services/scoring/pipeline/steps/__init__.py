"""The seventeen steps of an evaluation, in one table."""

from services.scoring.backends.backend import Emotion, QualityScores, Transcript
from services.scoring.metrics.conversation.turns import TurnTaking
from services.scoring.metrics.signal import SignalMetrics
from services.scoring.metrics.text.bert_score import BertScore
from services.scoring.metrics.voice.pitch import Pitch
from services.scoring.metrics.voice.rhythm import Rhythm
from services.scoring.pipeline.decoding import AudioFormat
from services.scoring.pipeline.step import Step
from services.scoring.pipeline.steps import meaning, opinion, sound, speakers, voice, words

STEPS = (
    Step("decode", sound.decode, AudioFormat),
    Step("signal", sound.signal, SignalMetrics, needs=("decode",)),
    Step("loudness", sound.loudness, sound.LoudnessMetrics, needs=("decode",)),
    Step("speech_activity", sound.speech_activity, sound.SpeechActivity, needs=("decode",)),
    Step("noise", sound.noise, sound.NoiseMetrics, needs=("decode", "speech_activity")),
    Step("transcription", words.transcription, Transcript, needs=("speech_activity",)),
    Step("alignment", words.alignment, words.Alignment, needs=("transcription", "speech_activity")),
    Step("word_errors", words.word_errors_step, words.WordErrorMetrics, needs=("transcription", "alignment")),
    Step("meaning", meaning.meaning, meaning.MeaningMetrics, needs=("transcription",)),
    Step("bert_score", meaning.bert_score_step, BertScore, needs=("transcription",)),
    Step("pitch", voice.pitch_step, Pitch, needs=("speech_activity",)),
    Step("rhythm", voice.rhythm_step, Rhythm, needs=("speech_activity",), uses=("alignment", "pitch")),
    Step("prosody", voice.prosody_step, voice.ProsodyMetrics, needs=("pitch", "rhythm")),
    Step("naturalness", opinion.naturalness, opinion.NaturalnessMetrics, needs=("speech_activity",)),
    Step("quality", opinion.quality, QualityScores, needs=("speech_activity",)),
    Step("diarization", speakers.diarization, TurnTaking, needs=("speech_activity",)),
    Step("emotion", speakers.emotion, Emotion, needs=("speech_activity",)),
)
"""In the order of reports. A step comes after the steps that it needs."""
