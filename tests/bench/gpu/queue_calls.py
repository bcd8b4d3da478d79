"""Calls of the models by many recordings at the same time, as worker processes make them."""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from services.scoring.backends.backend import Samples
from services.scoring.workers import frames

REFERENCE = "please turn on the light your order of twelve books will arrive monday call me back tomorrow morning"
TRANSCRIPT = "please turn the light your order twelve books will arrive monday call me back tomorrow"
URGENT_EVERY_SECONDS = 0.2


class QueueCalls:
    """Calls the process that owns the models, from up to `threads` threads."""

    def __init__(self, address: Path, threads: int) -> None:
        self._address = address
        self._executor = ThreadPoolExecutor(threads)

    def call(
        self, model: str, method: str, *arguments: Any, developer_id: str = "dev_a", interactive: bool = True
    ) -> float:
        """Calls a model and returns how many seconds the call waited. Raises RuntimeError if it fails."""
        request = {
            "model": model,
            "method": method,
            "arguments": arguments,
            "developer_id": developer_id,
            "interactive": interactive,
            "alone": False,
        }
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.connect(str(self._address))
            sent = time.monotonic()
            frames.send(connection, request, share=True)
            waited = 0.0
            while (reply := frames.receive(connection))["kind"] == "began":
                waited = time.monotonic() - sent
        if reply["kind"] != "result":
            raise RuntimeError(f"{model}: {reply}")
        return waited

    def all_models(self, clips: Sequence[Samples]) -> float:
        """Sends all clips through the models at once, and returns how many seconds that took."""
        began = time.monotonic()
        calls: list[Future[float]] = []
        for clip in clips:
            calls += [
                self._executor.submit(self.call, "whisper", "transcribe", [clip], "en"),
                self._executor.submit(self.call, "utmos", "naturalness", [clip]),
                self._executor.submit(self.call, "pyannote", "diarize", [clip], None),
                self._executor.submit(self.call, "encoder", "encode", [REFERENCE, TRANSCRIPT]),
            ]
        for one in calls:
            one.result()
        return time.monotonic() - began

    def diarize(self, call: Samples) -> float:
        """Returns how many seconds the diarization of a recording takes."""
        began = time.monotonic()
        self.call("pyannote", "diarize", [call], None)
        return time.monotonic() - began

    def urgent_behind_bulk(self, clips: Sequence[Samples], bulk: int, urgent: int) -> tuple[list[float], float]:
        """Transcribes urgent clips while bulk clips wait. Returns their waits and the length of a batch, in seconds."""
        began = time.monotonic()
        waiting = [
            self._executor.submit(
                self.call, "whisper", "transcribe", [clips[index % len(clips)]], "en",
                developer_id="dev_bulk", interactive=False,
            )
            for index in range(bulk)
        ]  # fmt: skip
        asked = []
        for index in range(urgent):
            time.sleep(URGENT_EVERY_SECONDS)
            clip = clips[index % len(clips)]
            asked.append(self._executor.submit(self.call, "whisper", "transcribe", [clip], "en", developer_id="dev_b"))
        waits = [one.result() for one in asked]
        for one in waiting:
            one.result()
        batches = -(-(bulk + urgent) // self.max_batch("whisper"))
        return waits, (time.monotonic() - began) / batches

    def max_batch(self, model: str) -> int:
        """Returns how many windows a batch of a loaded model has."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.connect(str(self._address))
            request = {"model": model, "method": "describe", "arguments": [], "developer_id": "dev_a"}
            frames.send(connection, {**request, "interactive": True, "alone": False})
            while (reply := frames.receive(connection))["kind"] == "began":
                pass
        return int(reply["value"]["max_batch"])
