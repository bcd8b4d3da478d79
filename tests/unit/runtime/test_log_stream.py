"""Logging never raises: not on a full disk, not on a closed file, not without a reader."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from services.runtime.log_stream import LogStream

PROGRAM = """
import logging, os, sys, structlog
from services.runtime import telemetry

telemetry.start_logging("tts", "DEBUG")
for log in (structlog.get_logger(), logging.getLogger("library")):
    for number in range(100):
        log.error("a line that nobody may read")
    try:
        raise OSError(28, "No space left on device")
    except OSError:
        log.exception("nor this")
os.write(int(sys.argv[1]), b"went on")
"""


class Full(io.StringIO):
    """A file on a disk that can be full."""

    full = True

    def write(self, text: str) -> int:
        if self.full:
            raise OSError(28, "No space left on device")
        return super().write(text)


def test_lines_lost_on_a_full_disk_are_counted_and_reported_later() -> None:
    file = Full()
    stream = LogStream(file)
    for _ in range(3):
        stream.write("lost\n")
    file.full = False
    stream.write("written\n")
    stream.write("and more\n")
    lines = file.getvalue().splitlines()
    assert lines[0] == "written"
    assert json.loads(lines[1]) == {"level": "warning", "message": "3 log lines may be missing here"}
    assert lines[2:] == ["and more"]


def test_writing_to_a_closed_or_missing_stream_does_not_raise() -> None:
    closed = io.StringIO()
    closed.close()
    for stream in (LogStream(closed), LogStream(None)):
        assert stream.write("line\n") == 5
        stream.flush()


@pytest.mark.parametrize("end", ["full", "no reader", "closed", "none"])
def test_a_service_continues_when_its_log_can_not_be_written(end: str) -> None:
    reader, writer = os.pipe()
    result_reader, result_writer = os.pipe()
    command = [sys.executable, "-c", PROGRAM, str(result_writer)]
    if end == "full":
        if not Path("/dev/full").exists():
            pytest.skip("there is no /dev/full here")
        stderr = os.open("/dev/full", os.O_WRONLY)
    else:
        stderr = writer
    if end == "no reader":
        os.close(reader)
    if end == "closed":
        command[2] = "import os; os.close(2)\n" + PROGRAM
    if end == "none":
        command = ["/bin/sh", "-c", 'exec "$@" 2>&-', "sh", *command]
    ended = subprocess.run(command, stderr=stderr, timeout=60, pass_fds=[result_writer])
    os.close(result_writer)
    assert os.read(result_reader, 100) == b"went on"
    # Python exits with 120 if it can't flush stderr at its end.
    assert ended.returncode in (0, 120)
