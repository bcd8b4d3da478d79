"""Metric audits. The one of the mesh's own voices has a test of its own."""

import base64
import io
import wave
from typing import Any

from services.scoring.audit.domain import OUT_OF_DATE
from tests.contract.cases.auth import MOMENT
from tests.contract.cases.case import Case, Fails, Ok

RUN = "ScoringService.RunMetricAudit"
LATEST = "ScoringService.GetMetricAudit"
RATE_HZ = 8_000


def _clip(text: str, seconds: float = 1.0) -> dict[str, str]:
    """Returns a clip of silence. Nothing that listens has to load a model for it."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(RATE_HZ)
        writer.writeframes(bytes(round(2 * RATE_HZ * seconds)))
    return {"audio": base64.b64encode(file.getvalue()).decode(), "text": text}


CLIPS = [_clip("Good morning."), _clip("Good night.")]


def _nothing_was_audited(metrics: list[dict[str, Any]]) -> bool:
    return all(each["audit"] == "not_run" and each["reason"] for each in metrics)


CASES = [
    Case(
        "own clips are audited, and metrics that nothing was measured of were not",
        RUN,
        {"clips": CLIPS, "language": "en"},
        Ok(
            {
                "kind": "end",
                "audit": {
                    "completed_at": MOMENT,
                    "clips": 2,
                    "voices": [],
                    "passed": False,
                    "metrics": _nothing_was_audited,
                },
            }
        ),
    ),
    Case(
        "a single clip is refused", RUN, {"clips": CLIPS[:1]}, Fails("INVALID_INPUT", fields=("clips",), says="2 to 8")
    ),
    Case(
        "all invalid fields of an audit are named at once",
        RUN,
        {"clips": [{"text": "Good morning."}, {**_clip(""), "text": ""}], "language": "e"},
        Fails("INVALID_INPUT", fields=("clips[0].audio", "clips[1].text", "language")),
    ),
    Case(
        "clips that are no audio or too short are refused",
        RUN,
        {"clips": [{"audio": base64.b64encode(b"text").decode(), "text": "Hi."}, _clip("Hi.", 0.5)]},
        Fails("INVALID_INPUT", fields=("clips[0].audio", "clips[1].audio"), says="1 to 15 s"),
    ),
    Case(
        "an audit with the voices of the mesh needs the scope for speech",
        RUN,
        {},
        Fails("SCOPE_MISSING", says="speech"),
        caller="key for evaluations",
    ),
    Case(
        "an audit needs the scope to create evaluations",
        RUN,
        {},
        Fails("SCOPE_MISSING", says="evaluations:write"),
        caller="key with few scopes",
    ),
    Case(
        "the latest audit is read",
        LATEST,
        {},
        Ok(
            {
                "completed_at": MOMENT,
                "clips": 4,
                "voices": ["espeak:en-us"],
                "passed": False,
                "metrics": [
                    {
                        "step": "quality",
                        "name": "overall_mos",
                        # It was measured by a version that is not installed.
                        "audit": "not_run",
                        "reason": OUT_OF_DATE,
                        "backends": ["dnsmos/0"],
                        "findings": [{"change": "noise_20_db", "expected": "falls", "limit": 0.15, "seen": 0.0}],
                    }
                ],
            }
        ),
        caller="reader of stored audit",
    ),
    Case(
        "the latest audit needs the scope to read evaluations",
        LATEST,
        {},
        Fails("SCOPE_MISSING", says="evaluations:read"),
        caller="key with few scopes",
    ),
]
