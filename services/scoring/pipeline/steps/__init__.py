"""The seventeen steps of an evaluation, in one table."""

from services.scoring.pipeline.step import Step
from services.scoring.pipeline.steps import meaning, opinion, sound, speakers, voice, words

STEPS = (
    Step("decode", sound.decode),
    Step("signal", sound.signal, needs=("decode",)),
    Step("loudness", sound.loudness, needs=("decode",)),
    Step("speech_activity", sound.speech_activity, needs=("decode",)),
    Step("noise", sound.noise, needs=("decode", "speech_activity")),
    Step("transcription", words.transcription, needs=("speech_activity",)),
    Step("alignment", words.alignment, needs=("transcription", "speech_activity")),
    Step("word_errors", words.word_errors_step, needs=("transcription", "alignment")),
    Step("meaning", meaning.meaning, needs=("transcription",)),
    Step("bert_score", meaning.bert_score_step, needs=("transcription",)),
    Step("pitch", voice.pitch_step, needs=("speech_activity",)),
    Step("rhythm", voice.rhythm_step, needs=("speech_activity",), uses=("alignment", "pitch")),
    Step("prosody", voice.prosody_step, needs=("pitch", "rhythm")),
    Step("naturalness", opinion.naturalness, needs=("speech_activity",)),
    Step("quality", opinion.quality, needs=("speech_activity",)),
    Step("diarization", speakers.diarization, needs=("speech_activity",)),
    Step("emotion", speakers.emotion, needs=("speech_activity",)),
)
"""In the order of reports. A step comes after the steps that it needs."""
