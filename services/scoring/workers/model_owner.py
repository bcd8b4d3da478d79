"""The process that owns the models: `python -m services.scoring.workers.model_owner LISTENING CONTROL`.

Both arguments are sockets that it inherits. It gets its settings from CONTROL, says there that it is ready, and ends
when CONTROL ends. Worker processes connect to LISTENING, each for one call.
"""

from __future__ import annotations

import os
import socket
import sys
from concurrent.futures import CancelledError
from threading import Thread

from services.runtime import telemetry
from services.scoring.backends.backend import BackendMissing, BackendSettings, is_out_of_memory
from services.scoring.backends.choice import Backends
from services.scoring.pipeline.outcome_json import from_json
from services.scoring.workers import frames
from services.scoring.workers.batching import Call, ModelQueues
from services.scoring.workers.frames import ConnectionLost

MAX_CPU_THREADS = 4


def main(listening: socket.socket, control: socket.socket, new_backends: type[Backends] = Backends) -> None:
    """Answers calls until `control` ends."""
    try:
        settings = from_json(BackendSettings, frames.receive(control))
    except ConnectionLost:
        return
    on_cpu = settings.device == "cpu"
    # Several models at the same time make each other slower on a GPU.
    queues = ModelQueues(new_backends(settings), min(MAX_CPU_THREADS, os.cpu_count() or 1) if on_cpu else 1)
    queues.start()
    Thread(target=_end_with, args=(control,), daemon=True).start()
    frames.send(control, {"kind": "ready"})
    # uvloop, which waited for the first call, has changed this for both processes.
    listening.setblocking(True)
    while True:
        connection, _ = listening.accept()
        Thread(target=_answer, args=(connection, queues), daemon=True).start()


def _end_with(control: socket.socket) -> None:
    try:
        frames.receive(control)
    except ConnectionLost:
        os._exit(0)


def _answer(connection: socket.socket, queues: ModelQueues) -> None:
    with connection:
        try:
            call = Call(**frames.receive(connection), begin=lambda: _begin(connection))
            queues.submit(call)
            frames.send(connection, _reply(call))
        except (ConnectionLost, CancelledError):
            # The worker was cancelled or ended.
            return


def _begin(connection: socket.socket) -> bool:
    """Tells the worker that its call begins to run. Returns False if the worker is gone."""
    try:
        if connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b"":
            return False
    except BlockingIOError:
        pass
    except OSError:
        return False
    try:
        frames.send(connection, {"kind": "began"})
    except ConnectionLost:
        return False
    return True


def _reply(call: Call) -> dict[str, object]:
    error = call.result.exception()
    if error is None:
        return {"kind": "result", "value": call.result.result()}
    if isinstance(error, BackendMissing):
        return {"kind": "missing", "reason": str(error)}
    if is_out_of_memory(error):
        return {"kind": "out_of_memory"}
    return {"kind": "error", "error": type(error).__name__}


if __name__ == "__main__":
    telemetry.start_logging("scoring", os.environ.get("LOG_LEVEL", "INFO"))
    main(socket.socket(fileno=int(sys.argv[1])), socket.socket(fileno=int(sys.argv[2])))
