"""The thresholds, weights and messages that docs/ shows are those of the code."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from voicearena.elo.v1.events_pb2 import BattleDecided
from voicearena.scoring.v1.events_pb2 import RecordingEvaluated

from services.auth.domain import MAX_KEYS
from services.experiments.listening.domain import MAX_LINKS, MAX_LISTENERS
from services.experiments.verdict.levels import EVIDENCE_THRESHOLDS, GAP_THRESHOLDS
from services.experiments.verdict.profiles import PARTS, PROFILES
from services.experiments.webhooks.domain import MAX_ENDPOINTS, SCHEDULE
from services.experiments.webhooks.messages import MESSAGE_TYPES
from services.runtime.bus import EventMetadata
from services.runtime.exports import MAX_EXPORTS_PER_DEVELOPER
from services.shared.listening.domain import MAX_JOINED_FROM_ADDRESS
from services.shared.metrics import Metric
from tests.unit.experiments.webhooks.test_publisher import body, experiment

PAGES = Path(__file__).parents[2] / "docs"


def table(page: str, heading: str) -> dict[str, list[str]]:
    """Returns the rows of the table whose first column has a heading, by their first cell."""
    rows = (PAGES / page).read_text().split(f"\n| {heading} |")[1].split("\n\n")[0].splitlines()[2:]
    cells = [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows]
    return {first.strip("`"): rest for first, *rest in cells}


def test_levels_have_the_documented_thresholds() -> None:
    documented = {name: tuple(float(cell) for cell in row) for name, row in table("verdicts.md", "level").items()}
    assert documented == {level.name: (above, *EVIDENCE_THRESHOLDS[level]) for level, above in GAP_THRESHOLDS.items()}


def test_fixed_quotas_have_the_documented_limits() -> None:
    text = " ".join((PAGES / "settings.md").read_text().split())
    assert (
        f"These quotas are fixed: {MAX_KEYS} API keys and {MAX_ENDPOINTS} webhook endpoints of a developer, "
        f"{MAX_EXPORTS_PER_DEVELOPER} exports and reports that a developer downloads at a time, "
        f"{MAX_LINKS:,} listening links of an experiment, and {MAX_LISTENERS:,} listeners of a link, "
        f"at most {MAX_JOINED_FROM_ADDRESS:,} of them from one address."
    ) in text


def scale(metric: Metric) -> tuple[str, ...]:
    """Returns the ends of a metric's scale as the document writes them."""
    unit = "" if metric.part == "duration_accuracy" or not metric.unit else f" {metric.unit}"
    return tuple(f"{value:,g}{unit}" for value in (metric.worst, metric.best))


@pytest.mark.parametrize("part", PARTS)
def test_a_part_has_the_documented_scale_and_weights(part: str) -> None:
    weights = [PROFILES[name].weights.get(part) for name in ("latency", "quality")]
    written = ["-" if weight is None else f"{weight:.2f}" for weight in weights]
    assert table("verdicts.md", "part")[part] == [f"`{PARTS[part].name}`", *scale(PARTS[part]), *written]


def test_the_documented_messages_of_webhooks_have_the_fields_of_real_ones() -> None:
    blocks = re.findall(r"^```json\n(.*?)^```$", (PAGES / "webhooks.md").read_text(), re.MULTILINE | re.DOTALL)
    evaluated, decided = MESSAGE_TYPES[RecordingEvaluated], MESSAGE_TYPES[BattleDecided]
    delivery = EventMetadata("evt_a", 1, datetime(2026, 1, 1, tzinfo=UTC), "")
    of_evaluation = evaluated.build(RecordingEvaluated(), delivery, "").body(evaluated.type)
    of_battle = decided.build(BattleDecided(winner=1, vote_source=1), delivery, "").body(decided.type)
    for block, message in zip(blocks, (body(experiment(), "espeak:en"), of_evaluation, of_battle), strict=True):
        documented, real = json.loads(block), json.loads(message)
        assert (list(documented), list(documented["data"])) == (list(real), list(real["data"]))


def test_attempts_to_deliver_a_webhook_follow_the_documented_schedule() -> None:
    units = {"s": 1, "min": 60, "h": 3600}
    text = " ".join((PAGES / "webhooks.md").read_text().split())
    waits = re.search(r"The waits before them are (.*?), each", text)
    assert waits
    seconds = [int(number) * units[unit] for number, unit in re.findall(r"(\d+) (s|min|h)\b", waits[1])]
    assert seconds == [wait.total_seconds() for wait in SCHEDULE[1:]]
    assert f"up to {MAX_ENDPOINTS} endpoints" in text
