"""Where log lines go: a stream that never fails whoever logs."""

from typing import TextIO

MISSING = '{{"level": "warning", "message": "{} log lines may be missing here"}}\n'


class LogStream:
    """Writes to another stream, and counts what can't be written instead of raising.

    The disk may be full, the file closed, or the reader of a pipe gone. None of it may stop work that only wants to say
    how it does.
    """

    def __init__(self, stream: TextIO | None) -> None:
        """`stream` is None where the process was started without it."""
        self._stream = stream
        self.failures = 0
        """Writes that have failed since one last succeeded."""

    def write(self, text: str) -> int:
        """Writes a whole line, or drops it."""
        if self._stream is not None:
            try:
                self._stream.write(text)
                self._stream.flush()
                if self.failures:
                    failures, self.failures = self.failures, 0
                    self._stream.write(MISSING.format(failures))
                    self._stream.flush()
            except (OSError, ValueError):
                self.failures += 1
        return len(text)

    def flush(self) -> None:
        """Each line is flushed as it is written."""
