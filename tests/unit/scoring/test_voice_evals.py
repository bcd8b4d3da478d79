"""What `voice-evals` prints."""

from __future__ import annotations

import io

from rich.console import Console

from services.scoring import voice_evals
from services.scoring.pipeline.step import RecordingEvaluation
from services.scoring.pipeline.steps import STEPS
from tests.unit.scoring.evaluations.outcomes import RESULTS, completed


def test_the_table_has_every_metric_with_its_unit_and_its_good_range() -> None:
    found = RecordingEvaluation(3.0, {outcome.step: outcome for outcome in completed()})
    printed = io.StringIO()
    Console(file=printed, width=200).print(voice_evals._table(found))
    rows = {line.split("  ")[0].strip(): " ".join(line.split()) for line in printed.getvalue().splitlines()}
    assert rows["Word errors"].startswith("Word errors 0.67 word_errors")
    assert rows["Hard words"].startswith("Hard words 0.00 1 word_errors")
    assert rows["Loudness"].startswith("Loudness -23.00 LUFS -26 to -16 loudness")
    assert "SNR" not in rows
    assert rows["Telephone"].startswith("Telephone no noise")
    assert rows["Speakers"].startswith("Speakers 2 diarization")
    assert rows["Heard"].startswith("Heard Call 48 now. Now! transcription")
    shown = {word for row in rows.values() for word in row.split()}
    assert {step.name for step in STEPS} & shown == set(RESULTS) - {"alignment"}
