"""Exported files, read back by independent readers of their formats."""

import csv
import io
import json
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from google.protobuf.json_format import MessageToDict
from hypothesis import given
from hypothesis import strategies as st
from voicearena.experiments.v1.results_pb2 import Results

from services.experiments import convert
from services.experiments.domain import EvalMode, ModelSpec, Trial, TrialStatus
from services.experiments.exports.columns import Column, ColumnType, DataTable
from services.experiments.exports.files import escape_formulas, write_csv, write_jsonl, write_parquet
from services.experiments.exports.tables import PAIRS, RESULTS, TRIALS, pairs_table, results_table, trials_table
from services.experiments.exports.usecases import Exporting
from services.experiments.exports.votes import VOTES
from services.experiments.results import convert as results_convert
from services.experiments.verdict import METHOD_VERSION, QUALITY, Judges, decide
from services.runtime.audio_store import AudioLinks
from services.runtime.errors import InvalidInput, NotFound, QuotaExceeded, WrongState
from services.runtime.exports import ExportFile, ExportLimits
from services.shared.clips.domain import HeardSpeech
from services.shared.metrics import Measurements
from tests.fakes.memory_vote_store import MemoryVoteStore
from tests.unit.experiments.conftest import World, call_as
from tests.unit.experiments.verdict_trials import A, B, C, by_silence, failed, latencies, votes

EXPERIMENT = f"exp_{'a' * 32}"
MOMENT = datetime(2026, 3, 1, 12, 30, 15, 123456, tzinfo=UTC)
# The JSON of voicearena.scoring.v1.WordErrors.
WORDS = {
    "alignment": [
        {"operation": "equal", "reference": ["call"], "transcript": ["call"]},
        {"operation": "substitute", "reference": ["47", "now"], "transcript": ["48"]},
        {"operation": "delete", "reference": ["or"]},
        {"operation": "insert", "transcript": ["then", "then"]},
    ]
}
MARKED_WORDS = "call [-47 now-] {+48+} [-or-] {+then then+}"
SPOKEN = Trial(
    id="trl_a",
    experiment_id=EXPERIMENT,
    prompt_index=0,
    model_index=1,
    repeat_index=2,
    position=3,
    prompt_text='She said, "Grüße, 你好",\r\nand left.',
    provider="espeak",
    voice_id="en-us+f2",
    model_id="",
    speed=1.25,
    language="en",
    seed=2**32 - 1,
    status=TrialStatus.COMPLETED,
    attempts=1,
    provider_requests=2,
    audio_name="trl_a.wav",
    created_at=MOMENT,
    ended_at=MOMENT + timedelta(seconds=1),
    measurements=Measurements(
        duration_seconds=0.1 + 0.2,
        ttfb_ms=1e-7,
        generation_time_ms=1e16 / 3,
        ttfa_ms=200.0,
        connection_reused=False,
        transport="http/2",
        sample_rate_hz=24000,
        silence_ratio=0.0,
        loudness_lufs=-23.04,
        dc_offset=-1e-05,
    ),
    heard_speech=HeardSpeech("Call 48 then then.", WORDS),
)
BROKEN = replace(
    SPOKEN,
    id="trl_b",
    prompt_text='=HYPERLINK("http://example.com")',
    speed=None,
    language=None,
    seed=None,
    status=TrialStatus.FAILED,
    error_kind="bad_audio",
    error_message="-1 bytes",
    ended_at=None,
    measurements=Measurements(),
    heard_speech=None,
)


def read_csv(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode(), newline="")))


def read_jsonl(content: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in content.decode().splitlines()]


def read_parquet(content: bytes) -> pa.Table:
    return pq.read_table(io.BytesIO(content))


def as_in_the_api(trial: Trial) -> dict[str, Any]:
    """Returns a trial as in the API's JSON, with flat parameters and without the fields that an export leaves out."""
    links = AudioLinks("a secret that is long enough to sign with", "http://localhost", 60)
    message = convert.trial(trial, links)
    found = MessageToDict(message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)
    for left_out in ("audio_url", "listening_backends"):
        found.pop(left_out, None)
    if found.pop("words", None):
        found["marked_words"] = MARKED_WORDS
    return found.pop("parameters") | found


def results(judges: Judges = Judges.BOTH) -> Results:
    trials = [*by_silence([0.0] * 8, [0.8] * 8), *(failed(2, prompt) for prompt in range(8))]
    cast = votes(0, 1, *["aa=x"] * 6) if judges.asks_listeners else []
    verdict = decide([A, B, C], 8, trials, votes=cast, judges=judges)
    return results_convert.results(results_convert.results_to_store(EXPERIMENT, verdict, MOMENT))


