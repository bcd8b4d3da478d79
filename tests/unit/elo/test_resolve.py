"""Which voice model a query resolves to."""

import random
from datetime import UTC, datetime

import pytest

from services.elo.catalogue.domain import Query, VoiceModel, resolve
from services.elo.domain import INSTALLATION

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def model(
    seq: int, voice: str, *, owner: str = INSTALLATION, provider: str = "espeak", active: bool = True
) -> VoiceModel:
    return VoiceModel(
        id=f"mdl_{seq}",
        developer_id=owner,
        name=voice,
        provider=provider,
        version="",
        voice_id=voice,
        model_id="",
        speed=None,
        active=active,
        created_at=NOON,
        updated_at=NOON,
        seq=seq,
    )


CATALOGUE = [
    model(1, "slt", provider="flite"),
    model(2, "en"),
    model(3, "de"),
    model(4, "fr", active=False),
    model(5, "en", owner="dev_a"),
    model(6, "en", owner="dev_a"),
    model(7, "own", owner="dev_a"),
    model(8, "en", owner="dev_b"),
    model(9, "kal", owner="dev_a", provider="festival"),
    model(10, "ked", owner="dev_a", provider="festival"),
]


@pytest.mark.parametrize(
    ("provider", "voice", "developer", "seq"),
    [
        pytest.param("espeak", "de", "dev_a", 3, id="a voice of the installation"),
        pytest.param("espeak", "en", "dev_c", 2, id="models of other developers never match"),
        pytest.param("espeak", "own", "dev_b", None, id="not even if there is no other model"),
        pytest.param("espeak", "en", "dev_a", 6, id="the newest model of the developer comes first"),
        pytest.param("espeak", "own", "dev_a", 7, id="a voice that only the developer has"),
        pytest.param("espeak", "fr", "dev_a", None, id="inactive models never match"),
        pytest.param("espeak", "slt", "dev_a", None, id="a voice of another provider"),
        pytest.param("espeak", "", "dev_a", 2, id="without a voice: the first of the installation"),
        pytest.param("festival", "", "dev_a", 9, id="else the first of the developer"),
        pytest.param("festival", "", "dev_b", None, id="but never of another developer"),
        pytest.param("nobody", "", "dev_a", None, id="an unknown provider"),
        pytest.param("", "", "dev_a", None, id="no provider"),
    ],
)
def test_a_query_resolves_to(provider: str, voice: str, developer: str, seq: int | None) -> None:
    shuffled = random.Random(7).sample(CATALOGUE, len(CATALOGUE))
    for candidates in (CATALOGUE, CATALOGUE[::-1], shuffled):
        found = resolve(Query(provider, voice), candidates, developer)
        assert (found.seq if found else None) == seq
