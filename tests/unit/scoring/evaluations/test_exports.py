"""Evaluations as files."""

import csv
import io
import json
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest

from services.runtime.errors import InvalidInput, QuotaExceeded, WrongState
from services.runtime.exports import MAX_EXPORTS_PER_DEVELOPER
from services.scoring.domain import Status
from services.scoring.evaluations.domain import EvaluationDetails, EvaluationPlan
from services.scoring.evaluations.exports import FORMATS, export
from services.scoring.metrics.text.speech_failures import TimedWord
from services.scoring.pipeline.step import StepOutcome, StepStatus
from services.scoring.pipeline.steps.words import Alignment
from tests.unit.scoring.evaluations.conftest import World
from tests.unit.scoring.evaluations.outcomes import COMPLETED, ID, RUNNING


def text_of(format_: str, found: EvaluationDetails = COMPLETED) -> str:
    return export(found, format_).content.decode()


def test_json_is_the_evaluation_as_the_api_shows_it() -> None:
    found = json.loads(text_of("json"))
    assert (found["id"], found["status"], found["error_message"]) == (ID, "completed", "")
    assert found["metrics"]["pitch"]["median_hz"] == 110.0


def test_csv_has_a_row_for_each_metric_with_its_unit_and_backend() -> None:
    rows = {row["name"]: row for row in csv.DictReader(io.StringIO(text_of("csv"), newline=""))}
    assert rows["pitch.median_hz"] == {
        **{"name": "pitch.median_hz", "value": "110.0", "unit": "Hz", "backend": "pitch/1"},
    }
    assert (rows["rhythm.speaking_rate"]["unit"], rows["rhythm.words_per_minute"]["unit"]) == ("1/s", "1/min")
    assert (rows["noise.telephone"]["value"], rows["diarization.num_speakers"]["value"]) == ("false", "2")
    assert rows["telephone.quality.overall_mos"]["value"] == "3.25"
    assert "loudness.active_level_dbov" not in rows
    assert "transcription.text" not in rows


def test_rttm_has_a_line_for_each_turn() -> None:
    assert text_of("rttm") == (
        f"SPEAKER {ID} 1 0.500 1.000 <NA> <NA> channel_1 <NA> <NA>\n"
        f"SPEAKER {ID} 1 2.000 0.500 <NA> <NA> channel_2 <NA> <NA>\n"
    )


def test_srt_has_a_subtitle_for_each_phrase() -> None:
    assert text_of("srt") == (
        "1\n00:00:00,500 --> 00:00:01,500\nCall 48 now.\n\n2\n00:00:02,000 --> 00:00:02,500\nNow!\n"
    )


def test_a_textgrid_has_words_and_speakers_without_gaps() -> None:
    lines = [line.strip() for line in text_of("textgrid").splitlines()]
    assert lines[:7] == [
        *('File type = "ooTextFile"', 'Object class = "TextGrid"', "", "xmin = 0", "xmax = 3.000000"),
        *("tiers? <exists>", "size = 3"),
    ]
    assert [line for line in lines if line.startswith("name")] == [
        *('name = "words"', 'name = "channel_1"', 'name = "channel_2"'),
    ]
    words = lines[lines.index('name = "words"') : lines.index('name = "channel_1"')]
    assert [line for line in words if line.startswith("text")] == [
        *('text = ""', 'text = "Call"', 'text = "48"', 'text = "now."', 'text = ""', 'text = """Now"""', 'text = ""'),
    ]
    starts = [line.partition(" = ")[2] for line in words if line.startswith("xmin")][1:]
    ends = [line.partition(" = ")[2] for line in words if line.startswith("xmax")][1:]
    assert (starts[0], ends[-1]) == ("0.000000", "3.000000")
    assert starts[1:] == ends[:-1]


def test_words_that_overlap_are_cut_in_a_textgrid() -> None:
    words = Alignment((TimedWord("a", 0.0, 1.0), TimedWord("b", 0.5, 0.75), TimedWord("c", 0.5, 2.0)), estimated=True)
    outcome = StepOutcome("alignment", StepStatus.completed, result=words)
    found = text_of("textgrid", replace(COMPLETED, outcomes=[outcome]))
    assert [line.strip() for line in found.splitlines() if "text =" in line] == [
        *('text = "a"', 'text = "c"', 'text = ""'),
    ]


@pytest.mark.parametrize("format_", FORMATS)
def test_only_a_completed_evaluation_is_exported(format_: str) -> None:
    with pytest.raises(WrongState, match=r"is running\. Only a completed one"):
        export(EvaluationDetails(RUNNING), format_)


@pytest.mark.parametrize(
    ("format_", "step"), [("rttm", "diarization"), ("srt", "transcription"), ("textgrid", "alignment")]
)
def test_a_format_names_the_step_that_it_needs(format_: str, step: str) -> None:
    skipped = replace(COMPLETED, outcomes=[StepOutcome(step, StepStatus.skipped, reason="There is no speech.")])
    with pytest.raises(WrongState, match=f"needs the step {step}, and it was skipped: There is no speech"):
        export(skipped, format_)
    with pytest.raises(WrongState, match=f"needs the step {step}, and it is not part of the evaluation"):
        export(replace(COMPLETED, outcomes=[]), format_)


async def test_an_export_has_a_name_and_comes_in_pieces(world: World) -> None:
    async with world.running():
        evaluation = await world.upload(EvaluationPlan(steps=("signal",)))
        assert (await world.ended(evaluation.id)).status is Status.completed
    async with AsyncExitStack() as stack:
        file = await stack.enter_async_context(world.exporting.export(evaluation.id, "csv"))
        assert (file.name, file.content_type) == (f"{evaluation.id}.csv", "text/csv; charset=utf-8")
        assert b"".join([piece async for piece in file.pieces()]) == b"name,value,unit,backend\r\n"
        for _ in range(MAX_EXPORTS_PER_DEVELOPER - 1):
            await stack.enter_async_context(world.exporting.export(evaluation.id, "json"))
        with pytest.raises(QuotaExceeded):
            await stack.enter_async_context(world.exporting.export(evaluation.id, "json"))
    with pytest.raises(InvalidInput, match="format: must be one of json, csv, rttm, srt, textgrid"):
        await stack.enter_async_context(world.exporting.export(evaluation.id, "format_unspecified"))