def test_an_export_has_every_field_of_a_trial_except_the_audio_link() -> None:
    measured = Measurements(**_all_measurements())
    every = replace(SPOKEN, audio_deleted_at=MOMENT, measurements=measured, heard_speech=HeardSpeech("hello", WORDS))
    assert {column.name for column in TRIALS} == set(as_in_the_api(every))


def _all_measurements() -> dict[str, Any]:
    special = {"connection_reused": True, "transport": "pipe", "region": "eu"}
    special |= {"sample_rate_hz": 1, "speech_failures": 1}
    return {field.name: special.get(field.name, 1.0) for field in fields(Measurements)}


def test_json_lines_are_equal_to_the_trials_of_the_api() -> None:
    lines = read_jsonl(write_jsonl(trials_table(EXPERIMENT, [SPOKEN, BROKEN])))
    names = [column.name for column in TRIALS]
    for line, trial in zip(lines, (SPOKEN, BROKEN), strict=True):
        assert list(line) == names
        assert {name: value for name, value in line.items() if value is not None} == as_in_the_api(trial)


def test_csv_rows_are_equal_to_the_trials_of_the_api() -> None:
    content = write_csv(trials_table(EXPERIMENT, [SPOKEN, BROKEN]))
    for row, trial in zip(read_csv(content), (SPOKEN, BROKEN), strict=True):
        expected = as_in_the_api(trial)
        for column in TRIALS:
            cell, value = row[column.name], expected.get(column.name)
            if value is None:
                assert cell == "", column.name
            elif column.type in (ColumnType.FLOAT, ColumnType.INTEGER):
                assert float(cell) == value, column.name
            elif column.type is ColumnType.BOOLEAN:
                assert cell == json.dumps(value)
            else:
                assert cell.removeprefix("'") == value, column.name


def test_csv_follows_rfc_4180() -> None:
    columns = [
        Column("a", ColumnType.TEXT, str),
        Column("b,c", ColumnType.FLOAT, float),
        Column("d", ColumnType.BOOLEAN, bool),
    ]
    table = DataTable(columns, [["x\ny", 0.5, True], ['say "hi"', -2.0, None], [None, None, False]], {})
    assert write_csv(table) == b'a,"b,c",d\r\n"x\ny",0.5,true\r\n"say ""hi""",-2.0,\r\n,,false\r\n'


BLANKS = [
    *("", " ", "\t", "\r", "\n", "\v", "\x00", "\x1b", "\x85", "\u00a0", "\u00ad", "\u034f", "\u115f", "\u1680"),
    *("\u180e", "\u2003", "\u200b", "\u200f", "\u2028", "\u202e", "\u202f", "\u2060", "\u2800", "\u3000"),
    *("\u3164", "\ufe0f", "\ufeff", "\U000e0020", " \u200b \ufeff\t"),
]
FORMULAS = ["=1+1", "+1", "-1+cmd|' /C calc'!A1", "@SUM(A1)", "＝1", "＋1", "－1", "＠x", "﹦1"]


@pytest.mark.parametrize("blanks", BLANKS)
@pytest.mark.parametrize(
    "formula", ["=1+1", "+1", "-1+cmd|' /C calc'!A1", "@SUM(A1)", "＝1", "＋1", "－1", "＠x", "﹦1"]
)
def test_formulas_after_blanks_and_invisible_characters_are_escaped(blanks: str, formula: str) -> None:
    columns = [Column("text", ColumnType.TEXT, str)]
    (row,) = read_csv(write_csv(DataTable(columns, [[f"{blanks}{formula}"]], {})))
    assert row["text"] == f"'{blanks}{formula}"


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("a;=1+1", "a;'=1+1"),
        ("a\n=1+1", "a\n'=1+1"),
        ("a;\u00a0\u200b@x; -1", "a;\u00a0\u200b'@x; '-1"),
        ("a\tb | c; d", "a\tb | c; d"),
        ("2 - 1 = 1", "2 - 1 = 1"),
        ("'=1", "'=1"),
        (" a", " a"),
    ],
)
def test_formulas_after_other_cell_separators_are_escaped(text: str, written: str) -> None:
    assert escape_formulas(text) == written


