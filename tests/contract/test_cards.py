"""Share cards over each protocol: PNGs of 1200 x 630 pixels, whose headers say how long they may be kept."""

import struct

import httpx
import pytest

from tests.contract.cases import catalogue, exports, leaderboard
from tests.contract.cases.catalogue import recorded
from tests.contract.clients import PROTOCOLS, Client, bearer
from tests.contract.rpcs import rpcs
from tests.contract.world import World

SIGNATURE = b"\x89PNG\r\n\x1a\n"
HARD_NAME = "<script>alert(1)</script> \u202eשלום العربية 日本語 🚀 " + "x" * 150


def size(picture: bytes) -> tuple[int, int]:
    """Returns the width and the height that the header of a PNG states."""
    assert picture[:8] == SIGNATURE
    assert picture[12:16] == b"IHDR"
    width, height = struct.unpack_from(">II", picture, 16)
    return width, height


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_a_card_is_a_picture_of_the_size_that_links_show(
    protocol: str, clients: dict[str, Client], world: World
) -> None:
    requests = {
        leaderboard.CARD: {"board": "human", "category": await world.value("voted_category")},
        catalogue.CARD: {"id": await world.value("voted_model")},
        exports.CARD: {"id": await world.value("completed_experiment")},
    }
    for rpc, request in requests.items():
        outcome = await clients[protocol].call(rpcs()[rpc], request, bearer(world.developer.api_key))
        assert outcome.code == "OK", outcome.message
        assert size(outcome.raw) == (1200, 630)


async def test_cards_of_public_things_may_be_kept_for_a_minute_and_private_ones_are_not_stored(
    http: httpx.AsyncClient, world: World
) -> None:
    key = bearer(world.developer.api_key)
    model = await world.value("own_model")
    private = await world.value("new_private_model")
    experiment = await world.value("completed_experiment")
    board = await http.get("/api/v1/leaderboard/card", params={"board": "metrics"})
    found = {
        "leaderboard-metrics": (board, "public, max-age=60"),
        model: (await http.get(f"/api/v1/models/{model}/card"), "public, max-age=60"),
        private: (await http.get(f"/api/v1/models/{private}/card", headers=key), "no-store"),
        experiment: (await http.get(f"/api/v1/experiments/{experiment}/card", headers=key), "no-store"),
    }
    for name, (response, kept) in found.items():
        assert (response.status_code, response.headers["content-type"]) == (200, "image/png")
        assert response.headers["content-disposition"] == f'inline; filename="{name}.png"'
        assert response.headers["cache-control"] == kept
    own = await http.get("/api/v1/leaderboard/card", params={"private": "true"}, headers=key)
    assert own.headers["cache-control"] == "no-store"


async def test_a_card_of_a_model_with_a_hard_name_is_painted(http: httpx.AsyncClient, world: World) -> None:
    request = await world.resolve(recorded(name=HARD_NAME), {})
    model = await world.call(catalogue.CREATE, request)
    response = await http.get(f"/api/v1/models/{model['id']}/card")
    assert size(response.content) == (1200, 630)
