"""Turns: talk shares, overlap, response gaps and interruptions of a conversation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

MAX_JOINED_GAP_SECONDS = 0.2
"""Speech of one speaker with shorter gaps is one turn."""
MIN_INTERRUPTION_OVERLAP_SECONDS = 0.2
"""People often start this much before the end of a turn without interrupting it (Levinson and Torreira 2015)."""
MIN_INTERRUPTION_SECONDS = 1.0
"""Shorter speech within another turn is a backchannel, such as "mhm" (tau-voice has the same limit)."""
MAX_YIELD_SECONDS = 2.0
"""A speaker who stops within this time has yielded (tau-voice has the same limit)."""


@dataclass(frozen=True, slots=True, order=True)
class Turn:
    """One speaker's speech. Times are in seconds."""

    start: float
    end: float
    speaker: str


@dataclass(frozen=True, slots=True)
class FloorTransfer:
    """A change of the speaker who holds the floor."""

    giver: str
    taker: str
    offset: float
    """Start of the taker's turn - end of the giver's, in seconds. Negative if they overlap."""


@dataclass(frozen=True, slots=True)
class Interruption:
    """A speaker starts while another one speaks. Times are in seconds."""

    by: str
    over: str
    at: float
    took_floor: bool
    """Whether the speaker who interrupted went on longer than the other one."""
    yielded: bool
    """Whether the other one stopped within 2 s."""
    yield_seconds: float | None
    """How long the other one went on. None if the interruption failed."""


@dataclass(frozen=True, slots=True)
class TurnTaking:
    """How speakers take turns. Gaps are None if there are none."""

    turns: tuple[Turn, ...]
    talk_shares: dict[str, float]
    """Each speaker's speech as a share of the sum over all speakers."""
    speech_seconds: float
    """Time with at least one speaker."""
    overlap_seconds: float
    """Time with two speakers or more."""
    floor_transfers: tuple[FloorTransfer, ...]
    response_gap_p50: float | None
    """Median of the offsets of 0 and more, in seconds."""
    response_gap_p95: float | None
    offset_p50: float | None
    """Median of all offsets, in seconds."""
    interruptions: tuple[Interruption, ...]
    backchannels: tuple[Turn, ...]

    @property
    def overlap_ratio(self) -> float | None:
        """Overlap as a share of the time with speech, 0 to 1. None without speech."""
        return self.overlap_seconds / self.speech_seconds if self.speech_seconds else None


def turn_taking(segments: Iterable[Turn]) -> TurnTaking:
    """Returns how speakers take turns. The segments may overlap and come in any order."""
    turns = joined(segments)
    speech, overlap = _covered(turns)
    talk: dict[str, float] = {}
    for turn in turns:
        talk[turn.speaker] = talk.get(turn.speaker, 0.0) + turn.end - turn.start
    transfers: list[FloorTransfer] = []
    interruptions: list[Interruption] = []
    backchannels: list[Turn] = []
    holder: Turn | None = None
    for turn in turns:
        if holder is None or turn.speaker == holder.speaker:
            holder = turn if holder is None or turn.end > holder.end else holder
        elif turn.end > holder.end:
            offset = turn.start - holder.end
            transfers.append(FloorTransfer(holder.speaker, turn.speaker, offset))
            if offset < -MIN_INTERRUPTION_OVERLAP_SECONDS:
                interruptions.append(
                    Interruption(turn.speaker, holder.speaker, turn.start, True, -offset <= MAX_YIELD_SECONDS, -offset)
                )
            holder = turn
        elif turn.end - turn.start > MIN_INTERRUPTION_SECONDS:
            interruptions.append(Interruption(turn.speaker, holder.speaker, turn.start, False, False, None))
        else:
            backchannels.append(turn)
    offsets = [transfer.offset for transfer in transfers]
    gaps = [offset for offset in offsets if offset >= 0]
    return TurnTaking(
        turns=tuple(turns),
        talk_shares={speaker: seconds / sum(talk.values()) for speaker, seconds in sorted(talk.items())},
        speech_seconds=speech,
        overlap_seconds=overlap,
        floor_transfers=tuple(transfers),
        response_gap_p50=_percentile(gaps, 50),
        response_gap_p95=_percentile(gaps, 95),
        offset_p50=_percentile(offsets, 50),
        interruptions=tuple(interruptions),
        backchannels=tuple(backchannels),
    )


def joined(segments: Iterable[Turn]) -> list[Turn]:
    """Returns the segments in order of time, those of one speaker joined if less than 0.2 s apart."""
    turns: dict[str, list[Turn]] = {}
    for segment in sorted(segments):
        own = turns.setdefault(segment.speaker, [])
        if own and segment.start - own[-1].end < MAX_JOINED_GAP_SECONDS:
            own[-1] = Turn(own[-1].start, max(own[-1].end, segment.end), segment.speaker)
        elif segment.end > segment.start:
            own.append(segment)
    return sorted(turn for own in turns.values() for turn in own)


def _covered(turns: Sequence[Turn]) -> tuple[float, float]:
    """Returns the time with one speaker or more, and with two or more."""
    edges = sorted([(turn.start, 1) for turn in turns] + [(turn.end, -1) for turn in turns])
    speech = overlap = 0.0
    speakers, before = 0, 0.0
    for at, change in edges:
        if speakers:
            speech += at - before
        if speakers > 1:
            overlap += at - before
        speakers, before = speakers + change, at
    return speech, overlap


def _percentile(values: Sequence[float], percent: float) -> float | None:
    return float(np.percentile(values, percent)) if values else None
