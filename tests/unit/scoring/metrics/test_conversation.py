from typing import Any

import pytest

from services.scoring.metrics.conversation.diarization_errors import diarization_errors
from services.scoring.metrics.conversation.turns import Turn, turn_taking
from tests.vectors import metric_vectors


def turns(segments: list[Any]) -> list[Turn]:
    return [Turn(start, end, speaker) for speaker, start, end in segments]


@metric_vectors("turn_taking")
def test_turn_taking(inputs: dict[str, Any], expected: dict[str, Any], tolerance: float) -> None:
    found = turn_taking(turns(inputs["segments"]))
    assert list(found.turns) == sorted(turns(expected["turns"]))
    assert found.talk_shares == pytest.approx(expected["talk_share"], abs=tolerance)
    for name in ("speech_seconds", "overlap_seconds", "overlap_ratio"):
        assert getattr(found, name) == pytest.approx(expected[name], abs=tolerance)
    for name in ("response_gap_p50", "response_gap_p95", "offset_p50"):
        assert getattr(found, name) == pytest.approx(expected[name], abs=tolerance)
    assert [(one.giver, one.taker, pytest.approx(one.offset)) for one in found.floor_transfers] == [
        (one["from"], one["to"], one["offset"]) for one in expected["floor_transfers"]
    ]
    assert [
        (one.by, one.over, one.at, one.took_floor, one.yielded, pytest.approx(one.yield_seconds))
        for one in found.interruptions
    ] == [
        (one["by"], one["over"], one["at"], one["took_floor"], one["yielded"], one.get("yield_latency"))
        for one in expected["interruptions"]
    ]
    assert list(found.backchannels) == turns(expected["backchannels"])


def test_turns_of_nobody() -> None:
    found = turn_taking([])
    assert (found.turns, found.talk_shares, found.overlap_ratio, found.response_gap_p50) == ((), {}, None, None)


@metric_vectors("der")
def test_diarization_error_rate(inputs: dict[str, Any], expected: dict[str, Any], tolerance: float) -> None:
    found = diarization_errors(
        turns(inputs["reference"]),
        turns(inputs["hypothesis"]),
        collar_seconds=inputs.get("collar", 0.0),
        skip_overlap=inputs.get("skip_overlap", False),
    )
    assert found.error_rate == pytest.approx(expected["der"], abs=tolerance)
    for name in ("missed", "false_alarm", "confusion", "total"):
        assert getattr(found, name) == pytest.approx(expected[name], abs=tolerance)


def test_diarization_error_rate_is_absent_without_reference_speech() -> None:
    assert diarization_errors([], turns([["x", 0, 1]])).error_rate is None