@pytest.mark.parametrize("text", ["\t" * 5000, " ;" * 2500, "\u200b" * 5000, "\n" * 5000])
def test_escaping_takes_linear_time(text: str) -> None:
    began = time.process_time()
    for _ in range(20):
        escape_formulas(text)
    # With quadratic time, a single call would take this long.
    assert time.process_time() - began < 1


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"])
def test_text_that_begins_like_a_formula_is_escaped(start: str) -> None:
    columns = [Column("text", ColumnType.TEXT, str), Column("number", ColumnType.FLOAT, float)]
    content = write_csv(DataTable(columns, [[f"{start}1+1", -1.0], [f"a{start}1", 1.0]], {}))
    assert [(row["text"], row["number"]) for row in read_csv(content)] == [
        (f"'{start}1+1", "-1.0"),
        (f"a{start}1", "1.0"),
    ]


def test_parquet_has_typed_columns() -> None:
    table = read_parquet(write_parquet(trials_table(EXPERIMENT, [SPOKEN, BROKEN])))
    types = {name: table.schema.field(name).type for name in ("id", "seed", "ttfb_ms", "connection_reused", "ended_at")}
    assert types == {
        "id": pa.string(),
        "seed": pa.int64(),
        "ttfb_ms": pa.float64(),
        "connection_reused": pa.bool_(),
        "ended_at": pa.timestamp("us", tz="UTC"),
    }
    assert table.schema.metadata == {b"experiment_id": EXPERIMENT.encode(), b"method_version": METHOD_VERSION.encode()}
    rows = table.to_pylist()
    assert rows[0]["prompt_text"] == SPOKEN.prompt_text
    assert (rows[0]["duration_seconds"], rows[0]["generation_time_ms"]) == (0.1 + 0.2, 1e16 / 3)
    assert (rows[0]["created_at"], rows[1]["ended_at"], rows[1]["seed"]) == (MOMENT, None, None)
    # Formulas are not escaped in a typed file.
    assert rows[1]["prompt_text"] == BROKEN.prompt_text


def test_timestamps_are_in_utc() -> None:
    there = replace(SPOKEN, created_at=MOMENT.astimezone(timezone(timedelta(hours=5, minutes=30))))
    table = trials_table(EXPERIMENT, [there])
    assert read_csv(write_csv(table))[0]["created_at"] == "2026-03-01T12:30:15.123456Z"
    assert read_jsonl(write_jsonl(table))[0]["created_at"] == "2026-03-01T12:30:15.123456Z"
    assert read_parquet(write_parquet(table)).to_pylist()[0]["created_at"] == MOMENT


@pytest.mark.parametrize(
    ("microseconds", "shown"), [(0, "12:30:15Z"), (5000, "12:30:15.005Z"), (120, "12:30:15.000120Z")]
)
def test_timestamps_have_the_same_digits_as_in_the_api(microseconds: int, shown: str) -> None:
    table = trials_table(EXPERIMENT, [replace(SPOKEN, created_at=MOMENT.replace(microsecond=microseconds))])
    assert read_csv(write_csv(table))[0]["created_at"] == f"2026-03-01T{shown}"


def test_without_trials_the_file_has_no_rows() -> None:
    table = trials_table(EXPERIMENT, [])
    assert write_csv(table) == (",".join(column.name for column in TRIALS) + "\r\n").encode()
    assert write_jsonl(table) == b""
    read = read_parquet(write_parquet(table))
    assert (read.num_rows, read.column_names) == (0, [column.name for column in TRIALS])


def test_infinity_and_nan_are_null_in_json() -> None:
    odd = replace(SPOKEN, measurements=Measurements(loudness_lufs=float("-inf"), peak=float("nan")))
    (line,) = read_jsonl(write_jsonl(trials_table(EXPERIMENT, [odd])))
    assert (line["loudness_lufs"], line["peak"]) == (None, None)


def test_results_have_a_row_for_each_model_and_repeat_the_verdict_in_each_row() -> None:
    of = results()
    rows = read_jsonl(write_jsonl(results_table(of)))
    assert [(row["voice_id"], row["rank"]) for row in rows] == [("a", 1), ("b", 2), ("c", 3)]
    assert rows[0]["composite_score"] == of.rankings[0].composite_score
    assert {name: rows[0][f"component_{name}"] for name in ("ttfb", "silence", "prosody")} == {
        "ttfb": 0.9,
        "silence": 1.0,
        "prosody": None,
    }
    assert (rows[0]["weight_ttfb"], rows[0]["weight_ttfa"], rows[0]["profile"]) == (0.3, None, "latency")
    assert (rows[2]["avg_ttfb_ms"], rows[2]["component_ttfb"], rows[2]["reliability"]) == (None, None, 0.0)
    for row in rows:
        assert (row["experiment_id"], row["winner"], row["confidence"]) == (EXPERIMENT, "espeak:a", "low")
        assert row["reasons"] == " ".join(of.reasons)
        assert (row["inputs_digest"], row["method_version"]) == (of.inputs_digest, METHOD_VERSION)
        assert row["computed_at"] == "2026-03-01T12:30:15.123456Z"
        assert (row["votes_listeners"], row["votes_votes"], row["votes_both_bad"]) == (6, 24, 6)
        assert (row["votes_leader"], row["votes_evidence_level"]) == ("espeak:a", "low")


