"""Renders an evaluation as one HTML file with the recording. It has no script and loads nothing."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.cli.evaluation import Figure, condition_names, figures, missing_steps
from services.shared.reporting.aligned_words import aligned_words
from services.shared.reporting.formats import percent, seconds
from services.shared.reporting.pages import page_template

if TYPE_CHECKING:
    from collections.abc import Sequence

    from voicearena.scoring.v1.scoring_pb2 import Evaluation, Metric

TEMPLATE = Path(__file__).with_name("evaluation.html.j2")
LANES_WIDTH, LANE_HEIGHT = 900, 26
# A larger recording would make the page slow. The page names the file instead.
MAX_EMBEDDED_BYTES = 30 * 1024 * 1024
MEDIA_TYPES = {
    ".wav": "audio/wav",
    ".flac": "audio/flac",
    ".mp3": "audio/mpeg",
    ".ogg": "audio/ogg",
    ".opus": "audio/ogg",
    ".m4a": "audio/mp4",
    ".mp4": "audio/mp4",
    ".webm": "audio/webm",
    ".aac": "audio/aac",
    ".aif": "audio/aiff",
    ".aiff": "audio/aiff",
}


@dataclass(frozen=True)
class Bar:
    """One turn of a speaker in the drawing, in pixels."""

    x: float
    y: int
    width: float
    title: str


@dataclass(frozen=True)
class Lane:
    """One speaker of the drawing."""

    name: str
    y: int
    share: str
    bars: list[Bar]


def render_evaluation(evaluation: Evaluation, metrics: Sequence[Metric], recording: Path) -> str:
    """Returns the HTML of an evaluation that has ended. `recording` is embedded if it is not too large."""
    measured = evaluation.metrics
    drawn = lanes(evaluation)
    return page_template(TEMPLATE, percent=percent, seconds=seconds).render(
        name=recording.name,
        evaluation=evaluation,
        status=evaluation.Status.Name(evaluation.status),
        audio=_data_url(recording),
        errors=measured.word_errors if measured.HasField("word_errors") else None,
        aligned=list(aligned_words(measured.word_errors)),
        transcript=measured.transcription.text,
        lanes=drawn,
        lanes_width=LANES_WIDTH,
        lanes_height=len(drawn) * LANE_HEIGHT,
        lane_height=LANE_HEIGHT,
        diarization=evaluation.diarization,
        figures=figures(evaluation, metrics),
        conditions=condition_names(evaluation),
        verdict=_verdict,
        missing=missing_steps(evaluation),
    )


def lanes(evaluation: Evaluation) -> list[Lane]:
    """Returns a lane for each speaker, with a bar for each of their turns."""
    turns = evaluation.diarization.turns
    length = max([evaluation.duration_seconds, *(turn.end_seconds for turn in turns)]) or 1.0
    scale = LANES_WIDTH / length
    found = []
    for row, speaker in enumerate(sorted({turn.speaker for turn in turns})):
        y = row * LANE_HEIGHT + 4
        bars = [
            Bar(
                x=round(turn.start_seconds * scale, 1),
                y=y,
                width=max(round((turn.end_seconds - turn.start_seconds) * scale, 1), 1.0),
                title=f"{turn.start_seconds:.2f} to {turn.end_seconds:.2f} s",
            )
            for turn in turns
            if turn.speaker == speaker
        ]
        share = percent(evaluation.diarization.talk_shares.get(speaker))
        found.append(Lane(speaker, y + LANE_HEIGHT // 2, share, bars))
    return found


def _verdict(figure: Figure, value: float | None) -> str:
    """Returns the CSS class of a value."""
    return {True: "good", False: "bad", None: ""}[figure.is_good(value)]


def _data_url(recording: Path) -> str:
    media_type = MEDIA_TYPES.get(recording.suffix.lower())
    try:
        if media_type is None or recording.stat().st_size > MAX_EMBEDDED_BYTES:
            return ""
        return f"data:{media_type};base64,{base64.b64encode(recording.read_bytes()).decode()}"
    except OSError:
        # It was deleted meanwhile. The numbers are still worth a page.
        return ""
