"""Collecting a PCM stream, writing it as a WAV file and playing it."""

from __future__ import annotations

import io
import wave
from pathlib import Path

import pytest
from google.api.httpbody_pb2 import HttpBody

from gateway.cli import speech
from gateway.cli.errors import CliError, ExitCode

PCM = "audio/l16;rate=16000;channels=1"


def test_the_wav_header_has_the_true_length_and_the_first_byte_is_timed() -> None:
    ticks = iter([10.0, 10.25, 11.0])
    chunks = [HttpBody(content_type=PCM), HttpBody(data=b"\x01\x00" * 8000), HttpBody(data=b"\x02\x00" * 8000)]
    spoken = speech.collect(chunks, clock=lambda: next(ticks))
    assert (spoken.ttfb_ms, spoken.total_ms, spoken.duration_seconds) == (250.0, 1000.0, 1.0)
    with wave.open(io.BytesIO(spoken.wav())) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate(), file.getnframes()) == (
            1,
            2,
            16000,
            16000,
        )
        assert file.readframes(16000) == b"\x01\x00" * 8000 + b"\x02\x00" * 8000


@pytest.mark.parametrize("chunks", [[], [HttpBody(content_type=PCM)]])
def test_a_stream_without_audio_is_an_error(chunks: list[HttpBody]) -> None:
    with pytest.raises(CliError, match="no audio"):
        speech.collect(chunks)


def test_a_stream_without_end_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speech, "MAX_AUDIO_BYTES", 100)
    with pytest.raises(CliError, match="sent more than"):
        speech.collect(HttpBody(content_type=PCM, data=bytes(30)) for _ in iter(int, 1))


@pytest.mark.parametrize("content_type", ["", "audio/wav", "audio/l16", "audio/l16;rate=0", "audio/l16;rate=x"])
def test_anything_but_pcm_is_refused(content_type: str) -> None:
    with pytest.raises(CliError, match="must send PCM audio"):
        speech.pcm_sample_rate(content_type)


def test_a_file_that_cannot_be_written_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(CliError, match="No such file or directory") as caught:
        speech.save(speech.ReceivedSpeech(b"\0\0", 8000, 1.0, 1.0), str(tmp_path / "none" / "a.wav"))
    assert caught.value.exit_code == ExitCode.USAGE


def player(folder: Path, script: str) -> None:
    program = folder / "aplay"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


def test_the_installed_player_gets_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    player(tmp_path, f'echo "$@" > {tmp_path}/played')
    monkeypatch.setenv("PATH", str(tmp_path))
    speech.play("/tmp/x.wav", 1.0)
    assert (tmp_path / "played").read_text() == "-q /tmp/x.wav\n"


def test_a_player_that_fails_is_named_with_its_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    player(tmp_path, "echo no sound card >&2; exit 1")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CliError, match=r"aplay could not play /tmp/x\.wav: no sound card"):
        speech.play("/tmp/x.wav", 1.0)


def test_without_a_player_the_error_names_the_supported_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CliError) as caught:
        speech.play("/tmp/x.wav", 1.0)
    assert caught.value.hint == "Install one of afplay, paplay, aplay, ffplay, or leave out --play."
