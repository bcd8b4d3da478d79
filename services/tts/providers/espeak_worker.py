"""One espeak-ng engine as a process: `python -m services.tts.providers.espeak_worker`.

Reads requests on stdin and writes audio on stdout as espeak_frames says, until stdin ends.
"""

import json
import os
import select
import signal
import sys
import time

from services.tts.providers.espeak_frames import HEAD, STAMP, Kind, pack, unpack_head
from services.tts.providers.espeak_library import EspeakLibrary


class Pipes:
    """The two ends of the conversation, as file descriptors."""

    def __init__(self, reading: int, writing: int) -> None:
        self._reading = reading
        self._writing = writing

    def read(self) -> tuple[Kind, bytes]:
        """Waits for the next frame; EOFError when there will be none."""
        kind, length = unpack_head(self._exactly(HEAD.size))
        return kind, self._exactly(length)

    def waiting(self) -> bool:
        """Tells whether something, the end too, can be read without waiting."""
        return bool(select.select([self._reading], [], [], 0)[0])

    def write(self, kind: Kind, payload: bytes = b"") -> None:
        """Writes a frame; BrokenPipeError if nobody reads any more."""
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


def serve(library: EspeakLibrary, pipes: Pipes) -> None:
    """Answers requests one after another until the pipe ends."""
    languages = [(each.identifier, each.name, each.tags) for each in library.languages()]
    ready = {"sample_rate_hz": library.sample_rate_hz, "languages": languages, "variants": library.variants()}
    pipes.write(Kind.READY, json.dumps(ready).encode())

    def take(pcm: bytes) -> bool:
        pipes.write(Kind.AUDIO, STAMP.pack(time.monotonic()) + pcm)
        # While it speaks, all that can come is CANCEL or the end of the pipe.
        return not pipes.waiting()

    while True:
        kind, payload = pipes.read()
        if kind is Kind.CANCEL:
            continue  # for an utterance that was already over
        request = json.loads(payload)
        try:
            library.speak(request["text"], request["identifier"], request["speed"], take)
        except RuntimeError as error:
            pipes.write(Kind.FAILED, str(error).encode())
        else:
            pipes.write(Kind.DONE)


def main() -> None:
    """Serves on what was stdin and stdout."""
    # Ctrl-C reaches the whole process group; this one ends when its owner closes the pipe.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    writing = os.dup(1)
    # Whatever the library prints must not get between the frames.
    os.dup2(2, 1)
    try:
        serve(EspeakLibrary(), Pipes(0, writing))
    except (EOFError, BrokenPipeError):
        sys.exit(0)


if __name__ == "__main__":
    main()
