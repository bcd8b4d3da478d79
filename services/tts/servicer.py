"""TtsService, and stored audio over plain HTTP."""

import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from functools import partial

from google.api.httpbody_pb2 import HttpBody
from voicearena.tts.v1 import tts_service_pb2 as pb
from voicearena.tts.v1 import tts_service_pb2_grpc

from services.runtime.audio_store import AudioStore
from services.runtime.errors import FieldViolation, InvalidInput
from services.runtime.http_bytes import BytesRequest, Content
from services.runtime.identity import current_caller
from services.runtime.rpc import Context
from services.shared.audio import wav
from services.tts import convert
from services.tts.usecases.audio import Audio, Link
from services.tts.usecases.speech import Speech
from services.tts.usecases.voices import Voices

MAX_EXPIRES = 2**32 - 1


class TtsServicer(tts_service_pb2_grpc.TtsServiceServicer):
    """The RPCs of TtsService."""

    def __init__(self, voices: Voices, speech: Speech, audio: Audio) -> None:
        self._voices = voices
        self._speech = speech
        self._audio = audio

    async def ListProviders(self, request: pb.ListProvidersRequest, context: Context) -> pb.ListProvidersResponse:
        """Returns every provider, sorted by id."""
        return pb.ListProvidersResponse(
            providers=[
                convert.provider(provider.engine.capabilities, provider.unavailable_reason)
                for provider in await self._voices.list_providers()
            ]
        )

    async def ListVoices(self, request: pb.ListVoicesRequest, context: Context) -> pb.ListVoicesResponse:
        """Returns a page of voices."""
        voices, token = await self._voices.page(request.provider, request.page_size, request.page_token)
        return pb.ListVoicesResponse(voices=[convert.voice(voice) for voice in voices], next_page_token=token)

    async def SynthesizeSpeech(
        self, request: pb.SynthesizeSpeechRequest, context: Context
    ) -> AsyncGenerator[HttpBody, None]:
        """Streams speech while it is made."""
        as_pcm = request.format == pb.SynthesizeSpeechRequest.pcm
        caller = current_caller()
        developer_id = caller.identity.developer_id if caller and caller.identity else ""
        spoken = self._speech.speak(request.provider, convert.utterance(request), developer_id)
        first = True
        async with aclosing(spoken) as pieces:
            async for sample_rate_hz, piece in pieces:
                if first:
                    # The gateway reads the content type from the first message only.
                    kind = f"audio/l16;rate={sample_rate_hz};channels=1" if as_pcm else "audio/wav"
                    begin = b"" if as_pcm else wav.header(sample_rate_hz)
                    yield HttpBody(content_type=kind, data=begin + piece)
                    first = False
                else:
                    yield HttpBody(data=piece)

    async def GetAudio(self, request: pb.GetAudioRequest, context: Context) -> AsyncIterator[HttpBody]:
        """Streams stored audio."""
        caller = current_caller()
        link = (request.expires, request.signature) if request.signature or request.expires else None
        kind = "audio/wav"
        identity = caller.identity if caller else None
        async for piece in await self._audio.open(request.name, identity, link):
            yield HttpBody(content_type=kind, data=piece)
            kind = ""


class StoredAudio:
    """Serves stored audio over plain HTTP."""

    def __init__(self, audio: Audio, store: AudioStore) -> None:
        self._audio = audio
        self._store = store

    async def find(self, asked: BytesRequest) -> Content:
        """Returns a stored WAV. Raises what `Audio.find` raises, and InvalidInput for a bad query."""
        link, caller = _link(asked.query), current_caller()
        stored = await self._audio.find(asked.name, caller.identity if caller else None, link)
        return Content(
            content_type="audio/wav",
            size=stored.size,
            etag=stored.etag,
            read=partial(self._store.read, stored),
            headers={
                "cache-control": _cache_control(link),
                "content-disposition": f'inline; filename="{stored.name}"',
            },
        )


def _link(query: Mapping[str, str]) -> Link | None:
    """Returns the signed link in a query, None if there is none. Refuses the queries that the gateway refuses."""
    violations = [
        FieldViolation(name, "is not a parameter of this route") for name in query.keys() - {"expires", "signature"}
    ]
    expires = query.get("expires", "")
    if expires and not (expires.isascii() and expires.isdecimal() and int(expires[:20]) <= MAX_EXPIRES):
        violations.append(FieldViolation("expires", "must be a whole number of seconds since 1970"))
    if violations:
        raise InvalidInput.of(*violations)
    signature = query.get("signature", "")
    return (int(expires or "0"), signature) if expires or signature else None


def _cache_control(link: Link | None) -> str:
    """Returns the `Cache-Control` of an audio file: private, and no longer than the link works.

    With an API key instead of a link, a browser must revalidate each time.
    """
    if link is None:
        return "private, no-cache"
    return f"private, max-age={max(0, link[0] - int(time.time()))}, immutable"
