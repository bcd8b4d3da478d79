"""Reads lists page by page, with signed page tokens.

A page token is the cursor of the page's last row. Its signature also covers the list's filters and its reader. So a
token that was changed, or that belongs to another list, is refused.
"""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from services.runtime.errors import FieldViolation, InvalidInput
from services.runtime.signing import TokenSigner

DEFAULT_PAGE_SIZE = 20
MAX_PAGE_SIZE = 100

Value = str | int | float | bool | datetime | None

T = TypeVar("T")


class Pages:
    """Reads lists page by page. All processes of a service must share the secret."""

    def __init__(self, secret: str) -> None:
        self._signer = TokenSigner(secret, "page tokens")

    async def page(
        self,
        size: int,
        token: str,
        filters: Mapping[str, Value],
        fetch: Callable[[Any, int], Awaitable[Sequence[T]]],
        cursor: Callable[[T], Sequence[Value]],
        default_size: int = DEFAULT_PAGE_SIZE,
        max_size: int = MAX_PAGE_SIZE,
    ) -> tuple[Sequence[T], str]:
        """Returns a page of `size` rows, and the token of the next page, empty on the last page.

        A `size` of 0 means `default_size`, and more than `max_size` means that. `filters` name the list, everything
        that its rows depend on, and its reader. `fetch` gets a cursor, after which it begins (None for the first page),
        and the maximum number of rows. `cursor` returns the cursor of a row.

        Raises InvalidInput if `size` is negative or the token is not of this list.
        """
        if size < 0:
            raise InvalidInput.of(FieldViolation("page_size", f"must be 0 to {max_size}; 0 means {default_size}"))
        size = min(size or default_size, max_size)
        context = json.dumps(filters, sort_keys=True).encode()
        # One more row shows whether there is a next page.
        rows = await fetch(self._read(token, context), size + 1)
        if len(rows) <= size:
            return rows, ""
        last = json.dumps(list(cursor(rows[size - 1])), separators=(",", ":"), default=_as_json)
        return rows[:size], self._signer.token(last.encode(), context)

    def _read(self, token: str, context: bytes) -> tuple[Any, ...] | None:
        if not token:
            return None
        content = self._signer.content(token, context)
        if content is None:
            raise InvalidInput.of(
                FieldViolation("page_token", "must be the next_page_token of a list with the same filters")
            )
        return tuple(json.loads(content, object_hook=_from_json))


def _as_json(value: datetime) -> dict[str, str]:
    return {"at": value.isoformat()}


def _from_json(value: dict[str, str]) -> datetime:
    return datetime.fromisoformat(value["at"])
