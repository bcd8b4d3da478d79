"""Anonymous voter sessions, which the auth service makes."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from voicearena.auth.v1 import auth_service_pb2, auth_service_pb2_grpc


@dataclass(frozen=True, slots=True)
class VoterSession:
    """A new voter session. Only the voter it is made for sees its token."""

    voter_id: str
    token: str
    expires_at: datetime


class VoterSessions(Protocol):
    """Makes voter sessions."""

    async def new(self) -> VoterSession:
        """Makes a session. Raises QuotaExceeded if too many were made from the caller's address recently."""


class AuthSessions:
    """Makes voter sessions with the auth service."""

    def __init__(self, stub: "auth_service_pb2_grpc.AuthServiceAsyncStub") -> None:
        self._stub = stub

    async def new(self) -> VoterSession:
        made = await self._stub.CreateVoter(auth_service_pb2.CreateVoterRequest())
        return VoterSession(made.id, made.session_token, made.expires_at.ToDatetime(UTC))
