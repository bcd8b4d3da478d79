"""How a service logs an error. It runs in its own process, because logging is set up once per process."""

import json
import subprocess
import sys

PROGRAM = """
import logging, structlog
from services.runtime import telemetry

telemetry.start_logging("tts", "DEBUG")

def ask(key):
    headers = {"authorization": f"Bearer {key}"}
    raise ValueError("it broke")

for log in (structlog.get_logger(), logging.getLogger("library")):
    try:
        ask("-".join(["sk", "secret"]))
    except ValueError:
        log.exception("could not ask")
logging.getLogger("hpack.hpack").debug("Adding (b'authorization', b'sk-secret') to the header table")
"""


def test_an_error_is_logged_with_its_frames_but_without_the_values_of_variables() -> None:
    ended = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=True)
    assert "sk-secret" not in ended.stderr
    lines = [json.loads(line) for line in ended.stderr.splitlines()]
    assert [(line["message"], line["service"]) for line in lines] == [("could not ask", "tts")] * 2
    for line in lines:
        (error,) = line["exception"]
        assert (error["exc_type"], error["exc_value"]) == ("ValueError", "it broke")
        assert [frame["name"] for frame in error["frames"]] == ["<module>", "ask"]