def test_pairs_have_a_row_for_each_pair_of_models() -> None:
    of = results()
    rows = read_jsonl(write_jsonl(pairs_table(of)))
    assert [(row["model_a"], row["model_b"], row["pairs"]) for row in rows] == [
        ("espeak:a", "espeak:b", 8),
        ("espeak:a", "espeak:c", 0),
        ("espeak:b", "espeak:c", 0),
    ]
    assert (rows[0]["p_value"], rows[0]["favours"], rows[0]["ties"]) == (2 / 2**8, "espeak:a", 8)
    assert (rows[0]["votes_a"], rows[0]["votes_ties"], rows[0]["votes_p_value"]) == (12, 6, 2 / 2**6)
    assert (rows[1]["effect"], rows[1]["favours"], rows[1]["votes_p_value"], rows[1]["votes_a"]) == (
        None,
        None,
        None,
        0,
    )


def test_without_listeners_the_vote_columns_are_empty() -> None:
    of = results(Judges.MEASUREMENTS)
    (row, *_) = read_jsonl(write_jsonl(results_table(of)))
    assert {value for name, value in row.items() if name.startswith("votes_")} == {None}
    (pair, *_) = read_jsonl(write_jsonl(pairs_table(of)))
    assert {value for name, value in pair.items() if name.startswith("votes_")} == {None}


def test_results_have_the_parts_of_their_profile() -> None:
    measured = {"ttfa_ms": 100.0, "naturalness_mos": 3.0, "word_error_rate": 0.0, "prosody_score": 0.5}
    measured["signal_quality_mos"] = 2.0
    trials = [replace(one, measurements=replace(one.measurements, **measured)) for one in latencies([1.0], [2.0])]
    verdict = decide([A, B], 1, trials, composite=QUALITY)
    of = results_convert.results(results_convert.results_to_store(EXPERIMENT, verdict, MOMENT))
    (row, _) = read_parquet(write_parquet(results_table(of))).to_pylist()
    assert (row["component_naturalness"], row["component_intelligibility"], row["weight_naturalness"]) == (
        0.5,
        1.0,
        0.2,
    )
    assert (row["component_ttfb"], row["profile"], row["computed_at"]) == (None, "quality", MOMENT)


@pytest.mark.parametrize("columns", [TRIALS, RESULTS, PAIRS, VOTES], ids=["trials", "results", "pairs", "votes"])
def test_no_two_columns_share_a_name(columns: Sequence[Column]) -> None:
    names = [column.name for column in columns]
    assert len(set(names)) == len(names)


# PostgreSQL can store every character except NUL and lone surrogates.
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
NUMBERS = st.none() | st.floats(allow_nan=False, allow_infinity=False)


@given(st.lists(st.tuples(TEXTS, NUMBERS, st.none() | st.integers(-(2**63), 2**63 - 1)), max_size=5))
def test_every_format_returns_the_written_values(rows: list[tuple[str, float | None, int | None]]) -> None:
    columns = [
        Column("text", ColumnType.TEXT, str),
        Column("real", ColumnType.FLOAT, float),
        Column("integer", ColumnType.INTEGER, int),
    ]
    table = DataTable(columns, rows, {})
    assert [tuple(row.values()) for row in read_jsonl(write_jsonl(table))] == rows
    assert [tuple(row.values()) for row in read_parquet(write_parquet(table)).to_pylist()] == rows
    back = [
        (row["text"], float(row["real"]) if row["real"] else None, int(row["integer"]) if row["integer"] else None)
        for row in read_csv(write_csv(table))
    ]
    expected = [(escape_formulas(text), *rest) for text, *rest in rows]
    assert back == expected


@given(st.lists(TEXTS, max_size=5))
def test_no_character_in_a_text_ends_a_json_line(texts: list[str]) -> None:
    columns = [Column("text", ColumnType.TEXT, str)]
    content = write_jsonl(DataTable(columns, [[f"{text}\u2028\u2029\x85"] for text in texts], {}))
    assert [row["text"] for row in read_jsonl(content)] == [f"{text}\u2028\u2029\x85" for text in texts]


