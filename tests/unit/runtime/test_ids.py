"""The form and the order of ids, and how they are checked."""

import re

import pytest

from services.runtime import ids
from services.runtime.errors import FieldViolation, InvalidInput

GOOD = "exp_" + "0123456789abcdef" * 2


def test_an_id_is_its_prefix_and_32_hexadecimal_digits() -> None:
    assert re.fullmatch(r"trl_[0-9a-f]{32}", ids.new_id("trl"))


def test_ids_of_the_same_millisecond_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.runtime.ids.time.time_ns", lambda: 1_700_000_000_000_000_000)
    assert len({ids.new_id("trl") for _ in range(1000)}) == 1000


def test_the_first_12_digits_are_the_time_in_ms_so_later_ids_sort_later(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    for ms in (1, 255, 256, 1_700_000_000_000, 1_700_000_000_001):
        monkeypatch.setattr("services.runtime.ids.time.time_ns", lambda ms=ms: ms * 1_000_000)
        made.append(ids.new_id("trl"))
        assert int(made[-1][4:16], 16) == ms
    assert made == sorted(made)


def test_an_id_passes_its_own_check() -> None:
    assert ids.check_id(GOOD, "exp") == GOOD


@pytest.mark.parametrize(
    "value",
    [
        "",
        "exp",
        "exp_",
        GOOD[:-1],
        GOOD + "0",
        GOOD.upper(),
        GOOD[:-1] + "g",
        GOOD + "\n",
        "trl" + GOOD[3:],
        "x" + GOOD,
    ],
)
def test_a_malformed_id_is_refused_with_the_name_of_its_field(value: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        ids.check_id(value, "exp", "experiment_id")
    assert raised.value.violations == (FieldViolation("experiment_id", "must be exp_ and 32 hexadecimal digits"),)
