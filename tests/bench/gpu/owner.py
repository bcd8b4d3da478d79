"""The process that owns the models, as the service has it, with texts of a fixed length:
`python -m tests.bench.gpu.owner LISTENING CONTROL`."""

from __future__ import annotations

import socket
import sys
from functools import partial

import whisper.decoding

from services.scoring.backends.models import whisper_decoding
from services.scoring.workers.model_owner import main

TOKENS = 40
"""The usual number in 10 s of speech."""


def fix_lengths() -> None:
    """Decodes each window to TOKENS tokens, once. Texts of random weights would never be good enough."""
    whisper.decoding.DecodingOptions = partial(whisper.decoding.DecodingOptions, sample_len=TOKENS)
    whisper_decoding.TEMPERATURES = ()


if __name__ == "__main__":
    fix_lengths()
    main(socket.socket(fileno=int(sys.argv[1])), socket.socket(fileno=int(sys.argv[2])))
