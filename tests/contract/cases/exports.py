"""Results reached again, and exports of trials, results and pairs."""

import re

from tests.contract.cases.auth import MOMENT
from tests.contract.cases.case import Case, Fails, Given, Ok
from tests.contract.cases.experiments import RESULTS

EXPORT = "ExperimentService.ExportExperiment"
TYPES = {
    "csv": "text/csv; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
    "jsonl": "application/x-ndjson",
}
TABLES = ("trials", "results", "pairs", "votes")
COMPLETED = Given("completed_experiment")
DIGEST = re.compile("sha256:[0-9a-f]{64}")

CASES = [
    Case("results say what they were computed from", RESULTS, {"id": COMPLETED}, Ok({"inputs_digest": DIGEST})),
    Case(
        "results reached again",
        RESULTS,
        {"id": COMPLETED, "recompute": True},
        Ok({"experiment_id": COMPLETED, "inputs_digest": DIGEST, "computed_at": MOMENT}),
    ),
    Case(
        "results are not reached before the end",
        RESULTS,
        {"id": Given("created_experiment"), "recompute": True},
        Fails("WRONG_STATE", metadata={"status": "created"}, says="completed"),
    ),
    Case(
        "another developer's results reached again",
        RESULTS,
        {"id": Given("others_experiment"), "recompute": True},
        Fails("NOT_FOUND"),
    ),
    *(
        Case(
            f"{table} as {format_}",
            EXPORT,
            {"id": COMPLETED, "format": format_, "table": table},
            Ok({"content_type": kind}),
        )
        for format_, kind in TYPES.items()
        for table in TABLES
    ),
    Case("trials are what is exported", EXPORT, {"id": COMPLETED, "format": "csv"}, Ok({"content_type": TYPES["csv"]})),
    Case(
        "a CSV without a byte order mark",
        EXPORT,
        {"id": COMPLETED, "format": "csv", "bom": False},
        Ok({"content_type": TYPES["csv"]}),
    ),
    Case(
        "trials before the end",
        EXPORT,
        {"id": Given("created_experiment"), "format": "jsonl"},
        Ok({"content_type": TYPES["jsonl"]}),
    ),
    *(
        Case(
            f"{table} before the end",
            EXPORT,
            {"id": Given("created_experiment"), "format": "csv", "table": table},
            Fails("WRONG_STATE", metadata={"status": "created"}, says="completed"),
        )
        for table in TABLES[1:]
    ),
    Case(
        "an export without a format",
        EXPORT,
        {"id": COMPLETED},
        Fails("INVALID_INPUT", fields=("format",), says="csv, parquet, jsonl"),
    ),
    Case(
        "an export in an unknown format",
        EXPORT,
        {"id": COMPLETED, "format": 99},
        Fails("INVALID_INPUT", fields=("format",), says="csv, parquet, jsonl", json_reason="MALFORMED_REQUEST"),
    ),
    Case(
        "an export of an unknown table",
        EXPORT,
        {"id": COMPLETED, "format": "csv", "table": 99},
        Fails("INVALID_INPUT", fields=("table",), says="trials, results, pairs", json_reason="MALFORMED_REQUEST"),
    ),
    *(
        Case(
            f"{table} of {what}",
            EXPORT,
            {"id": id_, "format": "csv", "table": table},
            Fails("NOT_FOUND"),
        )
        for table in TABLES
        for what, id_ in {
            "another developer's experiment": Given("others_experiment"),
            "no experiment": "exp_" + "0" * 32,
        }.items()
    ),
    Case(
        "an export with an id that is none",
        EXPORT,
        {"id": "not-an-id", "format": "csv"},
        Fails("INVALID_INPUT", fields=("id",), says="exp_ and 32 hexadecimal digits"),
    ),
]
