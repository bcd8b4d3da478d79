"""A stream for log lines that never raises."""

from typing import TextIO

MISSING = '{{"level": "warning", "message": "{} log lines may be missing here"}}\n'


class LogStream:
    """Writes to another stream. Counts failed writes instead of raising.

    Logging must not stop the work that logs if the disk is full, the file is closed, or the reader of a pipe is gone.
    """

    def __init__(self, stream: TextIO | None) -> None:
        """`stream` is None if the process was started without one."""
        self._stream = stream
        self.failures = 0
        """The number of failed writes since the last one that succeeded."""

    def write(self, text: str) -> int:
        """Writes a line, or drops it."""
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
        """Does nothing: `write` flushes each line."""
