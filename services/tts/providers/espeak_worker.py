"""One espeak-ng engine as a process: `python -m services.tts.providers.espeak_worker`.

Reads requests on stdin and writes audio on stdout with the protocol of espeak_frames, until stdin ends.
"""

import json
import os
import select
import signal
import sys
import time

from services.tts.providers.espeak_frames import HEAD, STAMP, FrameKind, pack, unpack_head
from services.tts.providers.espeak_library import EspeakLibrary


class WorkerPipes:
    """The two pipes to the parent process, as file descriptors."""

    def __init__(self, reading: int, writing: int) -> None:
        self._reading = reading
        self._writing = writing

    def read(self) -> tuple[FrameKind, bytes]:
        """Waits for the next frame. Raises EOFError if the pipe has ended."""
        kind, length = unpack_head(self._exactly(HEAD.size))
        return kind, self._exactly(length)

    def waiting(self) -> bool:
        """Returns whether a frame, or the end of the pipe, can be read without waiting."""
        return bool(select.select([self._reading], [], [], 0)[0])

    def write(self, kind: FrameKind, payload: bytes = b"") -> None:
        """Writes a frame. Raises BrokenPipeError if the parent has closed the pipe."""
        rest = memoryview(pack(kind, payload))
        while rest:
            rest = rest[os.write(self._writing, rest) :]

    def _exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            piece = os.read(self._reading, count - len(data))
            if not piece:
                raise EOFError
            data += piece
        return data


def serve(library: EspeakLibrary, pipes: WorkerPipes) -> None:
    """Speaks one request after another until the pipe ends."""
    languages = [(each.identifier, each.name, each.tags) for each in library.languages()]
    ready = {"sample_rate_hz": library.sample_rate_hz, "languages": languages, "variants": library.variants()}
    pipes.write(FrameKind.READY, json.dumps(ready).encode())

    def take(pcm: bytes) -> bool:
        pipes.write(FrameKind.AUDIO, STAMP.pack(time.monotonic()) + pcm)
        # During speech, only CANCEL or the end of the pipe can arrive.
        return not pipes.waiting()

    while True:
        kind, payload = pipes.read()
        if kind is FrameKind.CANCEL:
            continue  # It was sent for an utterance that had already ended.
        request = json.loads(payload)
        try:
            library.speak(request["text"], request["identifier"], request["speed"], take)
        except RuntimeError as error:
            pipes.write(FrameKind.FAILED, str(error).encode())
        else:
            pipes.write(FrameKind.DONE)


def main() -> None:
    """Serves requests on stdin and stdout."""
    # Ctrl-C reaches the whole process group. This process ends when its parent closes the pipe.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    writing = os.dup(1)
    # Output of the library must not mix with the frames, so it goes to stderr.
    os.dup2(2, 1)
    try:
        serve(EspeakLibrary(), WorkerPipes(0, writing))
    except (EOFError, BrokenPipeError):
        sys.exit(0)


if __name__ == "__main__":
    main()
