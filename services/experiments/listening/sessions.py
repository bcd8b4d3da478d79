"""The anonymous sessions with which people listen and vote. The auth service makes them."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from voicearena.auth.v1 import auth_service_pb2, auth_service_pb2_grpc


@dataclass(frozen=True, slots=True)
class Session:
    """A new session. Its token is shown only to whoever it is made for."""

    voter_id: str
    token: str
    expires_at: datetime


class Sessions(Protocol):
    """Where sessions are made."""

    async def new(self) -> Session:
        """Makes one; QuotaExceeded if too many were made from the caller's address lately."""


class AuthSessions:
    """The sessions that the auth service makes."""

    def __init__(self, stub: "auth_service_pb2_grpc.AuthServiceAsyncStub") -> None:
        self._stub = stub

    async def new(self) -> Session:
        made = await self._stub.CreateVoter(auth_service_pb2.CreateVoterRequest())
        return Session(made.id, made.session_token, made.expires_at.ToDatetime(UTC))
