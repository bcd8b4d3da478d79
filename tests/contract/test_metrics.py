"""Operational metrics: docs/operating.md lists what processes export, under names as Prometheus wants them."""

import re
from collections.abc import Mapping
from pathlib import Path

import httpx
import pytest
import yaml
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from deploy.local.mesh import Mesh
from services import metric_table
from services.metric_table import BEGIN, END, OPERATIONAL_DOCUMENT, PREFIX, SERVICES
from tests.contract.clients import Client, bearer
from tests.contract.rpcs import rpcs
from tests.contract.world import World

# An id of any kind, or a key.
ID = re.compile(r"[a-z]{3}_[0-9a-f]{32}|kc_")
METRIC = re.compile(r"\bvoicearena_[a-z_]+")
YAML = re.compile(r"```yaml\n(.*?)```", re.DOTALL)
# Needed to watch a mesh: calls, events and their lag, the outbox, providers, trials, webhooks, health.
REQUIRED_METRICS = {
    "voicearena_serving",
    "voicearena_rpc_seconds",
    "voicearena_event_seconds",
    "voicearena_events_waiting",
    "voicearena_dead_letters_total",
    "voicearena_outbox_age_seconds",
    "voicearena_tts_ttfb_seconds",
    "voicearena_tts_provider_errors_total",
    "voicearena_trials_total",
    "voicearena_trials_unfinished",
    "voicearena_webhook_attempts_total",
    "voicearena_webhook_oldest_pending_seconds",
}


def documented() -> Mapping[tuple[str, str, frozenset[str]], set[str]]:
    """Returns the services that export each metric, as the document says."""
    table = OPERATIONAL_DOCUMENT.read_text().split(BEGIN)[1].split(END)[0]
    found = {}
    for row in table.strip().splitlines()[2:]:
        name, kind, labels, of, _ = (cell.strip() for cell in row.strip("|").split("|"))
        services = set(SERVICES) - {of.removeprefix("all but ")} if of.startswith("all") else set(of.split(", "))
        found[name.strip("`"), kind, frozenset(labels.split(", ")) - {"-"}] = services
    return found


def test_the_document_has_the_metrics_that_services_declare() -> None:
    assert metric_table.table() == OPERATIONAL_DOCUMENT.read_text().split(BEGIN)[1].split(END)[0].strip()


def test_the_required_metrics_are_documented() -> None:
    assert {name for name, _, _ in documented()} >= REQUIRED_METRICS


def rules(document: Path) -> list[dict[str, str]]:
    """Returns the rules for Prometheus in a document."""
    blocks = [yaml.safe_load(block) for block in YAML.findall(document.read_text())]
    return [rule for block in blocks for group in block.get("groups", ()) for rule in group["rules"]]


@pytest.mark.parametrize("document", sorted(OPERATIONAL_DOCUMENT.parent.glob("*.md")), ids=lambda path: path.name)
def test_metrics_that_a_document_names_exist(document: Path) -> None:
    named = set(METRIC.findall(document.read_text()))
    assert named <= {name for name, _, _ in documented()} | {PREFIX}


def test_rules_for_alerts_name_metrics_that_exist() -> None:
    found = {
        rule["alert"]: rule
        for name in ("arena.md", "operating.md")
        for rule in rules(OPERATIONAL_DOCUMENT.with_name(name))
    }
    assert found.keys() >= {"VotesExcluded", "OneSideWins", "NotServing"}
    for rule in found.values():
        (metric,) = METRIC.findall(rule["expr"])
        ((kind, labels),) = [(kind, labels) for name, kind, labels in documented() if name == metric]
        # A counter says nothing without its increase.
        assert ("increase(" in rule["expr"]) is (kind == "counter")
        grouped = re.findall(r" by \(([^)]*)\)", rule["expr"])
        assert {label for group in grouped for label in group.split(", ")} <= labels | {"instance", "job"}


@pytest.mark.parametrize(("name", "kind"), sorted((name, kind) for name, kind, _ in documented()))
def test_names_follow_the_conventions(name: str, kind: str) -> None:
    assert re.fullmatch(r"voicearena(_[a-z]+)+", name)
    assert name.endswith("_total") is (kind == "counter")
    if kind == "histogram":
        assert name.endswith("_seconds")
    assert not re.search(r"_(ms|millis|milliseconds|minutes|kb|mb|percent)(_|$)", name)


async def exported(mesh: Mesh, service: str) -> list[Metric]:
    async with httpx.AsyncClient(trust_env=False) as client:
        page = await client.get(f"http://127.0.0.1:{mesh.ports[f'{service}_metrics_port']}/metrics")
    return [family for family in text_string_to_metric_families(page.text) if family.name.startswith(PREFIX)]


@pytest.mark.parametrize("service", SERVICES)
async def test_a_process_exports_what_the_document_says(
    service: str, mesh: Mesh, clients: dict[str, Client], world: World
) -> None:
    # These calls make samples of the metrics with labels.
    await world.value("completed_experiment")
    await clients["grpc"].call(rpcs()["MeshService.GetStatus"], {}, bearer(world.developer.api_key))
    found = {}
    for family in await exported(mesh, service):
        name = f"{family.name}_total" if family.type == "counter" else family.name
        labels = {label for sample in family.samples for label in sample.labels} - {"le"}
        found[name, family.type] = labels
    said = {(name, kind): labels for (name, kind, labels), of in documented().items() if service in of}
    assert found.keys() == said.keys()
    for metric, labels in found.items():
        assert labels in (set(), said[metric])


@pytest.mark.parametrize("service", SERVICES)
async def test_no_label_value_contains_an_id(service: str, mesh: Mesh, world: World) -> None:
    await world.value("completed_experiment")
    values = {
        value
        for family in await exported(mesh, service)
        for sample in family.samples
        for value in sample.labels.values()
    }
    assert [value for value in values if ID.search(value)] == []
    assert len(values) < 300
