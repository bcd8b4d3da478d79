"""Files with speech-like sound, as usual encoders write them."""

from __future__ import annotations

import io
from fractions import Fraction

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from tests.fakes.recordings import tone

FRAME_SAMPLES = 960


def encoded(
    container: str, codec: str, seconds: float = 1.0, rate: int = 48_000, layout: str = "mono", *, silent: bool = False
) -> bytes:
    """Returns a file with a tone of 220 Hz or with silence."""
    with io.BytesIO() as file:
        with av.open(file, "w", format=container) as output:
            stream = output.add_stream(codec, rate=rate, layout=layout)
            assert isinstance(stream, AudioStream)
            samples = np.zeros(round(seconds * rate), np.int16) if silent else _tone(seconds, rate)
            _encode(output, stream, samples)
        return file.getvalue()


def video(*, audio_streams: int = 1, cover: bool = False) -> bytes:
    """Returns a second of video as MP4, with this number of tones beside it. A `cover` is one picture in an MP3."""
    with io.BytesIO() as file:
        with av.open(file, "w", format="mp3" if cover else "mp4") as output:
            pictures = output.add_stream("mjpeg" if cover else "mpeg4", rate=None if cover else 10)
            pictures.width = pictures.height = 64
            pictures.pix_fmt = "yuvj420p" if cover else "yuv420p"
            pictures.time_base = Fraction(1, 10)
            codec = "libmp3lame" if cover else "aac"
            streams = [output.add_stream(codec, rate=48_000, layout="mono") for _ in range(audio_streams)]
            for _ in range(1 if cover else 10):
                picture = VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")
                output.mux(pictures.encode(picture.reformat(format=pictures.pix_fmt)))
            output.mux(pictures.encode(None))
            for stream in streams:
                assert isinstance(stream, AudioStream)
                _encode(output, stream, _tone(1.0, 48_000))
        return file.getvalue()


def _tone(seconds: float, rate: int) -> NDArray[np.int16]:
    return tone(seconds, dbfs=-12, frequency_hz=220, sample_rate_hz=rate)


def _encode(output: OutputContainer, stream: AudioStream, samples: NDArray[np.int16]) -> None:
    layout, rate = stream.codec_context.layout, stream.codec_context.sample_rate
    resampler = AudioResampler(format=stream.codec_context.format.name, layout=layout.name, rate=rate)
    for start in range(0, len(samples), FRAME_SAMPLES):
        piece = np.repeat(samples[start : start + FRAME_SAMPLES], layout.nb_channels)
        frame = AudioFrame.from_ndarray(piece[None], format="s16", layout=layout.name)
        frame.sample_rate, frame.pts = rate, start
        for resampled in resampler.resample(frame):
            output.mux(stream.encode(resampled))
    output.mux(stream.encode(None))
