"""Page sizes, page tokens, and tokens that are valid for one list only."""

import base64
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from services.runtime.errors import InvalidInput
from services.runtime.pages import Pages, Value
from services.runtime.signing import MAX_TOKEN_CHARACTERS

PAGES = Pages("a secret")
CURSOR: list[Value] = [datetime(2026, 1, 1, 12, 0, 0, 1, tzinfo=UTC), "exp_a", 3, None]
FILTERS: Mapping[str, Value] = {"list": "experiments", "developer": "dev_a", "status": ""}


class Numbers:
    """A list of numbers. Records how it is read."""

    def __init__(self, count: int) -> None:
        self._numbers = range(count)
        self.calls: list[tuple[Any, int]] = []

    async def fetch(self, after: Any, limit: int) -> Sequence[int]:
        self.calls.append((after, limit))
        start = after[0] + 1 if after else 0
        return self._numbers[start : start + limit]

    async def page(self, size: int, token: str = "") -> tuple[Sequence[int], str]:
        return await PAGES.page(size, token, FILTERS, self.fetch, lambda number: (number,))


async def token_of(cursor: Sequence[Value], filters: Mapping[str, Value] = FILTERS, pages: Pages = PAGES) -> str:
    async def two(after: Any, limit: int) -> Sequence[str]:
        return ["one", "two"]

    return (await pages.page(1, "", filters, two, lambda row: cursor))[1]


async def read(token: str, filters: Mapping[str, Value] = FILTERS, pages: Pages = PAGES) -> Any:
    """Returns the cursor of a token."""
    cursors = []

    async def none(after: Any, limit: int) -> Sequence[str]:
        cursors.append(after)
        return []

    await pages.page(1, token, filters, none, lambda row: ())
    return cursors[0]


async def refused(token: str, filters: Mapping[str, Value] = FILTERS, pages: Pages = PAGES) -> bool:
    try:
        await read(token, filters, pages)
    except InvalidInput as error:
        return [v.field for v in error.violations] == ["page_token"]
    return False


@pytest.mark.parametrize(("requested", "rows"), [(0, 20), (1, 1), (100, 100), (101, 100), (2**31 - 1, 100)])
async def test_a_page_has_20_rows_by_default_and_at_most_100(requested: int, rows: int) -> None:
    numbers = Numbers(300)
    found, token = await numbers.page(requested)
    assert list(found) == list(range(rows))
    assert token
    assert numbers.calls == [(None, rows + 1)]


async def test_a_negative_size_is_refused() -> None:
    numbers = Numbers(3)
    with pytest.raises(InvalidInput, match="page_size: must be 0 to 100; 0 means 20"):
        await numbers.page(-1)
    assert not numbers.calls


@pytest.mark.parametrize(("count", "sizes"), [(0, [0]), (3, [3]), (4, [4]), (5, [4, 1]), (8, [4, 4]), (9, [4, 4, 1])])
async def test_the_tokens_lead_through_all_pages_and_the_last_page_has_none(count: int, sizes: list[int]) -> None:
    numbers = Numbers(count)
    found, token = await numbers.page(4)
    pages = [list(found)]
    while token:
        found, token = await numbers.page(4, token)
        pages.append(list(found))
    assert [len(page) for page in pages] == sizes
    assert [number for page in pages for number in page] == list(range(count))


async def test_a_token_returns_its_cursor() -> None:
    assert await read(await token_of(CURSOR)) == tuple(CURSOR)


async def test_every_process_with_the_same_secret_can_read_a_token() -> None:
    token = await token_of(CURSOR)
    assert await read(token, pages=Pages("a secret")) == tuple(CURSOR)
    assert await refused(token, pages=Pages("another"))


async def test_without_a_token_the_list_begins_at_its_start() -> None:
    assert await read("") is None


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
async def test_a_token_of_another_list_is_refused(other: Mapping[str, Value]) -> None:
    assert await refused(await token_of(CURSOR), other)


async def test_the_order_of_filters_does_not_matter() -> None:
    assert await read(await token_of(CURSOR), dict(reversed(list(FILTERS.items())))) == tuple(CURSOR)


@pytest.mark.parametrize("cursor", [CURSOR, CURSOR[:2], CURSOR[1:2]], ids=["4 values", "2 values", "1 value"])
async def test_a_token_with_any_character_changed_is_refused(cursor: list[Value]) -> None:
    token = await token_of(cursor)
    for position, character in enumerate(token):
        for other in ("A", "B", "-", "9", "=", "é"):
            if other != character:
                assert await refused(token[:position] + other + token[position + 1 :]), position


async def test_a_shortened_or_extended_token_is_refused() -> None:
    token = await token_of(CURSOR)
    for length in range(1, len(token)):
        assert await refused(token[:length])
    for added in ("A", "=", "AAAA", "\n", " "):
        assert await refused(token + added)


@pytest.mark.parametrize(
    "token", ["?", "not a token", base64.b64encode(b"short").decode(), "A" * (MAX_TOKEN_CHARACTERS + 1)]
)
async def test_a_text_that_is_no_token_is_refused(token: str) -> None:
    assert await refused(token)
