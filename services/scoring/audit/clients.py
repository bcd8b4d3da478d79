"""The client of tts, whose local voices speak the clips of an audit."""

from __future__ import annotations

from collections.abc import Sequence

from voicearena.tts.v1 import tts_service_pb2, tts_service_pb2_grpc

from services.runtime.errors import Unavailable
from services.scoring.audit.clips import PROVIDER, Sentence
from services.scoring.audit.perturbations import Clip
from services.shared.audio.wav import WavError, read_wav

SPEECH_TIMEOUT_SECONDS = 30.0


class TtsSpeaker:
    """Asks tts, with the identity of the caller, who needs the scope `speech`."""

    def __init__(self, stub: tts_service_pb2_grpc.TtsServiceAsyncStub) -> None:
        self._stub = stub

    async def speak(self, sentences: Sequence[Sentence]) -> list[Clip]:
        return [await self._one(sentence) for sentence in sentences]

    async def _one(self, sentence: Sentence) -> Clip:
        request = tts_service_pb2.SynthesizeSpeechRequest(
            text=sentence.text, provider=PROVIDER, voice_id=sentence.voice_id
        )
        spoken = bytearray()
        async for piece in self._stub.SynthesizeSpeech(request, timeout=SPEECH_TIMEOUT_SECONDS):
            spoken += piece.data
        try:
            recording = read_wav(spoken)
        except WavError as error:
            raise Unavailable(f"The speech of {PROVIDER} can't be read: {error}.") from None
        return Clip(recording.samples / 32768, recording.sample_rate_hz, sentence.text)
