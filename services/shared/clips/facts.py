"""Builds the events with which clips request work from tts and scoring. One method for each event."""

from collections.abc import Iterator, Sequence

from voicearena.scoring.v1.events_pb2 import EvaluationDeletionRequested, EvaluationRequested
from voicearena.tts.v1.events_pb2 import SpeechDeletionRequested, SynthesisCancellationRequested, SynthesisRequested

from services.shared.clips.domain import Clip, ClipStatus, SpokenText

MAX_DELETED_JOBS = 500
"""The number of jobs that one event may name."""


class Requests:
    """The requests of one service. `requester` is its name, to which tts and scoring address the results."""

    def __init__(self, requester: str) -> None:
        self.requester = requester

    def synthesis(self, clip: Clip) -> SynthesisRequested:
        """Requests the speech of a clip from tts."""
        request = SynthesisRequested(
            requester=self.requester,
            job_id=clip.id,
            attempt=clip.attempts,
            developer_id=clip.developer_id,
            text=clip.text,
            provider=clip.provider,
            voice_id=clip.voice_id,
            model_id=clip.model_id,
            run_id=clip.run_id,
        )
        for name in ("speed", "language", "seed"):
            value = getattr(clip, name)
            if value is not None:
                setattr(request.parameters, name, value)
        return request

    def evaluation(
        self,
        clip_id: str,
        attempt: int,
        *,
        run_id: str,
        developer_id: str,
        audio_name: str,
        spoken: SpokenText | None = None,
    ) -> EvaluationRequested:
        """Requests the evaluation of a clip's audio from scoring. Models listen to it if `spoken` is given."""
        request = EvaluationRequested(
            requester=self.requester,
            job_id=clip_id,
            attempt=attempt,
            developer_id=developer_id,
            audio_name=audio_name,
            run_id=run_id,
        )
        if spoken is not None:
            request.listen = True
            request.reference_text = spoken.text
            request.language = spoken.language
        return request

    def current_step(self, clip: Clip, *, last: bool = False) -> SynthesisRequested | EvaluationRequested:
        """Requests the current step of a clip that is SYNTHESIZING or SCORING.

        The last request for an evaluation asks for no listening, so that a clip for which there was no time is
        completed without it.
        """
        if clip.status is ClipStatus.SYNTHESIZING:
            return self.synthesis(clip)
        return self.evaluation(
            clip.id,
            clip.attempts,
            run_id=clip.run_id,
            developer_id=clip.developer_id,
            audio_name=clip.audio_name or "",
            spoken=SpokenText(clip.text, clip.language or clip.spoken_language) if clip.listen and not last else None,
        )

    def cancellation(self, run_id: str) -> SynthesisCancellationRequested:
        """Asks tts to cancel all synthesis for a run."""
        return SynthesisCancellationRequested(requester=self.requester, run_id=run_id)

    def speech_deletions(self, clip_ids: Sequence[str]) -> Iterator[SpeechDeletionRequested]:
        """Asks tts to delete the audio of clips, in events of at most MAX_DELETED_JOBS clips."""
        for part in _in_parts(clip_ids):
            yield SpeechDeletionRequested(requester=self.requester, job_ids=part)

    def deletions(self, clip_ids: Sequence[str]) -> Iterator[SpeechDeletionRequested | EvaluationDeletionRequested]:
        """Asks tts and scoring to delete everything that they store about clips."""
        yield from self.speech_deletions(clip_ids)
        for part in _in_parts(clip_ids):
            yield EvaluationDeletionRequested(requester=self.requester, job_ids=part)


def _in_parts(clip_ids: Sequence[str]) -> Iterator[Sequence[str]]:
    return (clip_ids[start : start + MAX_DELETED_JOBS] for start in range(0, len(clip_ids), MAX_DELETED_JOBS))
