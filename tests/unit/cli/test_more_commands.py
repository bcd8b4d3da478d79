"""The commands that change and export experiments, and those for API keys, webhooks and listening links."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from voicearena.auth.v1.auth_service_pb2 import CreateApiKeyRequest, RotateApiKeyRequest
from voicearena.experiments.v1.experiment_pb2 import Experiment, ModelSpec
from voicearena.experiments.v1.experiment_service_pb2 import (
    CancelExperimentRequest,
    CloneExperimentRequest,
    CreateExperimentRequest,
    DeleteExperimentRequest,
    ExportExperimentRequest,
    GetReportRequest,
    GetResultsRequest,
    RetryExperimentRequest,
)
from voicearena.experiments.v1.listening_service_pb2 import CreateListeningLinkRequest, RevokeListeningLinkRequest
from voicearena.experiments.v1.results_pb2 import CompositeWeight
from voicearena.experiments.v1.webhook_pb2 import WebhookDelivery
from voicearena.experiments.v1.webhook_service_pb2 import (
    CreateWebhookEndpointRequest,
    RedeliverWebhookRequest,
    RotateWebhookSecretRequest,
)

from gateway.cli import connection
from tests.unit.cli.stand_in import EXPERIMENT_ID, StandIn, run_arena

CREATE = ("experiment", "create", "--name", "N", "--model", "x:a", "--model", "y:b", "--prompt", "Hi.")


async def test_every_field_of_an_experiment_has_an_option(mesh: StandIn, key: str) -> None:
    outcome = await run_arena(
        *(*CREATE, "--eval-mode", "hybrid", "--repeats", "3", "--weight", "ttfb=0.4", "--weight", "silence=0.6"),
        *("--primary-metric", "ttfb_ms", "--seed", "0", "--votes-per-pair", "5", "--listening-days", "2"),
        *("--keep-audio-days", "10"),
    )
    assert outcome.exit_code == 0
    assert mesh.requests == [
        CreateExperimentRequest(
            name="N",
            scenario="general",
            eval_mode=Experiment.hybrid,
            models=[ModelSpec(provider="x", voice_id="a"), ModelSpec(provider="y", voice_id="b")],
            prompts=["Hi."],
            repeats=3,
            weights=[CompositeWeight(metric="ttfb", weight=0.4), CompositeWeight(metric="silence", weight=0.6)],
            primary_metric="ttfb_ms",
            seed=0,
            votes_per_pair=5,
            listening_days=2,
            audio_retention_days=10,
        )
    ]


@pytest.mark.parametrize("weight", ["ttfb", "ttfb=", "ttfb=much", "0.5"])
async def test_a_malformed_weight_is_bad_input(mesh: StandIn, key: str, weight: str) -> None:
    outcome = await run_arena(*CREATE, "--weight", weight)
    assert (outcome.exit_code, mesh.requests) == (2, [])


async def test_a_new_webhook_secret_is_shown(mesh: StandIn, key: str) -> None:
    mesh.experiment.webhook_url, mesh.experiment.webhook_secret = "https://example.com/hook", "whsec_once"
    outcome = await run_arena(*CREATE, "--webhook-url", "https://example.com/hook")
    assert outcome.err.splitlines()[:2] == [
        "Webhooks to https://example.com/hook are signed with this secret. It is shown only once:",
        "whsec_once",
    ]


@pytest.mark.parametrize(
    ("arguments", "request_made"),
    [
        (("experiment", "cancel", EXPERIMENT_ID), CancelExperimentRequest(id=EXPERIMENT_ID)),
        (("experiment", "retry", EXPERIMENT_ID), RetryExperimentRequest(id=EXPERIMENT_ID)),
        (
            ("experiment", "clone", EXPERIMENT_ID, "--prompt", "Ho.", "--webhook-url", "", "--repeats", "2"),
            CloneExperimentRequest(id=EXPERIMENT_ID, prompts=["Ho."], webhook_url="", repeats=2),
        ),
        (("experiment", "delete", EXPERIMENT_ID, "--yes"), DeleteExperimentRequest(id=EXPERIMENT_ID)),
        (("experiment", "results", EXPERIMENT_ID, "--recompute"), GetResultsRequest(id=EXPERIMENT_ID, recompute=True)),
        (
            ("listen", "link", EXPERIMENT_ID, "--days", "0.5"),
            CreateListeningLinkRequest(experiment_id=EXPERIMENT_ID, expires_in_seconds=43200),
        ),
        (
            ("listen", "link", EXPERIMENT_ID, "--days", "0.5", "--max-listeners-per-address", "0"),
            CreateListeningLinkRequest(
                experiment_id=EXPERIMENT_ID, expires_in_seconds=43200, max_listeners_per_address=0
            ),
        ),
        (
            ("listen", "revoke", EXPERIMENT_ID, "lnk_1"),
            RevokeListeningLinkRequest(experiment_id=EXPERIMENT_ID, link_id="lnk_1"),
        ),
        (
            ("webhooks", "create", "https://example.com/hook"),
            CreateWebhookEndpointRequest(url="https://example.com/hook"),
        ),
        (("webhooks", "rotate", "whe_1"), RotateWebhookSecretRequest(id="whe_1", overlap_seconds=86400)),
        (("keys", "create", "--name", "ci", "--scope", "speech"), CreateApiKeyRequest(name="ci", scopes=["speech"])),
        (("keys", "rotate", "key_1", "--overlap-hours", "0"), RotateApiKeyRequest(id="key_1", overlap_seconds=0)),
    ],
)
async def test_each_command_sends_its_request(
    mesh: StandIn, key: str, arguments: tuple[str, ...], request_made: object
) -> None:
    outcome = await run_arena(*arguments)
    assert (outcome.exit_code, mesh.requests) == (0, [request_made])
    assert (await run_arena("--json", *arguments)).exit_code == 0


async def test_an_unknown_scope_is_refused_before_the_call(mesh: StandIn, key: str) -> None:
    outcome = await run_arena("keys", "create", "--name", "ci", "--scope", "everything")
    assert (outcome.exit_code, mesh.requests) == (2, [])
    assert "experiments:read" in outcome.err


async def test_delete_asks_first(mesh: StandIn, key: str) -> None:
    outcome = await run_arena("experiment", "delete", EXPERIMENT_ID, stdin="n\n")
    assert (outcome.exit_code, mesh.requests) == (2, [])
    assert (await run_arena("experiment", "delete", EXPERIMENT_ID, stdin="y\n")).exit_code == 0
    assert mesh.requests == [DeleteExperimentRequest(id=EXPERIMENT_ID)]


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (("webhooks", "create", "https://example.com/hook"), "whsec_once\n"),
        (("webhooks", "rotate", "whe_1"), "whsec_once\n"),
        (("keys", "create", "--name", "ci"), "kc_once\n"),
        (("keys", "rotate", "key_1"), "kc_once\n"),
        (("listen", "link", EXPERIMENT_ID), "https://arena.example/#/listen/t0ken\n"),
    ],
)
async def test_only_the_secret_goes_to_stdout(mesh: StandIn, key: str, arguments: tuple[str, ...], shown: str) -> None:
    assert (await run_arena(*arguments)).out == shown


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("keys", "list"), ("key_1", "ci", "kc_abcdefgh", "experiments:read", "valid")),
        (("webhooks", "list"), ("whe_1", "https://example.com/hook", "enabled")),
        (("listen", "links", EXPERIMENT_ID), ("lnk_1", "until 2999-01-01", "supervised", "3", "12", "5")),
    ],
)
async def test_lists_are_printed_as_tables(
    mesh: StandIn, key: str, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], words: tuple[str, ...]
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    line = (await run_arena(*arguments)).out.splitlines()[2]
    assert [word for word in words if word not in line] == []


async def test_each_attempt_of_a_delivery_is_printed(mesh: StandIn, key: str) -> None:
    delivery = WebhookDelivery(id="msg_1", type="experiment.completed", status=WebhookDelivery.failed)
    delivery.attempts.add(response_status=500, error="answered 500", duration_ms=12.4)
    delivery.attempts.add(error="did not answer within 15 s", duration_ms=15000.0, by_hand=True)
    mesh.deliveries = [delivery]
    lines = (await run_arena("experiment", "deliveries", EXPERIMENT_ID)).out.splitlines()
    assert lines[0] == "msg_1  experiment.completed  failed"
    assert lines[1].endswith("HTTP 500 after 12 ms: answered 500")
    assert lines[2].endswith("no response after 15000 ms, by hand: did not answer within 15 s")
    again = await run_arena("experiment", "redeliver", EXPERIMENT_ID, "msg_1")
    assert again.out.splitlines() == lines
    assert mesh.requests == [RedeliverWebhookRequest(experiment_id=EXPERIMENT_ID, delivery_id="msg_1")]


async def test_an_export_is_written_unchanged(
    mesh: StandIn, key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = await run_arena("experiment", "export", EXPERIMENT_ID, "--table", "pairs")
    assert (outcome.exit_code, outcome.err) == (0, f"Wrote {EXPERIMENT_ID}-pairs.csv (28 bytes).\n")
    assert (tmp_path / f"{EXPERIMENT_ID}-pairs.csv").read_bytes() == b"id,status\r\ntrl_1,completed\r\n"
    assert mesh.requests == [
        ExportExperimentRequest(
            id=EXPERIMENT_ID, format=ExportExperimentRequest.csv, table=ExportExperimentRequest.pairs
        )
    ]
    piped = await run_arena("experiment", "export", EXPERIMENT_ID, "--format", "jsonl", "--out", "-")
    assert piped.bytes == b"id,status\r\ntrl_1,completed\r\n"


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def is_device(name: str) -> bool:
    return Path(name).is_char_device()


async def test_a_report_is_written_as_it_arrives(mesh: StandIn, key: str, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    outcome = await run_arena("experiment", "report", EXPERIMENT_ID, "--out", str(file), "--json")
    assert json.loads(outcome.out) == {"file": str(file), "bytes": 13}
    assert file.read_bytes() == b"<html></html>"
    smaller = ("--no-audio", "--max-megabytes", "7")
    assert (await run_arena("experiment", "report", EXPERIMENT_ID, "--out", str(file), *smaller)).exit_code == 0
    assert (await run_arena("experiment", "report", EXPERIMENT_ID, "--out", "-")).bytes == b"<html></html>"
    assert mesh.requests == [
        GetReportRequest(id=EXPERIMENT_ID, audio=True, max_audio_mb=256),
        GetReportRequest(id=EXPERIMENT_ID, audio=False, max_audio_mb=7),
        GetReportRequest(id=EXPERIMENT_ID, audio=True, max_audio_mb=256),
    ]


async def test_a_report_that_breaks_off_leaves_the_earlier_file(mesh: StandIn, key: str, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    file.write_bytes(b"earlier")
    mesh.report_breaks = True
    outcome = await run_arena("experiment", "report", EXPERIMENT_ID, "--out", str(file))
    assert (outcome.exit_code, outcome.err.splitlines()[0]) == (6, "arena: The audio store can't be read.")
    assert names_in(tmp_path) == ["report.html"]
    assert file.read_bytes() == b"earlier"


async def test_a_report_is_written_through_a_link(mesh: StandIn, key: str, tmp_path: Path) -> None:
    file, link = tmp_path / "report.html", tmp_path / "latest.html"
    link.symlink_to(file)
    assert (await run_arena("experiment", "report", EXPERIMENT_ID, "--out", str(link))).exit_code == 0
    assert (file.read_bytes(), link.readlink()) == (b"<html></html>", file)


async def test_a_report_can_be_written_to_a_device(mesh: StandIn, key: str) -> None:
    outcome = await run_arena("experiment", "report", EXPERIMENT_ID, "--out", os.devnull)
    assert (outcome.exit_code, outcome.err) == (0, f"Wrote {os.devnull} (13 bytes). Open it in any browser.\n")
    assert is_device(os.devnull)


async def test_a_command_waits_for_the_rate_limit(mesh: StandIn, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "RATE_LIMIT_DELAY_SECONDS", 0.0)
    mesh.calls_refused = 3
    assert (await run_arena("experiment", "results", EXPERIMENT_ID)).exit_code == 0
    mesh.calls_refused = connection.MAX_RATE_LIMITED_ATTEMPTS
    outcome = await run_arena("experiment", "results", EXPERIMENT_ID)
    assert (outcome.exit_code, outcome.err.splitlines()[1]) == (6, "Too many calls at once. Try again in a moment.")


async def test_a_report_with_too_much_audio_is_not_written(mesh: StandIn, key: str, tmp_path: Path) -> None:
    mesh.report = []
    file = tmp_path / "report.html"
    outcome = await run_arena("experiment", "report", EXPERIMENT_ID, "--out", str(file), "--max-megabytes", "1")
    assert (outcome.exit_code, file.exists()) == (2, False)
    assert outcome.err.splitlines() == [
        "arena: max_audio_mb: must be at least 2 for the audio of this experiment",
        "Allow more with --max-megabytes, or leave out the audio with --no-audio.",
    ]


async def test_a_file_that_cannot_be_written_is_an_error(mesh: StandIn, key: str, tmp_path: Path) -> None:
    outcome = await run_arena("experiment", "export", EXPERIMENT_ID, "--out", str(tmp_path))
    assert (outcome.exit_code, outcome.err) == (2, f"arena: Can't write {tmp_path}: Is a directory.\n")
