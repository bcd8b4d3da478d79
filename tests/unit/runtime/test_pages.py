"""Page sizes, and tokens that hold for one list only."""

import base64
from collections.abc import Mapping

import pytest

from services.runtime.errors import InvalidInput
from services.runtime.pages import LONGEST_TOKEN, PageTokens, page_size, type_of_value

TOKENS = PageTokens(b"a secret")
CURSOR: list[type_of_value] = ["2026-01-01T12:00:00+00:00", "exp_a", 3, None]
FILTERS: Mapping[str, type_of_value] = {"list": "experiments", "developer": "dev_a", "status": ""}


def refused(token: str, filters: Mapping[str, type_of_value] = FILTERS, tokens: PageTokens = TOKENS) -> bool:
    try:
        tokens.decode(token, filters)
    except InvalidInput as error:
        return [v.field for v in error.violations] == ["page_token"]
    return False


@pytest.mark.parametrize(("requested", "rows"), [(0, 20), (1, 1), (100, 100), (101, 100), (2**31 - 1, 100)])
def test_a_page_has_20_rows_unless_asked_and_never_more_than_100(requested: int, rows: int) -> None:
    assert page_size(requested) == rows


def test_a_negative_size_is_refused() -> None:
    with pytest.raises(InvalidInput, match="page_size: must be 0 to 100; 0 means 20"):
        page_size(-1)


def test_a_token_gives_back_its_cursor() -> None:
    assert TOKENS.decode(TOKENS.encode(CURSOR, FILTERS), FILTERS) == CURSOR


def test_every_process_with_the_secret_reads_a_token() -> None:
    assert PageTokens(b"a secret").decode(TOKENS.encode(CURSOR, FILTERS), FILTERS) == CURSOR
    assert refused(TOKENS.encode(CURSOR, FILTERS), tokens=PageTokens(b"another"))


def test_no_token_is_the_beginning() -> None:
    assert TOKENS.decode("", FILTERS) is None


@pytest.mark.parametrize(
    "other",
    [
        {**FILTERS, "list": "trials"},
        {**FILTERS, "developer": "dev_b"},
        {**FILTERS, "status": "running"},
        {"list": "experiments", "developer": "dev_a"},
        {},
    ],
)
def test_a_token_is_refused_by_every_other_list(other: Mapping[str, type_of_value]) -> None:
    assert refused(TOKENS.encode(CURSOR, FILTERS), other)


def test_the_order_of_filters_does_not_matter() -> None:
    assert TOKENS.decode(TOKENS.encode(CURSOR, FILTERS), dict(reversed(list(FILTERS.items())))) == CURSOR


@pytest.mark.parametrize("cursor", [CURSOR, CURSOR[:2], CURSOR[:1]], ids=["4 values", "2 values", "1 value"])
def test_a_token_with_any_character_changed_is_refused(cursor: list[type_of_value]) -> None:
    token = TOKENS.encode(cursor, FILTERS)
    for position, character in enumerate(token):
        for other in ("A", "B", "-", "9", "=", "é"):
            if other != character:
                assert refused(token[:position] + other + token[position + 1 :]), position


def test_a_token_cut_short_or_grown_is_refused() -> None:
    token = TOKENS.encode(CURSOR, FILTERS)
    for length in range(1, len(token)):
        assert refused(token[:length])
    for added in ("A", "=", "AAAA", "\n", " "):
        assert refused(token + added)


@pytest.mark.parametrize("token", ["?", "not a token", base64.b64encode(b"short").decode(), "A" * (LONGEST_TOKEN + 1)])
def test_what_never_was_a_token_is_refused(token: str) -> None:
    assert refused(token)
