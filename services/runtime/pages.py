"""Pages of lists: their size, and the tokens that lead from one to the next.

A token is the cursor of the last row, bound to the list's filters and to its reader by a signature, so that one that
was tampered with, or taken to another list, is refused instead of giving odd pages.
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
    ) -> tuple[Sequence[T], str]:
        """Returns a page of 20 rows, or of `size` up to 100, and the token of the next, empty on the last.

        `filters` name the list and all that it depends on, its reader too. `fetch` is called with the cursor to go on
        after, a tuple, or None for the beginning, and with how many rows it may return. `cursor` returns a row's place.
        Raises InvalidInput for a negative size and for a token of another list.
        """
        if size < 0:
            raise InvalidInput.of(
                FieldViolation("page_size", f"must be 0 to {MAX_PAGE_SIZE}; 0 means {DEFAULT_PAGE_SIZE}")
            )
        size = min(size or DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE)
        holds_for = json.dumps(filters, sort_keys=True).encode()
        # One more, which shows whether there is another page.
        rows = await fetch(self._read(token, holds_for), size + 1)
        if len(rows) <= size:
            return rows, ""
        last = json.dumps(list(cursor(rows[size - 1])), separators=(",", ":"), default=_as_json)
        return rows[:size], self._signer.token(last.encode(), holds_for)

    def _read(self, token: str, holds_for: bytes) -> tuple[Any, ...] | None:
        if not token:
            return None
        content = self._signer.content(token, holds_for)
        if content is None:
            raise InvalidInput.of(
                FieldViolation("page_token", "must be next_page_token of a list with the same filters")
            )
        return tuple(json.loads(content, object_hook=_from_json))


def _as_json(value: datetime) -> dict[str, str]:
    return {"at": value.isoformat()}


def _from_json(value: dict[str, str]) -> datetime:
    return datetime.fromisoformat(value["at"])
