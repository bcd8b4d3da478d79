"""The flite engine, with a program that accepts flite's options and with the real program if it is installed."""

import shutil
import stat
import sys
from pathlib import Path

import pytest

from services.tts.domain import FailureKind, SpeechParameters, SynthesisError, Timing, Utterance
from services.tts.measurement import measure
from services.tts.providers.flite import FliteEngine
from tests.fakes.openai_server import tone

PROGRAM = f"""#!{sys.executable}
import struct, sys
from pathlib import Path
args = sys.argv[1:]
if args == ["-lv"]:
    print("Voices available: kal awb_time kal16 slt ")
    sys.exit(0)
options = dict(zip(args[::2], args[1::2], strict=True))
Path(__file__).with_name("asked").write_text(repr((sorted(options), options["-voice"], options["--setf"],
                                                   Path(options["-f"]).read_text(encoding="utf-8"))))
def write(pcm, claimed):
    head = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", claimed, b"WAVE", b"fmt ", 16, 1, 1, 24000, 48000, 2, 16,
                       b"data", claimed)
    Path(options["-o"]).write_bytes(head + pcm)
BEHAVE
"""


async def engine_that(behave: str, folder: Path) -> FliteEngine:
    program = folder / "flite"
    program.write_text(PROGRAM.replace("BEHAVE", behave))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    engine = FliteEngine(1, str(program))
    await engine.start()
    return engine


async def spoken(engine: FliteEngine, timing: Timing, speed: float | None = None, voice: str = "slt") -> bytes:
    utterance = Utterance("-o Grüße; rm -rf", voice, parameters=SpeechParameters(speed))
    return b"".join([piece async for piece in engine.synthesize(utterance, timing)])


async def test_it_speaks_the_text_with_the_requested_voice(tmp_path: Path) -> None:
    pcm, timing = tone(0.2), Timing()
    engine = await engine_that(f"write(bytes.fromhex({pcm.hex()!r}), 0x7ffff000)", tmp_path)
    assert engine.unavailable_reason() is None
    assert [voice.voice_id for voice in await engine.voices()] == ["slt", "kal16", "kal"]
    assert await spoken(engine, timing, speed=2.0) == pcm
    assert (tmp_path / "asked").read_text() == repr(
        (["--setf", "-f", "-o", "-voice"], "slt", "duration_stretch=0.5000", "-o Grüße; rm -rf\n")
    )


async def test_it_does_not_stream_so_the_first_and_the_last_byte_have_one_time(tmp_path: Path) -> None:
    timing = Timing()
    engine = await engine_that(f"write(bytes.fromhex({tone(0.2).hex()!r}), 0)", tmp_path)
    measured = measure(await spoken(engine, timing), timing)
    assert measured.ttfb_ms == measured.generation_time_ms > 0
    assert (measured.sample_rate_hz, measured.connection_reused) == (24000, False)


@pytest.mark.parametrize(
    ("behave", "kind", "message"),
    [
        ("sys.exit(3)", FailureKind.PROVIDER_UNAVAILABLE, "flite ended with status 3"),
        ("import os; os.abort()", FailureKind.PROVIDER_UNAVAILABLE, "flite crashed"),
        ("pass", FailureKind.BAD_AUDIO, "flite succeeded but wrote no audio"),
        ("Path(options['-o']).write_text('oops')", FailureKind.BAD_AUDIO, "flite wrote a WAV that can't be used"),
        (
            "write(b'abcd', 100)",
            FailureKind.PROVIDER_UNAVAILABLE,
            "flite wrote incomplete audio: it ends after 4 of the 100 bytes",
        ),
    ],
)
async def test_a_program_that_fails_is_reported(behave: str, kind: FailureKind, message: str, tmp_path: Path) -> None:
    engine = await engine_that(behave, tmp_path)
    with pytest.raises(SynthesisError, match=message) as caught:
        await spoken(engine, Timing())
    assert caught.value.kind is kind


async def test_an_empty_wav_gives_no_audio(tmp_path: Path) -> None:
    assert await spoken(await engine_that("write(b'', 0)", tmp_path), Timing()) == b""


async def test_a_voice_that_is_not_installed_is_refused(tmp_path: Path) -> None:
    engine = await engine_that("pass", tmp_path)
    with pytest.raises(SynthesisError, match="flite has no voice 'rms'") as caught:
        await spoken(engine, Timing(), voice="rms")
    assert caught.value.kind is FailureKind.UNKNOWN_VOICE


async def test_without_the_program_the_reason_names_the_package() -> None:
    engine = FliteEngine(1, "no-such-flite")
    await engine.start()
    assert engine.unavailable_reason() == (
        "the program no-such-flite is not on the PATH; on Debian and Ubuntu, install the package flite"
    )


@pytest.mark.skipif(shutil.which("flite") is None, reason="flite is not installed")
async def test_the_real_program_speaks_with_each_of_its_voices() -> None:
    engine = FliteEngine(1)
    await engine.start()
    for voice in await engine.voices():
        timing = Timing()
        pcm = b"".join([piece async for piece in engine.synthesize(Utterance("Hello.", voice.voice_id), timing)])
        measured = measure(pcm, timing)
        assert measured.sample_rate_hz == voice.sample_rate_hz
        assert 0.3 < measured.duration_seconds < 2
