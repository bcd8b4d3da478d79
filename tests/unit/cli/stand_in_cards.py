"""Share cards of the stand-in mesh."""

# ruff: noqa: N802 - RPCs are named by the protos.
from __future__ import annotations

from typing import Any

from google.api.httpbody_pb2 import HttpBody

PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(2000)


class CardsStandIn:
    """Answers every request for a card with PICTURE."""

    requests: list[Any]

    async def GetLeaderboardCard(self, request: Any, context: Any) -> HttpBody:
        return self._card(request)

    async def GetVoiceModelCard(self, request: Any, context: Any) -> HttpBody:
        return self._card(request)

    async def GetVerdictCard(self, request: Any, context: Any) -> HttpBody:
        return self._card(request)

    def _card(self, request: Any) -> HttpBody:
        self.requests.append(request)
        return HttpBody(content_type="image/png", data=PICTURE)
