"""Webhook messages about battles, which elo announces."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from google.protobuf.message import Message
from voicearena.elo.v1.events_pb2 import BattleDecided, BattleVoided

from services.elo import facts
from services.elo.battles.domain import Battle, BattleStatus, VoteSource
from services.experiments.webhooks.domain import BATTLE, Delivery, WebhookEndpoint
from services.experiments.webhooks.messages import MAX_BODY_BYTES
from services.experiments.webhooks.publisher import WebhookPublisher
from services.runtime import bus
from tests.contract.stores.elo.rows import battle
from tests.fakes.memory_database import MemoryDatabase
from tests.fakes.memory_webhook_store import MemoryWebhookStore

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
URL = "https://example.org/done"


def ended(**values: Any) -> Battle:
    """Returns a battle of dev_a that notifies URL."""
    about = {"developer_id": "dev_a", "webhook_url": URL, **values}
    return battle("bat_a", ("mdl_a", 1), ("mdl_b", 2), 1, **about)


DECIDED = ended(status=BattleStatus.DECIDED, winner="b", vote_source=VoteSource.HYBRID, elo_delta=-8.5)


class Webhooks:
    """The publisher of facts over a store in memory with one endpoint of dev_a."""

    def __init__(self) -> None:
        self.database = MemoryDatabase("experiments")
        self.store = MemoryWebhookStore()
        self.publisher = WebhookPublisher(self.database, self.store, "https://arena.example.com")

    async def take(self, fact: Message, event_id: str = "evt_a") -> list[Delivery]:
        """Takes a fact and returns the deliveries about bat_a."""
        await self.publisher.handlers()[type(fact)](fact, bus.EventMetadata(event_id, 1, NOON, ""))
        async with self.database.reading() as connection:
            found = await self.store.deliveries(connection, BATTLE, "bat_a", after=None, limit=9)
        return [each for each, _ in found]


@pytest.fixture
async def webhooks() -> Webhooks:
    made = Webhooks()
    async with made.database.transaction() as connection:
        endpoint = WebhookEndpoint(id="whe_a", developer_id="dev_a", url=URL, secret=b"", created_at=NOON)
        await made.store.add_endpoint(connection, endpoint)
    return made


async def test_the_message_of_a_decided_battle_has_its_result(webhooks: Webhooks) -> None:
    (delivery,) = await webhooks.take(facts.battle_decided(DECIDED))
    assert json.loads(delivery.body) == {
        "type": "battle.decided",
        "timestamp": "2026-01-01T12:00:00.000Z",
        "data": {
            "battle_id": "bat_a",
            "status": "decided",
            "scenario_id": "scn_a",
            "model_a_id": "mdl_a",
            "model_b_id": "mdl_b",
            "winner": "b",
            "vote_source": "hybrid",
            "elo_delta": -8.5,
            "error_message": "",
            "battle_url": "https://arena.example.com/api/v1/battles/bat_a",
        },
    }


async def test_the_message_of_a_void_battle_says_why_and_names_no_model(webhooks: Webhooks) -> None:
    reason = "Ä" * 2000
    (delivery,) = await webhooks.take(facts.battle_voided(ended(status=BattleStatus.VOID, void_reason=reason)))
    assert len(delivery.body) < MAX_BODY_BYTES
    message = json.loads(delivery.body)
    assert (message["type"], message["data"]["status"], message["data"]["error_message"]) == (
        "battle.void",
        "void",
        reason,
    )
    result = ("model_a_id", "model_b_id", "winner", "vote_source", "elo_delta")
    assert [message["data"][name] for name in result] == [None] * 5


async def test_a_fact_that_arrives_twice_makes_one_delivery_and_is_confirmed_twice(webhooks: Webhooks) -> None:
    await webhooks.take(facts.battle_decided(DECIDED))
    assert len(await webhooks.take(facts.battle_decided(DECIDED))) == 1
    assert [type(event).__name__ for event in webhooks.database.published()] == ["FactConfirmed", "FactConfirmed"]


@pytest.mark.parametrize("fact", [BattleDecided(battle_id="bat_a", winner=1, vote_source=1), BattleVoided()])
async def test_battles_of_the_installation_and_without_a_webhook_notify_nobody(
    webhooks: Webhooks, fact: Message
) -> None:
    assert await webhooks.take(fact) == []