def exporting(world: World) -> Exporting:
    return Exporting(world.database, world.store, world.reading, MemoryVoteStore(), ExportLimits())


async def exported(world: World, experiment_id: str, format_: str, table: str) -> ExportFile:
    async with exporting(world).export(experiment_id, format_, table) as export:
        return export


async def test_trials_can_be_exported_in_every_state_of_the_experiment(world: World) -> None:
    experiment_id, trials = await world.start(prompts=["One.", "Two."])
    export = await exported(world, experiment_id, "jsonl", "trials")
    assert (export.name, export.content_type) == (f"{experiment_id}-trials.jsonl", "application/x-ndjson")
    assert [row["id"] for row in read_jsonl(export.content)] == [trial.id for trial in trials]
    planned = await world.planning.create(world.plan())
    assert (await exported(world, planned.id, "jsonl", "trials")).content == b""


async def test_results_can_be_exported_after_the_experiment_has_completed(world: World) -> None:
    experiment_id, trials = await world.start()
    for table in ("results", "pairs", "votes"):
        with pytest.raises(WrongState, match="The experiment is running"):
            await exported(world, experiment_id, "csv", table)
    await world.finish(*trials)
    stored = results_convert.results(await world.reading.results(experiment_id))
    export = await exported(world, experiment_id, "parquet", "results")
    assert export.name == f"{experiment_id}-results.parquet"
    rows = read_parquet(export.content).to_pylist()
    assert [row["composite_score"] for row in rows] == [ranking.composite_score for ranking in stored.rankings]
    content = (await exported(world, experiment_id, "csv", "pairs")).content
    assert content[:3] == b"\xef\xbb\xbf"
    (pair,) = read_csv(content[3:])
    assert (pair["model_a"], pair["p_value"]) == ("espeak:en", "1.0")


@pytest.mark.parametrize(("format_", "begins"), [("csv", b"id,"), ("jsonl", b"{"), ("parquet", b"PAR1")])
async def test_only_csv_has_a_byte_order_mark_and_only_if_requested(world: World, format_: str, begins: bytes) -> None:
    experiment_id, _ = await world.start()
    with_mark = (await exported(world, experiment_id, format_, "trials")).content
    async with exporting(world).export(experiment_id, format_, "trials", byte_order_mark=False) as export:
        plain = export.content
    assert plain.startswith(begins)
    assert with_mark == (b"\xef\xbb\xbf" if format_ == "csv" else b"") + plain


async def test_every_invalid_field_of_a_request_is_named(world: World) -> None:
    with pytest.raises(InvalidInput) as refused:
        await exported(world, "exp_x", "", "songs")
    assert [(each.field, each.description) for each in refused.value.violations] == [
        ("format", "must be one of csv, parquet, jsonl"),
        ("table", "must be one of trials, results, pairs, votes"),
    ]


async def test_the_experiment_of_another_developer_is_not_found(world: World) -> None:
    experiment_id, _ = await world.start()
    call_as("dev_b")
    for table in ("trials", "results"):
        with pytest.raises(NotFound):
            await exported(world, experiment_id, "csv", table)


async def test_exported_trials_of_a_human_experiment_are_equal_to_those_of_the_api(world: World) -> None:
    experiment_id, trials = await world.start(
        eval_mode=EvalMode.HUMAN, models=[ModelSpec("espeak", "en"), ModelSpec("flite", "slt")]
    )
    await world.finish(*trials)
    lines = read_jsonl((await exported(world, experiment_id, "jsonl", "trials")).content)
    expected = [as_in_the_api(trial) for trial in await world.trials(experiment_id)]
    assert [{k: v for k, v in line.items() if v is not None} for line in lines] == expected


async def test_a_developer_has_at_most_four_exports_in_progress(world: World) -> None:
    experiment_id, _ = await world.start()
    exports = exporting(world)
    async with AsyncExitStack() as reading:
        for _ in range(4):
            await reading.enter_async_context(exports.export(experiment_id, "csv", "trials"))
        with pytest.raises(QuotaExceeded, match="You already have 4 exports in progress") as refused:
            await reading.enter_async_context(exports.export(experiment_id, "csv", "trials"))
        assert refused.value.metadata == {"limit": "4"}
        call_as("dev_b")
        with pytest.raises(NotFound):
            await reading.enter_async_context(exports.export(experiment_id, "csv", "trials"))
    call_as("dev_a")
    async with exports.export(experiment_id, "csv", "trials") as export:
        assert export.content_type == "text/csv; charset=utf-8"
