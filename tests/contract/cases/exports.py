"""Recomputed results, exports of trials, results, pairs and votes, the report, and the card of the verdict."""

import re

from tests.contract.cases.auth import MOMENT
from tests.contract.cases.case import Case, Fails, Given, Ok
from tests.contract.cases.experiments import RESULTS

EXPORT = "ExperimentService.ExportExperiment"
CARD = "ExperimentService.GetVerdictCard"
REPORT = "ExperimentService.GetReport"
TYPES = {
    "csv": "text/csv; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
    "jsonl": "application/x-ndjson",
}
REPORT_TYPE = "text/html; charset=utf-8"
TABLES = ("trials", "results", "pairs", "votes")
COMPLETED, OTHERS = Given("completed_experiment"), Given("experiment_of_somebody_else")
MISSING_KEY = Fails("CREDENTIALS_MISSING")
DIGEST = re.compile("sha256:[0-9a-f]{64}")

CASES = [
    Case("results name the digest of their inputs", RESULTS, {"id": COMPLETED}, Ok({"inputs_digest": DIGEST})),
    Case(
        "results are recomputed",
        RESULTS,
        {"id": COMPLETED, "recompute": True},
        Ok({"experiment_id": COMPLETED, "inputs_digest": DIGEST, "computed_at": MOMENT}),
    ),
    Case(
        "results of an experiment that has not ended can't be recomputed",
        RESULTS,
        {"id": Given("created_experiment"), "recompute": True},
        Fails("WRONG_STATE", metadata={"status": "created"}, says="completed"),
    ),
    Case(
        "another developer's results can't be recomputed",
        RESULTS,
        {"id": OTHERS, "recompute": True},
        Fails("NOT_FOUND"),
    ),
    *(
        Case(
            f"{table} are exported as {format_}",
            EXPORT,
            {"id": COMPLETED, "format": format_, "table": table},
            Ok({"content_type": kind}),
        )
        for format_, kind in TYPES.items()
        for table in TABLES
    ),
    Case(
        "trials are the default table of an export",
        EXPORT,
        {"id": COMPLETED, "format": "csv"},
        Ok({"content_type": TYPES["csv"]}),
    ),
    Case(
        "a CSV is exported without a byte order mark",
        EXPORT,
        {"id": COMPLETED, "format": "csv", "bom": False},
        Ok({"content_type": TYPES["csv"]}),
    ),
    Case(
        "trials are exported before the experiment has ended",
        EXPORT,
        {"id": Given("created_experiment"), "format": "jsonl"},
        Ok({"content_type": TYPES["jsonl"]}),
    ),
    *(
        Case(
            f"{table} can't be exported before the experiment has ended",
            EXPORT,
            {"id": Given("created_experiment"), "format": "csv", "table": table},
            Fails("WRONG_STATE", metadata={"status": "created"}, says="completed"),
        )
        for table in TABLES[1:]
    ),
    Case(
        "an export without a format is refused",
        EXPORT,
        {"id": COMPLETED},
        Fails("INVALID_INPUT", fields=("format",), says="csv, parquet, jsonl"),
    ),
    Case(
        "an export in an unknown format is refused",
        EXPORT,
        {"id": COMPLETED, "format": 99},
        Fails("INVALID_INPUT", fields=("format",), says="csv, parquet, jsonl", json_reason="MALFORMED_REQUEST"),
    ),
    Case(
        "an export of an unknown table is refused",
        EXPORT,
        {"id": COMPLETED, "format": "csv", "table": 99},
        Fails("INVALID_INPUT", fields=("table",), says="trials, results, pairs", json_reason="MALFORMED_REQUEST"),
    ),
    *(
        Case(
            f"an export of {table} of {what} is not found",
            EXPORT,
            {"id": id_, "format": "csv", "table": table},
            Fails("NOT_FOUND"),
        )
        for table in TABLES
        for what, id_ in {
            "another developer's experiment": OTHERS,
            "an unknown experiment": "exp_" + "0" * 32,
        }.items()
    ),
    Case("a completed experiment has a report", REPORT, {"id": COMPLETED}, Ok({"content_type": REPORT_TYPE})),
    Case(
        "a report has no audio on request",
        REPORT,
        {"id": COMPLETED, "audio": False, "max_audio_mb": 1},
        Ok({"content_type": REPORT_TYPE}),
    ),
    *(
        Case(
            f"a report with {megabytes} MB of audio is refused",
            REPORT,
            {"id": COMPLETED, "max_audio_mb": megabytes},
            Fails("INVALID_INPUT", fields=("max_audio_mb",), says="1 to 4096"),
        )
        for megabytes in (0, -1, 4097)
    ),
    Case("a verdict has a card", CARD, {"id": COMPLETED}, Ok({"content_type": "image/png"})),
    *(
        case
        for what, rpc in {"report": REPORT, "card": CARD}.items()
        for case in (
            Case(
                f"an experiment that has not ended has no {what}",
                rpc,
                {"id": Given("created_experiment")},
                Fails("WRONG_STATE", metadata={"status": "created"}, says="completed"),
            ),
            Case(f"the {what} of a verdict needs a key", rpc, {"id": COMPLETED}, MISSING_KEY, caller="nobody"),
            Case(f"the {what} of another developer's verdict is not found", rpc, {"id": OTHERS}, Fails("NOT_FOUND")),
            Case(f"the {what} of a malformed id is refused", rpc, {"id": what}, Fails("INVALID_INPUT", ("id",))),
        )
    ),
    Case(
        "an export with a malformed id is refused",
        EXPORT,
        {"id": "not-an-id", "format": "csv"},
        Fails("INVALID_INPUT", fields=("id",), says="exp_ and 32 hexadecimal digits"),
    ),
]
