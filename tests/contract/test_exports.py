"""Exports over each protocol have exactly the trials and results of the API."""

import base64
import csv
import io
import json
import re
from typing import Any

import httpx
import pyarrow.parquet as pq
import pytest

from tests.contract.cases.experiments import RESULTS, TRIALS
from tests.contract.cases.exports import EXPORT, REPORT
from tests.contract.clients import PROTOCOLS, Client, bearer
from tests.contract.rpcs import rpcs
from tests.contract.world import World

BYTE_ORDER_MARK = b"\xef\xbb\xbf"


async def export(client: Client, world: World, table: str, format_: str, **more: object) -> bytes:
    request = {"id": await world.value("completed_experiment"), "format": format_, "table": table, **more}
    outcome = await client.call(rpcs()[EXPORT], request, bearer(world.developer.api_key))
    assert outcome.code == "OK", outcome.message
    return outcome.raw


async def api_trials(world: World) -> list[dict[str, Any]]:
    response = await world.call(TRIALS, {"id": await world.value("completed_experiment"), "page_size": 100})
    trials = [{**trial.pop("parameters", {}), **trial} for trial in response["trials"] if trial.pop("audio_url")]
    # Models did not listen to these trials.
    assert all(trial.pop("listening_backends") == {} for trial in trials)
    return trials


def present(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if value not in (None, "")}


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_exported_trials_equal_those_of_the_api(protocol: str, clients: dict[str, Client], world: World) -> None:
    expected = [present(trial) for trial in await api_trials(world)]
    assert len(expected) == 2
    lines = (await export(clients[protocol], world, "trials", "jsonl")).decode().splitlines()
    assert [present(json.loads(line)) for line in lines] == expected

    parquet = await export(clients[protocol], world, "trials", "parquet")
    read = pq.read_table(io.BytesIO(parquet))
    rows = [present(row) for row in read.to_pylist()]
    for row, trial in zip(rows, expected, strict=True):
        moments = {name for name in row if name.endswith("_at")}
        assert {n: v for n, v in row.items() if n not in moments} == {
            n: v for n, v in trial.items() if n not in moments
        }
    assert read.schema.metadata[b"experiment_id"].decode() == await world.value("completed_experiment")

    raw = await export(clients[protocol], world, "trials", "csv")
    assert raw[:3] == BYTE_ORDER_MARK
    assert await export(clients[protocol], world, "trials", "csv", bom=False) == raw[3:]
    text = raw[3:].decode()
    for cells, row in zip(csv.DictReader(io.StringIO(text, newline="")), rows, strict=True):
        assert (cells["id"], float(cells["ttfb_ms"])) == (row["id"], row["ttfb_ms"])


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_exported_results_equal_those_of_the_api(protocol: str, clients: dict[str, Client], world: World) -> None:
    results = await world.call(RESULTS, {"id": await world.value("completed_experiment")})
    read = pq.read_table(io.BytesIO(await export(clients[protocol], world, "results", "parquet")))
    assert read.schema.metadata[b"method_version"].decode() == results["method_version"]
    for row, ranking in zip(read.to_pylist(), results["rankings"], strict=True):
        assert {name: row[name] for name in ranking if name != "components"} == {
            name: value for name, value in ranking.items() if name != "components"
        }
        assert {part["metric"]: row[f"component_{part['metric']}"] for part in ranking["components"]} == {
            part["metric"]: part["score"] for part in ranking["components"]
        }
        assert (row["inputs_digest"], row["reasons"]) == (results["inputs_digest"], " ".join(results["reasons"]))
    lines = (await export(clients[protocol], world, "pairs", "jsonl")).decode().splitlines()
    for line, pair in zip(map(json.loads, lines), results["head_to_head"], strict=True):
        assert {name: line[name] for name in pair} == pair


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_recomputed_results_equal_the_stored_ones(
    protocol: str, clients: dict[str, Client], world: World
) -> None:
    request = {"id": await world.value("completed_experiment")}
    headers = bearer(world.developer.api_key)
    stored = (await clients[protocol].call(rpcs()[RESULTS], request, headers)).answer
    again = (await clients[protocol].call(rpcs()[RESULTS], {**request, "recompute": True}, headers)).answer
    assert stored.pop("computed_at") < again.pop("computed_at")
    assert stored == again


async def test_an_export_names_its_file(http: httpx.AsyncClient, world: World) -> None:
    experiment = await world.value("completed_experiment")
    path = f"/api/v1/experiments/{experiment}/export"
    headers = bearer(world.developer.api_key)
    response = await http.get(path, params={"format": "csv"}, headers=headers)
    assert response.content[:3] == BYTE_ORDER_MARK
    assert (await http.get(f"{path}?format=csv&bom=false", headers=headers)).content == response.content[3:]
    assert response.headers["content-disposition"] == f'attachment; filename="{experiment}-trials.csv"'
    assert response.headers["content-type"] == "text/csv; charset=utf-8"


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_a_report_has_the_audio_of_the_api(
    protocol: str, clients: dict[str, Client], http: httpx.AsyncClient, world: World
) -> None:
    experiment = await world.value("completed_experiment")
    headers = bearer(world.developer.api_key)
    outcome = await clients[protocol].call(rpcs()[REPORT], {"id": experiment}, headers)
    assert outcome.code == "OK", outcome.message
    page = outcome.raw.decode()
    trials = (await world.call(TRIALS, {"id": experiment}))["trials"]
    wavs = [(await http.get(trial["audio_url"])).raise_for_status().content for trial in trials]
    assert re.findall(r'src="([^"]*)"', page) == [
        f"data:audio/wav;base64,{base64.b64encode(wav).decode()}" for wav in wavs
    ]
    assert page.endswith("</html>")


async def test_a_report_names_its_file(http: httpx.AsyncClient, world: World) -> None:
    experiment = await world.value("completed_experiment")
    response = await http.get(
        f"/api/v1/experiments/{experiment}/report?audio=false", headers=bearer(world.developer.api_key)
    )
    assert response.headers["content-disposition"] == f'attachment; filename="{experiment}.html"'
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert "<audio" not in response.text
