"""Attacks with fake evidence, and with exported files that run code."""

from __future__ import annotations

import csv
import io
from typing import Any

from tests.attack.attack import attack
from tests.attack.target import Target

VOICES = ("en-us", "en-gb")
SPELLINGS = [
    "Café one.",
    " Café one.\n",
    "CAFÉ ONE.",
    "Cafe\u0301 one.",
    "Café\u00a0one.",
    "Ca\u200bfé one.",
    "Ｃafé one.",
]
BLANKS = (" ", "\u00a0", "\u200b", "\ufeff", "\u2800", "\u00ad", "\n", "\t")
FORMULAS = [f"{blank}=HYPERLINK(1),{number}" for number, blank in enumerate(BLANKS)]


def plan(prompts: list[str]) -> dict[str, Any]:
    """Returns a plan that compares two espeak voices."""
    models = [{"provider": "espeak", "voice_id": voice} for voice in VOICES]
    return {"name": "attack", "scenario": "general", "eval_mode": "automated", "models": models, "prompts": prompts}


@attack("submits one prompt in seven spellings", promise="400 that names each repeat and the repeated prompt")
async def same_prompt(target: Target) -> None:
    outcome = await target.call("ExperimentService.CreateExperiment", plan(SPELLINGS))
    assert outcome.reason == "INVALID_INPUT", outcome
    assert set(outcome.fields) == {f"prompts[{index}]" for index in range(1, len(SPELLINGS))}, outcome.fields
    assert "prompts[0]" in outcome.message, outcome.message


@attack("hides formulas behind spaces and invisible characters in a CSV export", promise="cells are marked as text")
async def formulas(target: Target) -> None:
    created = await target.call("ExperimentService.CreateExperiment", plan(FORMULAS))
    assert created.code == "OK", created.message
    id_ = created.answer["id"]
    try:
        ran = await target.call("ExperimentService.RunExperiment", {"id": id_})
        assert ran.code == "OK", ran.message
        exported = await target.call("ExperimentService.ExportExperiment", {"id": id_, "format": "csv"})
        rows = list(csv.DictReader(io.StringIO(exported.raw.decode("utf-8-sig"), newline="")))
        assert {row["prompt_text"] for row in rows} == {f"'{formula}" for formula in FORMULAS}, rows
        assert exported.raw[:3] == b"\xef\xbb\xbf", "a spreadsheet would not read this as UTF-8"
    finally:
        await target.call("ExperimentService.DeleteExperiment", {"id": id_})
